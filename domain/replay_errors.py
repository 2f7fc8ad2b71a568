"""Errors of replays. Part of the tree in `domain.errors`.

ImError
├── InvalidInputError
│   └── UnknownSubscriberError
└── NotFoundError
    └── ReplayNotFoundError
"""

from domain.errors import InvalidInputError, NotFoundError


class UnknownSubscriberError(InvalidInputError):
    """A replay from or to a subscriber that there is not, or a stream of its events."""

    code = "unknown_subscriber"
    says = "no subscriber is named {name!r}"
    hint = "See the names with: im subscriber list."
    field = "subscriber"


class ReplayNotFoundError(NotFoundError):
    """No such replay, or no longer."""

    code = "replay_not_found"
    says = "no replay {replay_id!r} is known"
    hint = "See the replays with: im replay list. One that ended is kept as long as events are: im retention."
