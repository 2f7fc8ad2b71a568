"""Errors of replays, and of filters. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   ├── InvalidLimitError
│   │   └── InvalidReplayRateError
│   ├── UnknownSubscriberError
│   ├── SubscriberRemovedError
│   └── UnknownIncidentError
└── NotFoundError
    └── ReplayNotFoundError
"""

from domain.errors import InvalidInputError, NotFoundError
from domain.subscriber_errors import InvalidLimitError


class UnknownSubscriberError(InvalidInputError):
    """A replay from or to a subscriber that there is not, or a list or a stream of its events."""

    code = "unknown_subscriber"
    says = "no subscriber is named {name!r}"
    hint = "See the names with: im subscriber list."
    field = "subscriber"


class SubscriberRemovedError(InvalidInputError):
    """A replay to a subscriber that was removed."""

    code = "subscriber_removed"
    says = "{name} was removed"
    hint = "Send what it was to be told to another one with --to NAME (REST: to), or add it anew under this name."
    field = "subscriber"


class InvalidReplayRateError(InvalidLimitError):
    """A rate of a replay that is none, or out of range."""

    code = "invalid_rate"
    says = "the rate of the replay cannot be used: {reason}"
    hint = "Write it as 10/s, 100/m or 0.5/s, from 0.1 to 1000 a second."
    field = "rate"


class UnknownIncidentError(InvalidInputError):
    """A list or a stream of the events of an incident that was never declared, or is gone."""

    code = "unknown_incident"
    says = "{reason}"
    hint = "{fix}"
    field = "incident"


class ReplayNotFoundError(NotFoundError):
    """No such replay, or no longer."""

    code = "replay_not_found"
    says = "no replay {replay_id!r} is known"
    hint = "See the replays with: im replay list. One that ended is kept as long as events are: im retention."
