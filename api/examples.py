"""Examples for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

_AT = "2025-12-26T14:30:00Z"
EVENT_ID = "evt_550e8400-e29b-41d4-a716-446655440000"

ADD_SUBSCRIBER: dict[str, Any] = {
    "name": "my-webhook",
    "url": "https://example.com/webhooks/incidents",
    "types": ["im.incident.**"],
    "generate_secret": True,
}
ADD_TARGET: dict[str, Any] = {"name": "oncall", "notify": "pagerduty://0123456789abcdef0123456789abcdef"}
UPDATE_SUBSCRIBER: dict[str, Any] = {"generate_secret": True, "overlap_seconds": 86400}

SUBSCRIBER: dict[str, Any] = {
    "name": "my-webhook",
    "url": "https://example.com/webhooks/incidents",
    "hostname": "example.com",
    "port": 443,
    "context": "/webhooks/incidents",
    "target": "webhook",
    "types": ["im.incident.**"],
    "severities": ["SEV-1", "SEV-2"],
    "enabled": True,
    "signed": True,
    "rotating_until": None,
    "header_names": [],
    "schedule": "default",
    "max_attempts": 5,
    "message_format": "cloudevents",
    "http_client": None,
    "certificate_expires_at": None,
    "ordered": False,
    "max_concurrency": None,
    "rate_limit": "10/s",
    "pause_after_seconds": 432000,
    "gone_at": None,
    "paused": None,
    "created_at": _AT,
    "updated_at": _AT,
}
CHANGED: dict[str, Any] = {
    "subscriber": SUBSCRIBER,
    "warnings": [],
    "secret": "whsec_(shown this once)",
    "whsec": None,
}
HEALTH: dict[str, Any] = {
    "subscriber": "my-webhook",
    "delivered": 150,
    "failed": 2,
    "success_rate": 98.7,
    "status": "healthy",
    "last_delivered": _AT,
    "last_success": _AT,
    "retrying": 0,
    "in_line": 0,
    "ordered": False,
    "paused": None,
    "waiting": 0,
    "oldest_waiting": None,
    "drain": None,
    "not_counted": None,
    "consecutive_failures": 0,
    "failing_since": None,
    "last_error": "HTTP 503 Service Unavailable",
    "p50_ms": 41,
    "p95_ms": 180,
    "certificate_expires_at": None,
    "warnings": [],
}
TYPE_MATCH: dict[str, Any] = {
    "patterns": ["im.incident.declared.*"],
    "types": [{"type": "im.incident.declared.v1", "description": "New incident created"}],
    "warnings": [],
}
EMITTED_TYPE: dict[str, Any] = {
    "type": "im.incident.declared.v1",
    "description": "New incident created",
    "schema_url": "/api/v1/types/im.incident.declared.v1",
}

TRIAL: dict[str, Any] = {
    "subscriber": "oncall",
    "event_id": EVENT_ID,
    "state": "delivered",
    "delivery": {
        "subscriber": "oncall",
        "state": "delivered",
        "attempts": [
            {
                "number": 1,
                "at": _AT,
                "duration_ms": 210,
                "status": 202,
                "failure": None,
                "error": None,
                "retry_after_seconds": None,
                "response": '{"status":"success"}',
            }
        ],
        "error": None,
        "next_retry_at": None,
        "recorded": True,
    },
}

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": EVENT_ID,
    "source": "/incidents/INC-12345",
    "type": "im.incident.declared.v1",
    "time": _AT,
    "datacontenttype": "application/json",
    "data": {
        "incident_id": "INC-12345",
        "title": "Production API latency spike",
        "severity": "SEV-2",
        "actor": "oncall@example.com",
    },
    "imincidentid": "INC-12345",
}
RECEIPT: dict[str, Any] = {"event_id": EVENT_ID, "published": True, "duplicate": False, "accepted_at": _AT}
RESENT: dict[str, Any] = RECEIPT | {
    "workflow_id": f"event/{EVENT_ID}@1f2e3d4c/resend-9b0c1d2e",
    "warnings": [
        "my-webhook is paused (by hand): this waits for the end of the pause, im subscriber resume my-webhook"
    ],
}
EVENT_ROW: dict[str, Any] = {
    "event_id": EVENT_ID,
    "type": "im.incident.declared.v1",
    "source": "/incidents/INC-12345",
    "incident_id": "INC-12345",
    "kind": "original",
    "replay": None,
    "outcome": "retrying",
    "state": None,
    "troubled": ["retrying:my-webhook"],
    "more_troubled": False,
    "subscribers": ["my-webhook"],
    "more_subscribers": False,
    "emitted_at": _AT,
    "workflow_id": f"event/{EVENT_ID}@1f2e3d4c",
}
EVENT_DETAIL: dict[str, Any] = {
    "event": EVENT,
    "runs": [
        {
            "workflow_id": f"event/{EVENT_ID}@1f2e3d4c",
            "run_id": "0198c0de-0000-7000-8000-000000000000",
            "kind": "original",
            "outcome": "retrying",
            "accepted_at": _AT,
            "started_at": _AT,
            "ended_at": None,
            "only": None,
            "complete": True,
            "deliveries": [
                {
                    "subscriber": "my-webhook",
                    "state": "retrying",
                    "attempts": [
                        {
                            "number": 1,
                            "at": _AT,
                            "duration_ms": 41,
                            "status": 503,
                            "failure": "http_status",
                            "error": "HTTP 503 Service Unavailable",
                            "retry_after_seconds": None,
                            "response": "try again later",
                        }
                    ],
                    "error": "HTTP 503 Service Unavailable",
                    "next_retry_at": "2025-12-26T14:30:01Z",
                    "recorded": False,
                }
            ],
        }
    ],
    "paused": {"my-webhook": {"at": _AT, "reason": "database migration"}},
}

DECLARE_INCIDENT: dict[str, Any] = {
    "title": "Production API latency spike",
    "severity": "SEV-2",
    "actor": "oncall@example.com",
}
TAKE_STEP: dict[str, Any] = {"actor": "oncall@example.com", "note": "Rolled back to the release before"}
ADD_NOTE: dict[str, Any] = {"actor": "oncall@example.com", "note": "The database is not involved"}
INCIDENT_ROW: dict[str, Any] = {
    "id": "INC-12345",
    "severity": "SEV-2",
    "status": "declared",
    "title": "Production API latency spike",
    "declared_at": _AT,
}
INCIDENT: dict[str, Any] = {
    **INCIDENT_ROW,
    "updated_at": _AT,
    "details": None,
    "timeline": [
        {
            "at": _AT,
            "action": "declare",
            "actor": "oncall@example.com",
            "note": None,
            "event_id": EVENT_ID,
            "published": True,
        }
    ],
    "warnings": [],
}


def answer(status: int, example: dict[str, Any]) -> dict[int | str, dict[str, Any]]:
    """Declares the example of a route's answer."""
    return {status: {"content": {"application/json": {"example": example}}}}


def listed(row: dict[str, Any], **more: Any) -> dict[int | str, dict[str, Any]]:
    """Declares the example of a list with one row."""
    return answer(200, {"data": [row], "next_cursor": None} | more)
