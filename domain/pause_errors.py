"""What can be wrong with a pause."""

from domain.errors import ConflictError


class SubscriberDisabledError(ConflictError):
    """It is disabled, and what is asked for needs it enabled."""

    code = "subscriber_disabled"
    says = "subscriber {name!r} is disabled: nothing comes to it that could wait"
    hint = "Enable it first: im subscriber update {name} --enabled."
