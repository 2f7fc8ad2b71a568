"""How urgent an event is: in terms of incident severities, whatever it is about."""

from domain.events import CloudEvent

_OF_ALARMS = {"CRITICAL": "SEV-1", "MAJOR": "SEV-2", "MINOR": "SEV-3", "WARNING": "SEV-4"}


def urgency_of(event: CloudEvent) -> str | None:
    """The severity of the event's incident, or the one that its alarm's stands for; None where there is none."""
    if not event.type.startswith("im.alarm."):
        return event.severity
    stated = event.data.get("severity") if isinstance(event.data, dict) else None
    return _OF_ALARMS.get(stated) if isinstance(stated, str) else None
