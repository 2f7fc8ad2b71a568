"""The forms in which a webhook may want its messages, and which event types each can say."""

from enum import StrEnum

from domain import event_types

ALARM_TYPES = (event_types.ALARM_RAISED, event_types.ALARM_CHANGED, event_types.ALARM_CLEARED)


class MessageFormat(StrEnum):
    """``cloudevents`` says any event; ``flat`` and ``nested`` are alarm notifications, and say alarms alone."""

    CLOUDEVENTS = "cloudevents"
    FLAT = "flat"
    NESTED = "nested"


def sayable_types(message_format: MessageFormat) -> tuple[str, ...] | None:
    """The event types that a format can say; None for any."""
    return None if message_format is MessageFormat.CLOUDEVENTS else ALARM_TYPES


def can_say(message_format: MessageFormat, event_type: str) -> bool:
    """Whether a format can say an event of that type."""
    known = sayable_types(message_format)
    return known is None or event_type in known
