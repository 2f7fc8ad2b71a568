"""Errors of pauses. Part of the tree in `domain.errors`.

ImError
└── ConflictError
    └── SubscriberDisabledError
"""

from domain.errors import ConflictError


class SubscriberDisabledError(ConflictError):
    """It is disabled, and what is asked for needs it enabled."""

    code = "subscriber_disabled"
    says = "subscriber {name!r} is disabled: nothing comes to it that could wait"
    hint = "Enable it first: im subscriber update {name} --enabled."
