"""Errors of replays. Part of the tree in `domain.errors`.

ImError
└── NotFoundError
    └── ReplayNotFoundError
"""

from domain.errors import NotFoundError


class ReplayNotFoundError(NotFoundError):
    """No such replay, or no longer."""

    code = "replay_not_found"
    says = "no replay {replay_id!r} is known"
    hint = "See the replays with: im replay list. One that ended is kept as long as events are: im retention."
