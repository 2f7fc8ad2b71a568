"""Errors of live views. Part of the tree in `domain.errors`.

ImError
└── UnavailableError
    └── TooManyListenersError
        └── TooManyOfCallerError
"""

from domain.errors import UnavailableError


class TooManyListenersError(UnavailableError):
    """So many listen to the event stream of a process that one more is refused."""

    code = "too_many_listeners"
    says = "{limit} listen to the event stream of this process already, or it is about to stop"
    hint = "Come back in a while, or end one of those; GET /api/v1/events has the same events."


class TooManyOfCallerError(TooManyListenersError):
    """One caller has all the places of the event stream that one may have."""

    code = "too_many_listeners_of_caller"
    says = "{name!r} listens {limit} times to the event stream of this process already, which is all that one may"
    hint = "End one of those, or use another token; GET /api/v1/events has the same events."
