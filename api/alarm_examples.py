"""Examples of alarms for OpenAPI; a test reads each of them with the model it stands for."""

from typing import Any

from api.examples import EVENT_ID

_AT = "2025-12-26T14:30:00Z"
ALARM_ID = "failed-connection-b35052ec4bed3f0d"

IMPACTS: dict[str, Any] = {
    "authenticator": {"title": "Users cannot log in", "impacted_dependencies": ["html-form", "sms"]}
}
RAISE_ALARM: dict[str, Any] = {
    "alarm_type": "failed-connection",
    "resource_type": "data-source",
    "resource_id": "users-db",
    "node_id": "node-1",
    "severity": "MAJOR",
    "brief_description": "The database does not answer",
    "detailed_description": ["Connection refused", "3 of 3 attempts failed"],
    "suggested_actions": ["Is the database up?"],
    "impacted_resources": IMPACTS,
}
CLEAR_ALARM: dict[str, Any] = {"brief_description": "The database answers again"}
ALARM: dict[str, Any] = {
    "alarm_type": "failed-connection",
    "resource_type": "data-source",
    "resource_id": "users-db",
    "alarm_id": ALARM_ID,
    "node_id": "node-1",
    "severity": "MAJOR",
    "dashboard_link": "https://admin.example.com/alarms/failed-connection-b35052ec4bed3f0d",
    "brief_description": "The database does not answer",
    "detailed_description": ["Connection refused", "3 of 3 attempts failed"],
    "suggested_actions": ["Is the database up?"],
    "impacted_resources": IMPACTS,
    "last_updated": _AT,
    "observed_at": _AT,
    "first_raised_at": _AT,
    "raised_at": _AT,
    "cleared_at": None,
    "raised_count": 1,
    "observed_count": 1,
    "cleared": False,
}
OBSERVED: dict[str, Any] = {
    "outcome": "raised",
    "created": True,
    "event_id": EVENT_ID,
    "published": True,
    "alarm": ALARM,
    "warnings": [],
}
ALARM_ROW: dict[str, Any] = {
    "alarm_id": ALARM_ID,
    "alarm_type": "failed-connection",
    "resource_type": "data-source",
    "resource_id": "users-db",
    "node_id": "node-1",
    "severity": "MAJOR",
    "cleared": False,
    "brief_description": "The database does not answer",
    "last_updated": _AT,
    "observed_at": _AT,
    "raised_count": 1,
}
NESTED: dict[str, Any] = {
    "alarm_id": ALARM_ID,
    "identifier": {
        "alarm_type": "failed-connection",
        "resource_id": "users-db",
        "resource_type": "data-source",
        "node_id": "node-1",
    },
    "cleared": False,
    "severity": "MAJOR",
    "description": {
        "dashboard_link": "https://admin.example.com/alarms/failed-connection-b35052ec4bed3f0d",
        "brief_description": "The database does not answer",
        "detailed_description": ["Connection refused", "3 of 3 attempts failed"],
        "suggested_actions": ["Is the database up?"],
        "impact_descriptions": IMPACTS,
    },
    "last_updated": "2025-12-26T14:30:00.000000Z",
}
FLAT: dict[str, Any] = {
    "alarm_id": ALARM_ID,
    "alarm_type": "failed-connection",
    "resource_id": "users-db",
    "resource_type": "data-source",
    "node_id": "node-1",
    "cleared": "false",
    "severity": "MAJOR",
    "dashboard_link": "https://admin.example.com/alarms/failed-connection-b35052ec4bed3f0d",
    "brief_description": "The database does not answer",
    "detailed_description": "Connection refused\n3 of 3 attempts failed",
    "impacted_resources": "authenticator: Users cannot log in\n  - html-form\n  - sms",
    "suggested_actions": "Is the database up?",
    "last_updated": "2025-12-26T14:30:00.000000Z",
}
