"""An alarm's event in words for people."""

from collections.abc import Sequence

from domain.alarm_errors import InvalidNotificationError
from domain.alarm_messages import impact_lines
from domain.alarm_parsing import parse_nested
from domain.alarms import Notification
from domain.events import CloudEvent
from domain.message_formats import ALARM_TYPES


def alarm_of(event: CloudEvent) -> Notification | None:
    """The state of the alarm that an event tells; None for other events, and for data that tells none."""
    if event.type not in ALARM_TYPES:
        return None
    try:
        return parse_nested(event.data)
    except InvalidNotificationError:
        return None


def alarm_title(alarm: Notification) -> str:
    """``[MAJOR] failed-connection of data-source users-db: The database does not answer``."""
    head = f"[{alarm.severity}] {alarm.alarm_type} of {alarm.resource_type} {alarm.resource_id}"
    return f"{head}: {alarm.brief_description}" if alarm.brief_description else head


def alarm_body(alarm: Notification) -> str:
    """Lines for whoever reads more than the title: what is wrong, what it does, what to do, the link."""
    parts: Sequence[Sequence[str]] = (
        [f"node: {alarm.node_id}"] if alarm.node_id else [],
        alarm.detailed_description,
        impact_lines(alarm.impacted_resources),
        alarm.suggested_actions,
        [alarm.dashboard_link] if alarm.dashboard_link else [],
    )
    return "\n".join(line for part in parts for line in part)
