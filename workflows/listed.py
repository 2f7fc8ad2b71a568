"""What a workflow of events says of them as it starts: what lists show, and what they are found by."""

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from temporalio.common import SearchAttributePair, TypedSearchAttributes

from domain.events import CloudEvent
from workflows import names

MARKED_INCIDENT = "i#"  # in ImEventTypes, with four hexadecimal digits, of events that belong to several incidents


def event_memo(events: Sequence[CloudEvent], accepted_at: datetime | None = None) -> dict[str, Any]:
    """What a list shows of the events, and what tells a repeat of one from other content under its id.

    Args:
        events: in their order.
        accepted_at: when they were, where that is before the workflow starts.
    """
    told = [_told(event) for event in events]
    return {names.EVENTS_MEMO: told} | ({names.ACCEPTED_MEMO: accepted_at.isoformat()} if accepted_at else {})


def _told(event: CloudEvent) -> dict[str, str]:
    told = {"id": event.id, "source": event.source, "type": event.type, "digest": event.digest}
    stated = {"incident": event.incident_id, "severity": event.severity}
    return told | {name: value for name, value in stated.items() if value}


def event_attributes(events: Sequence[CloudEvent]) -> TypedSearchAttributes:
    """The search attributes an event workflow starts with."""
    incidents = sorted({event.incident_id for event in events if event.incident_id})
    types = sorted({event.type for event in events})
    if len(incidents) > 1:  # ImIncidentId has room for one
        types += sorted({incident_mark(incident) for incident in incidents})
    pairs: list[SearchAttributePair[Any]] = [
        SearchAttributePair(names.EVENT_IDS, [names.event_id_hash(event.id) for event in events]),
        SearchAttributePair(names.EVENT_TYPES, types),
    ]
    if len(incidents) == 1:
        pairs.append(SearchAttributePair(names.INCIDENT, incidents[0]))
    severities = sorted({event.severity for event in events if event.severity})
    if severities:
        pairs.append(SearchAttributePair(names.SEVERITY, severities[0]))
    return TypedSearchAttributes(pairs)


def incident_mark(incident: str) -> str:
    """``i#3f2a``: that one of several events belongs to an incident, or to another with the same mark (65,536)."""
    return f"{MARKED_INCIDENT}{hashlib.sha256(incident.encode()).hexdigest()[:4]}"


def found_by(event: CloudEvent) -> set[str]:
    """What an event adds to ``ImEventTypes``, at most."""
    return {event.type} | ({incident_mark(event.incident_id)} if event.incident_id else set())


def size_of(word: str) -> int:
    """How many of the 2 KiB of a KeywordList a word takes, as the SDK writes it."""
    return len(json.dumps(word)) + 1
