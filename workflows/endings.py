"""What an activity that failed for good says about its delivery."""

from temporalio.exceptions import ActivityError, ApplicationError
from temporalio.exceptions import TimeoutError as ActivityTimeoutError

from domain.limits import LIMITED
from domain.outcomes import Attempt, Delivery, DeliveryState
from domain.tasks import BROKEN_OFF, UNMADE, Pending
from workflows import policies


def settle_failure(pending: Pending, error: ActivityError) -> None:
    """Bring a delivery up to date after its activity ended with a failure.

    A failure that carries the delivery is its end, or says that it goes by another queue from now on, or that the
    worker's machine could not make the next request. Any other (the worker died with the request in hand, or met with
    something that nobody was prepared for) says nothing of the receiver: what is known of the earlier requests is kept,
    and the delivery goes on with those it has left, so that a lost worker costs no attempt. After ten such rounds it is
    given up.
    """
    cause = error.cause
    pending.unmade, pending.lasting = None, False
    if isinstance(cause, ApplicationError) and cause.details:
        pending.delivery = Delivery.model_validate(cause.details[0])
        if cause.type == LIMITED:
            pending.limits = cause.details[1]
        if cause.type in {UNMADE, BROKEN_OFF}:
            pending.unmade, pending.lasting = cause.message, cause.type == UNMADE
        if cause.type != BROKEN_OFF:
            return
    known = pending.delivery.attempts
    if isinstance(cause, ActivityTimeoutError) and cause.last_heartbeat_details:
        known = [Attempt.model_validate(attempt) for attempt in cause.last_heartbeat_details]
    pending.lost += 1
    given_up = pending.lost >= policies.MAX_LOST_ROUNDS
    pending.delivery = Delivery(
        subscriber=pending.delivery.subscriber,
        state=DeliveryState.FAILED if given_up else DeliveryState.RETRYING,
        attempts=known,
        error=f"no outcome from the worker: {cause or error}",
    )
