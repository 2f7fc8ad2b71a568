"""Examples of pausing for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

from api.examples import SUBSCRIBER

PAUSE: dict[str, Any] = {"reason": "database migration"}
RESUME: dict[str, Any] = {"drop_older_than_seconds": 3600}
PAUSED: dict[str, Any] = SUBSCRIBER | {"paused": {"at": "2025-12-26T14:30:00Z", "reason": "database migration"}}
RESUMED: dict[str, Any] = {"subscriber": SUBSCRIBER, "waiting": 120, "retrying": 2}
