"""What the API answers with, where it is more than a gateway's own model."""

from typing import Any

from pydantic import BaseModel, Field

from domain.event_types import KNOWN_TYPES
from domain.incidents import Incident
from domain.operational import asks_for
from domain.patterns import advise, parse_patterns
from domain.pauses import Pause
from service.event_views import EventView
from service.progress import RunView


class EventType(BaseModel):
    """An event type that the platform publishes."""

    type: str
    description: str


class EmittedType(EventType):
    """An event type that the platform emits, and where its schema is."""

    schema_url: str


class TypeMatch(BaseModel):
    """The known event types that a list of patterns matches."""

    patterns: list[str]
    types: list[EventType]
    warnings: list[str] = Field(description="One for each pattern that matches no known type.")


class EventDetail(BaseModel):
    """An event and everything known of its deliveries."""

    event: dict[str, Any] = Field(description="The CloudEvent in its JSON form.")
    runs: list[RunView] = Field(description="The workflows that carry it, oldest first: the original and resends.")
    paused: dict[str, Pause] = Field(
        {}, description="Of the subscribers with a next_retry_at those that are paused: if one is then still, it waits."
    )


class IncidentDetail(Incident):
    """An incident with its timeline."""

    warnings: list[str] = Field(description="Says so when timeline entries were not emitted as events.")


def type_match(patterns: str) -> TypeMatch:
    """What a comma-separated list of patterns matches; raises `InvalidPatternError`."""
    checked = parse_patterns(patterns)
    known = [EventType(type=name, description=text) for name, text in KNOWN_TYPES.items() if asks_for(checked, name)]
    return TypeMatch(patterns=list(checked), types=known, warnings=advise(checked, list(KNOWN_TYPES)))


def event_detail(view: EventView) -> EventDetail:
    """The event as CloudEvents writes it, so that it can be sent again as it stands."""
    return EventDetail(event=view.event.to_dict(), runs=view.runs, paused=view.paused)


def incident_detail(incident: Incident) -> IncidentDetail:
    """An incident, and a warning when part of its timeline stayed unpublished."""
    withheld = [entry for entry in incident.timeline if entry.published is False]
    warning = (
        f"event publishing was off: {len(withheld)} of {len(incident.timeline)} timeline entries were not emitted; "
        "start the server with ENABLE_EVENT_PUBLISHING=true to emit those to come"
    )
    return IncidentDetail(**incident.model_dump(), warnings=[warning] if withheld else [])
