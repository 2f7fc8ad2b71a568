"""Examples of what explains and follows events."""

from typing import Any

EXPLANATION = {
    "verdict": "retrying",
    "headline": "my-webhook has not been told yet: it is being retried after HTTP 503 Service Unavailable.",
    "facts": [
        "its pattern 'im.incident.**' matches im.incident.declared.v1.",
        "1 request made; the last one: HTTP 503 Service Unavailable.",
    ],
    "next": "request 2 of 5 at 2025-12-26T14:30:01Z (in 1 s).",
    "next_at": "2025-12-26T14:30:01.041Z",
    "advice": ["how it does otherwise: im subscriber health my-webhook"],
    "event_id": "evt_550e8400-e29b-41d4-a716-446655440000",
    "source": "/incidents/INC-7",
    "type": "im.incident.declared.v1",
    "subscriber": "my-webhook",
    "emitted_at": "2025-12-26T14:30:00Z",
    "rounds": [
        {
            "workflow_id": "event/evt_550e8400-e29b-41d4-a716-446655440000@1b2c3d4e",
            "kind": "original",
            "state": "retrying",
            "started_at": "2025-12-26T14:30:00Z",
            "tries": [
                {
                    "waited_seconds": None,
                    "attempt": {
                        "number": 1,
                        "at": "2025-12-26T14:30:00Z",
                        "duration_ms": 41,
                        "status": 503,
                        "failure": "http_status",
                        "error": "HTTP 503 Service Unavailable",
                        "retry_after_seconds": None,
                        "response": "try later",
                    },
                }
            ],
        }
    ],
}

STREAM: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "The stream.",
        "content": {
            "text/event-stream": {
                "schema": {"type": "string"},
                "example": (
                    "retry: 3000\nid: 2025-12-26T14:30:00.000000+00:00\n\n"
                    "id: 2025-12-26T14:30:02.100000+00:00\nevent: change\n"
                    'data: {"event_id":"evt_1","type":"im.incident.declared.v1","source":"/incidents/INC-7",'
                    '"incident_id":"INC-7","kind":"original","replay":null,"outcome":"retrying","troubled":["retrying:my-webhook"],'
                    '"emitted_at":"2025-12-26T14:30:02Z","workflow_id":"event/evt_1@1b2c3d4e",'
                    '"subscribers":["my-webhook"],"ended_at":null}\n\n'
                    ": still here\nid: 2025-12-26T14:30:02.100000+00:00\n\n"
                ),
            }
        },
    }
}
