"""Errors of live views. Part of the tree in `domain.errors`.

ImError
└── UnavailableError
    └── TooManyListenersError
"""

from domain.errors import UnavailableError


class TooManyListenersError(UnavailableError):
    """So many listen to the event stream of a process that one more is refused."""

    code = "too_many_listeners"
    says = "{limit} listen to the event stream of this process already, or it is about to stop"
    hint = "Come back in a while, or end one of those; GET /api/v1/events has the same events."
