"""Errors of what is asked for as an event. Part of the tree in `domain.errors`.

ImError
└── NotFoundError
    ├── EventNotFoundError
    │   ├── EventOfOtherSourceError
    │   └── IncidentIsNoEventError
    └── SubscriberNotFoundError
        └── SubscriberNeverToldError
"""

from domain.errors import EventNotFoundError, SubscriberNotFoundError


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
