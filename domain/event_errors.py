"""Errors of events. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   └── InvalidEventError
├── TooLargeError
│   └── EventTooLargeError
├── ConflictError
│   ├── EventConflictError
│   └── AmbiguousEventError
└── NotFoundError
    ├── EventNotFoundError
    │   ├── EventOfOtherSourceError
    │   └── IncidentIsNoEventError
    └── SubscriberNotFoundError
        └── SubscriberNeverToldError
"""

from domain.errors import ConflictError, InvalidInputError, NotFoundError, TooLargeError
from domain.subscriber_errors import SubscriberNotFoundError


class InvalidEventError(InvalidInputError):
    """Something that is not a CloudEvents 1.0 event."""

    code = "invalid_event"
    says = "not a valid CloudEvent: {reason}"
    hint = "See CloudEvents 1.0: specversion, id, source and type are required."
    field = "event"


class EventTooLargeError(TooLargeError):
    """An event past the size limit."""

    code = "event_too_large"
    says = "the event is {size} bytes; the limit is {limit} bytes"
    hint = "Put the large part elsewhere and send its address in the CloudEvents extension 'dataref'."


class EventConflictError(ConflictError):
    """The same source and id were accepted before with other content."""

    code = "event_conflict"
    says = "an event with id {event_id!r} from {source!r} was accepted before with other content"
    hint = "Source and id identify an event: give changed content a new id."


class AmbiguousEventError(ConflictError):
    """Events of several sources have the id that was given."""

    code = "ambiguous_event"
    says = "events of several sources have the id {event_id!r}"
    hint = "Say which one is meant, with --source (in the API: ?source=): {sources}."


class EventNotFoundError(NotFoundError):
    """No such event, or no longer."""

    code = "event_not_found"
    says = "no event with id {event_id!r} is known"
    hint = (
        "It was never published here, or is older than what is kept (im retention); a new one is found after a second. "
        "See: im event list."
    )


class EventOfOtherSourceError(EventNotFoundError):
    """There are events with this id, none of them of the source that was given."""

    code = "event_of_other_source"
    says = "no event with id {event_id!r} has the source {source!r}"
    hint = "Events of that id have these: {sources}. Say which with --source (in the API: ?source=), or leave it out."


class IncidentIsNoEventError(EventNotFoundError):
    """The id of an incident, where that of an event is wanted, and no event has it."""

    code = "incident_is_no_event"
    says = "no event with id {event_id!r} is known; that is the id of an incident"
    hint = "The events of an incident, with their ids: im event list --incident {event_id}."


class SubscriberNeverToldError(SubscriberNotFoundError):
    """Nobody has that name, and the event has no delivery to one that had it."""

    code = "subscriber_never_told"
    says = "no subscriber is named {name!r}, and {event_id} has no delivery to one that was: {told}"
    hint = (
        "Of one that was removed only its deliveries are kept: if it was there when the event came, it did not want "
        "it, or was disabled. See the names with: im subscriber list."
    )
