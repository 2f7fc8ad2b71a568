"""An event in words for people: a title, and lines of text, cut to what a service takes."""

import json
from datetime import datetime
from typing import Any

from domain.event_types import SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.targets.alarm_words import alarm_body, alarm_of, alarm_title

_DETAILS = (
    ("cluster", "cluster"),
    ("process_id", "process"),
    ("element_id", "element"),
    ("error_type", "error"),
    ("error_message", "message"),
    ("count", "count"),
)
ELLIPSIS = "…"


def is_test(event: CloudEvent) -> bool:
    """Whether it is the marked event of `im subscriber test`."""
    return event.type == SUBSCRIBER_TEST


def title_of(event: CloudEvent) -> str:
    """One line: ``[SEV-2] INC-7 declared: API latency spike``; for other events the type, and what they name."""
    if (alarm := alarm_of(event)) is not None:
        return alarm_title(alarm)
    said = text(event, "title")
    if is_test(event):
        return f"TEST: {text(event, 'message') or 'please ignore'}"
    subject = event.incident_id or event.subject
    parts = [f"[{event.severity}]" if event.severity else "", subject or "", _verb(event)]
    head = " ".join(part for part in parts if part)
    return f"{head}: {said}" if said else head


def body_of(event: CloudEvent) -> str:
    """Lines for whoever reads more than the title: the note, what the source knows, who did it, the link."""
    if is_test(event):
        return ""  # its title says it all
    if (alarm := alarm_of(event)) is not None:
        return alarm_body(alarm) or f"last updated: {event.time}"
    details = details_of(event)
    known = [f"{label}: {details[name]}" for name, label in _DETAILS if details.get(name) not in {None, ""}]
    actor = text(event, "actor")
    lines = [text(event, "note"), *known, f"by {actor}" if actor else "", link_of(event)]
    return "\n".join(line for line in lines if line) or _other_data(event)


def details_of(event: CloudEvent) -> dict[str, Any]:
    """What the incident's source knows of it (``data.details``); scalars alone, because services show them flat."""
    details = event.data.get("details") if isinstance(event.data, dict) else None
    if not isinstance(details, dict):
        return {}
    return {name: value for name, value in details.items() if isinstance(value, (str, int, float, bool))}


def link_of(event: CloudEvent) -> str:
    """The link to where the incident can be looked at, if its source gave one; an empty string otherwise."""
    link = details_of(event).get("operate_url")
    return link if isinstance(link, str) and link.startswith(("https://", "http://")) else ""


def text(event: CloudEvent, member: str) -> str:
    """A member of the event's data, if it is text; an empty string otherwise."""
    value = event.data.get(member) if isinstance(event.data, dict) else None
    return value if isinstance(value, str) else ""


def seconds_of(event: CloudEvent) -> int | None:
    """When it happened, in seconds since 1970; None for an event without a time."""
    return int(datetime.fromisoformat(event.time.upper()).timestamp()) if event.time else None


def cut(value: str, limit: int) -> str:
    """The same text, or its start and an ellipsis: at most ``limit`` characters."""
    return value if len(value) <= limit else value[: limit - len(ELLIPSIS)] + ELLIPSIS


def _verb(event: CloudEvent) -> str:
    """``declared`` for ``im.incident.declared.v1``; other types whole."""
    parts = event.type.split(".")
    ours = event.type.startswith("im.incident.") and len(parts) == 4
    return parts[2].replace("_", " ") if ours else event.type


def _other_data(event: CloudEvent) -> str:
    return "" if event.data is None else json.dumps(event.data, ensure_ascii=False)
