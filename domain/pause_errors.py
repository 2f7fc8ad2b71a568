"""Errors of pauses. Part of the tree in `domain.errors`.

ImError
└── ConflictError
    ├── DeliveriesWaitingError
    └── SubscriberDisabledError
"""

from domain.errors import ConflictError


class SubscriberDisabledError(ConflictError):
    """It is disabled, and what is asked for needs it enabled."""

    code = "subscriber_disabled"
    says = "subscriber {name!r} is disabled: nothing comes to it that could wait"
    hint = "Enable it first: im subscriber enable {name}."


class DeliveriesWaitingError(ConflictError):
    """What waits for the end of its pause, or will when it is due, would be cancelled, and nobody said it may be."""

    code = "deliveries_waiting"
    says = "events wait for {name!r} that would not be delivered any more: {count}"
    hint = (
        "Have them sent first: im subscriber resume {name} --wait. Or give them up: --cancel-waiting (REST: "
        "cancel_waiting=true); as long as they are retained, im replay --subscriber {name} --undelivered sends them "
        "once it is enabled, or added anew under this name, and with --to to another one."
    )
