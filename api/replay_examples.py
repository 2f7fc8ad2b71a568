"""Examples of replays for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

START: dict[str, Any] = {"subscriber": "my-webhook", "failed_only": True, "since": "6h", "rate": "20/s"}
BACKFILL: dict[str, Any] = {"to": "my-new-webhook", "types": "im.incident.**"}

ROW: dict[str, Any] = {
    "id": "rpl_3f9c2a7b10de",
    "selection": {
        "to": "my-webhook",
        "sent_to": "my-webhook",
        "failed_only": True,
        "undelivered": False,
        "types": None,
        "since": "2025-12-26T08:30:00Z",
        "until": "2025-12-26T14:30:00Z",
        "begun_before": None,
    },
    "rate": "20/s",
    "stage": "sending",
    "started_at": "2025-12-26T14:30:00Z",
    "ended_at": None,
    "matched": 1200,
    "sent": 400,
    "skipped": 3,
    "gone": 0,
    "reason": None,
}
REPLAY: dict[str, Any] = ROW | {
    "delivered": 396,
    "failed": 1,
    "cancelled": 0,
    "under_way": 3,
    "forgotten": 0,
    "eta_seconds": 40.0,
}
STARTED: dict[str, Any] = REPLAY | {"warnings": []}
_EVENT: dict[str, Any] = {
    "event_id": "evt_019b5a1c-7d40-7c3e-9b1f-2a6d5e8c4b70",
    "source": "/incidents/INC-7",
    "type": "im.incident.declared.v1",
    "at": "2025-12-26T09:12:00Z",
    "workflow_id": "event/evt_019b5a1c-7d40-7c3e-9b1f-2a6d5e8c4b70@5f1d0c2e",
    "run_id": "019b5a1c-7d41-7000-8000-000000000000",
    "place": 0,
}
SURVEY: dict[str, Any] = {
    "matched": 1,
    "skipped": 3,
    "by_type": {"im.incident.declared.v1": 1},
    "first": _EVENT,
    "last": _EVENT,
    "complete": True,
    "held": None,
}
SURVEYED: dict[str, Any] = SURVEY | {"warnings": []}
