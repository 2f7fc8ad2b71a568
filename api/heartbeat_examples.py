"""Examples of heartbeats for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

_AT = "2025-12-26T14:30:00Z"

ADD_HEARTBEAT: dict[str, Any] = {
    "name": "nightly-backup",
    "every_seconds": 86400,
    "grace_seconds": 3600,
    "severity": "SEV-2",
    "ping_url": "https://hc-ping.com/your-uuid",
}
UPDATE_HEARTBEAT: dict[str, Any] = {"every_seconds": 3600, "grace_seconds": 600}
HEARTBEAT: dict[str, Any] = {
    "name": "nightly-backup",
    "status": "up",
    "every_seconds": 86400,
    "grace_seconds": 3600,
    "severity": "SEV-2",
    "cluster": None,
    "zeebe_process": None,
    "ping_url": "https://hc-ping.com/…",
    "created_at": _AT,
    "updated_at": _AT,
    "last_beat_at": _AT,
    "due_at": "2025-12-27T14:30:00Z",
    "deadline": "2025-12-27T15:30:00Z",
    "unknown_since": None,
    "running_since": None,
    "last_run_seconds": 312.5,
    "last_note": None,
    "incident_id": None,
    "last_ping": {"kind": "success", "at": _AT, "error": None},
    "changes": [{"at": _AT, "status": "up", "reason": "beat received"}],
    "fault": None,
}
HEARTBEAT_ADDED: dict[str, Any] = {"heartbeat": HEARTBEAT, "ping_path": "/api/v1/ping/(key, shown this once)"}
