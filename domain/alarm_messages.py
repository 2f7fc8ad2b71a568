"""Alarm notifications, flat and nested: how a state of an alarm is written.

Both have the keys of the Webhook Notifier, ``severity`` at the top level among them, and always all of them: what is
absent is an empty text, list or object. `domain.alarm_parsing` reads them back.
"""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

from domain.alarm_parsing import parse_nested
from domain.alarm_texts import DEPENDENCY, Impacts
from domain.alarms import Notification
from domain.events import CloudEvent
from domain.message_formats import MessageFormat

CONTENT_TYPE = "application/json"


def timestamp(at: datetime) -> str:
    """``2025-12-26T14:30:00.000000Z``: always with microseconds, so that text sorts as time does."""
    return at.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def flat(state: Notification) -> dict[str, str]:
    """One level, every value a string; texts of several lines have line breaks in them."""
    return {
        "alarm_id": state.alarm_id,
        "alarm_type": state.alarm_type,
        "resource_id": state.resource_id,
        "resource_type": state.resource_type,
        "node_id": state.node_id,
        "cleared": "true" if state.cleared else "false",
        "severity": state.severity.value,
        "dashboard_link": state.dashboard_link,
        "brief_description": state.brief_description,
        "detailed_description": "\n".join(state.detailed_description),
        "impacted_resources": "\n".join(impact_lines(state.impacted_resources)),
        "suggested_actions": "\n".join(state.suggested_actions),
        "last_updated": timestamp(state.last_updated),
    }


def nested(state: Notification) -> dict[str, Any]:
    """Sub-maps for identity and description; lists for texts of several lines."""
    return {
        "alarm_id": state.alarm_id,
        "identifier": {
            "alarm_type": state.alarm_type,
            "resource_id": state.resource_id,
            "resource_type": state.resource_type,
            "node_id": state.node_id,
        },
        "cleared": state.cleared,
        "severity": state.severity.value,
        "description": {
            "dashboard_link": state.dashboard_link,
            "brief_description": state.brief_description,
            "detailed_description": list(state.detailed_description),
            "suggested_actions": list(state.suggested_actions),
            "impact_descriptions": {
                kind: {"title": impact.title, "impacted_dependencies": list(impact.impacted_dependencies)}
                for kind, impact in state.impacted_resources.items()
            },
        },
        "last_updated": timestamp(state.last_updated),
    }


def impact_lines(impacts: Impacts) -> list[str]:
    """``TYPE: title``, then ``  - dependency`` for each, type by type."""
    lines = []
    for kind, impact in impacts.items():
        lines.append(f"{kind}: {impact.title}" if impact.title else f"{kind}:")
        lines += [f"{DEPENDENCY}{each}" for each in impact.impacted_dependencies]
    return lines


def alarm_event(state: Notification, event_type: str, event_id: str) -> CloudEvent:
    """The CloudEvent that tells a state of an alarm; its data is the nested notification."""
    return CloudEvent(
        id=event_id,
        source=f"/alarms/{quote(state.alarm_id, safe='')}",
        type=event_type,
        time=timestamp(state.last_updated),
        datacontenttype=CONTENT_TYPE,
        data=nested(state),
        extensions={"imalarmid": state.alarm_id},
    )


def message_body(message_format: MessageFormat, event: CloudEvent) -> bytes:
    """The body of a notification in a format other than ``cloudevents``.

    Raises:
        InvalidNotificationError: the event's data is no nested notification; anybody may publish an ``im.alarm.*``.
    """
    state = parse_nested(event.data)
    said: Mapping[str, Any] = flat(state) if message_format is MessageFormat.FLAT else nested(state)
    return json.dumps(said, ensure_ascii=False, separators=(",", ":")).encode()
