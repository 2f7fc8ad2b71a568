"""Operational events: who is told of the troubles of subscribers, and the guards against loops.

- Only patterns that begin with ``im.`` match them: who asked for everything (``**``) did not ask for these.
- What is told of a subscriber is never delivered to that subscriber.
- An operational event, or a test, that cannot be delivered is told of no further.
"""

from collections.abc import Sequence

from domain.event_types import KNOWN_TYPES, OPERATIONAL_TYPES, SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.patterns import matches_any
from domain.type_errors import ReservedEventError

_CHOOSES = "im."
_SUBJECT = "subscribers/"
_OUR_TYPES = ("im.subscriber.", "im.delivery.", "im.heartbeat.")  # also those that a later version adds
_OUR_SOURCES = ("/subscribers/", "/heartbeats/")


def asks_for(patterns: Sequence[str], event_type: str) -> bool:
    """Whether somebody with these patterns is told of an event type."""
    if event_type in OPERATIONAL_TYPES:
        patterns = [pattern for pattern in patterns if pattern.startswith(_CHOOSES)]
    return matches_any(patterns, event_type)


def asking(patterns: Sequence[str], event_type: str) -> str | None:
    """The first of the patterns by which an event type is asked for."""
    return next((pattern for pattern in patterns if asks_for([pattern], event_type)), None)


def subject(subscriber: str) -> str:
    """The ``subject`` of an operational event."""
    return f"{_SUBJECT}{subscriber}"


def told_of(event: CloudEvent) -> str | None:
    """The subscriber that an operational event tells of, who is not told; None for any other event."""
    if event.type not in OPERATIONAL_TYPES or not (event.subject or "").startswith(_SUBJECT):
        return None
    return (event.subject or "").removeprefix(_SUBJECT)


def failure_is_told(event_type: str) -> bool:
    """Whether a failed delivery of an event of that type is an event itself."""
    return event_type not in OPERATIONAL_TYPES and event_type != SUBSCRIBER_TEST


def check_publishable(event: CloudEvent) -> CloudEvent:
    """The same; raises `ReservedEventError` for a type, or a source whose ids can be guessed, of the platform's own."""
    if event.type.startswith(_OUR_TYPES) or event.source.startswith(_OUR_SOURCES):
        raise ReservedEventError(type=event.type, source=event.source, fix=_instead(event.type))
    return event


def _instead(event_type: str) -> str:
    """What to do instead of publishing a reserved event; an example is sent only of a type that there is."""
    if event_type == SUBSCRIBER_TEST:
        return f"{ReservedEventError.hint} A test is sent with: im subscriber test NAME."
    if event_type in KNOWN_TYPES:
        return f"{ReservedEventError.hint} An example is sent with: im trigger {event_type} --subscriber NAME."
    return ReservedEventError.hint
