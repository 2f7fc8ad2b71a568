"""Incidents: severity, lifecycle, timeline, and the event that each timeline entry becomes."""

import json
import re
from datetime import datetime
from enum import StrEnum
from typing import Any

from pydantic import BaseModel, ConfigDict

from domain import event_types
from domain.errors import InvalidRequestError
from domain.events import CloudEvent
from domain.incident_errors import IllegalTransitionError

MAX_TITLE = 300
MAX_NOTE = 8000
MAX_ACTOR = 200
MAX_DETAILS_BYTES = 16 * 1024  # they travel in every event of the incident


class Severity(StrEnum):
    """SEV-1 is the worst."""

    SEV_1 = "SEV-1"
    SEV_2 = "SEV-2"
    SEV_3 = "SEV-3"
    SEV_4 = "SEV-4"


class Status(StrEnum):
    """Where an incident stands in its lifecycle."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


class Action(StrEnum):
    """What a responder can do to an incident."""

    DECLARE = "declare"
    ACKNOWLEDGE = "acknowledge"
    MITIGATE = "mitigate"
    RESOLVE = "resolve"
    CLOSE = "close"
    NOTE = "note"


EVENT_TYPES: dict[Action, str] = {
    Action.DECLARE: event_types.INCIDENT_DECLARED,
    Action.ACKNOWLEDGE: event_types.INCIDENT_ACKNOWLEDGED,
    Action.MITIGATE: event_types.INCIDENT_MITIGATED,
    Action.RESOLVE: event_types.INCIDENT_RESOLVED,
    Action.CLOSE: event_types.INCIDENT_CLOSED,
    Action.NOTE: event_types.INCIDENT_NOTE_ADDED,
}

_LEADS_TO: dict[Action, Status] = {
    Action.ACKNOWLEDGE: Status.ACKNOWLEDGED,
    Action.MITIGATE: Status.MITIGATED,
    Action.RESOLVE: Status.RESOLVED,
    Action.CLOSE: Status.CLOSED,
}

# Steps may be skipped forwards (a quick fix needs no acknowledgement); only a resolved incident is closed.
ALLOWED: dict[Status, tuple[Action, ...]] = {
    Status.DECLARED: (Action.ACKNOWLEDGE, Action.MITIGATE, Action.RESOLVE, Action.NOTE),
    Status.ACKNOWLEDGED: (Action.MITIGATE, Action.RESOLVE, Action.NOTE),
    Status.MITIGATED: (Action.RESOLVE, Action.NOTE),
    Status.RESOLVED: (Action.CLOSE, Action.NOTE),
    Status.CLOSED: (),
}


class Declaration(BaseModel):
    """What declares an incident.

    Attributes:
        details: what the source knows of it, such as a Zeebe incident's process and element; at most 16 KiB of JSON.
    """

    model_config = ConfigDict(frozen=True)

    title: str
    severity: Severity
    actor: str
    details: dict[str, Any] | None = None


class Change(BaseModel):
    """A step of the lifecycle, or a note.

    Attributes:
        event_id: of the event that will tell it, as the gateway made it; None: the workflow makes one.
    """

    model_config = ConfigDict(frozen=True)

    action: Action
    actor: str
    note: str | None = None
    event_id: str | None = None


class TimelineEntry(BaseModel):
    """One line of an incident's timeline.

    Attributes:
        event_id: of the CloudEvent that tells it.
        published: whether that event was emitted (False: publishing was off); None while it is under way.
    """

    at: datetime
    action: Action
    actor: str
    note: str | None = None
    event_id: str
    published: bool | None = None


class Incident(BaseModel):
    """An incident and its timeline."""

    id: str
    title: str
    severity: Severity
    status: Status = Status.DECLARED
    declared_at: datetime
    updated_at: datetime
    details: dict[str, Any] | None = None
    timeline: list[TimelineEntry] = []


def check_declaration(declaration: Declaration) -> None:
    """Raise `InvalidRequestError` for an empty or overlong title or actor, or details past 16 KiB."""
    _check_text("title", declaration.title, MAX_TITLE)
    _check_text("actor", declaration.actor, MAX_ACTOR)
    if declaration.details and len(json.dumps(declaration.details, ensure_ascii=False).encode()) > MAX_DETAILS_BYTES:
        raise InvalidRequestError(reason=f"details must be at most {MAX_DETAILS_BYTES} bytes of JSON")


def check_change(incident: Incident, change: Change) -> None:
    """Raise unless the incident's status allows the change.

    Raises:
        IllegalTransitionError: naming what is allowed.
        InvalidRequestError: for an empty or overlong actor or note.
    """
    _check_text("actor", change.actor, MAX_ACTOR)
    if change.action is Action.NOTE or change.note is not None:
        _check_text("note", change.note or "", MAX_NOTE)
    allowed = ALLOWED[incident.status]
    if change.action not in allowed:
        raise IllegalTransitionError(
            action=change.action.value,
            incident_id=incident.id,
            status=incident.status.value,
            allowed=", ".join(allowed) or "nothing, a closed incident stays closed",
        )


def declare(incident_id: str, declaration: Declaration, now: datetime, event_id: str) -> Incident:
    """A new incident with the first entry of its timeline."""
    entry = TimelineEntry(at=now, action=Action.DECLARE, actor=declaration.actor, event_id=event_id)
    return Incident(
        id=incident_id,
        title=declaration.title,
        severity=declaration.severity,
        declared_at=now,
        updated_at=now,
        details=declaration.details,
        timeline=[entry],
    )


def apply_change(incident: Incident, change: Change, now: datetime, event_id: str) -> TimelineEntry:
    """Carry out a checked change in place; returns its timeline entry."""
    entry = TimelineEntry(at=now, action=change.action, actor=change.actor, note=change.note, event_id=event_id)
    incident.status = _LEADS_TO.get(change.action, incident.status)
    incident.updated_at = now
    incident.timeline.append(entry)
    return entry


def timeline_event(incident: Incident, entry: TimelineEntry) -> CloudEvent:
    """The CloudEvent that tells of a timeline entry, exactly as it stands there."""
    data: dict[str, Any] = {
        "incident_id": incident.id,
        "title": incident.title,
        "severity": incident.severity.value,
        "actor": entry.actor,
    }
    if entry.note is not None:
        data["note"] = entry.note
    if incident.details:
        data["details"] = incident.details
    return CloudEvent(
        id=entry.event_id,
        source=f"/incidents/{incident.id}",
        type=EVENT_TYPES[entry.action],
        time=rfc3339(entry.at),
        datacontenttype="application/json",
        data=data,
        extensions={"imincidentid": incident.id},
    )


def rfc3339(at: datetime) -> str:
    """``2025-12-26T14:30:00Z``: UTC, with microseconds only where there are any."""
    return at.isoformat().replace("+00:00", "Z")


def _check_text(field: str, value: str, limit: int) -> None:
    if not value.strip() or len(value) > limit:
        raise InvalidRequestError(reason=f"{field} must have 1 to {limit} characters")


def own_form(text: str) -> str | None:
    """``INC-7`` for ``INC-7``, ``inc-7`` or ``7``; None of what cannot be the id of an incident of this platform."""
    found = re.fullmatch(r"(?:INC-)?([1-9][0-9]{0,17})", text, re.IGNORECASE | re.ASCII)
    return f"INC-{found[1]}" if found else None


def incident_named(text: str | None) -> str | None:
    """``INC-7`` for ``INC-7``, ``inc-7`` or ``7``; anything else as it is: publishers have incidents of their own."""
    return (own_form(text) if text else None) or text


def number_of(incident_id: str) -> int | None:
    """7 of ``INC-7``; None of what is no id of an incident."""
    found = re.fullmatch(r"INC-([1-9][0-9]{0,17})", incident_id)
    return int(found[1]) if found else None
