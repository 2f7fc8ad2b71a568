"""What an event workflow does for a delivery whose subscriber is paused: wait, go on when told, say how that went."""

import contextlib

from temporalio import workflow
from temporalio.exceptions import ApplicationError

from domain.drains import Became, Told
from domain.events import CloudEvent
from domain.outcomes import Delivery, DeliveryState, dropped, going_on
from domain.pauses import DROPPED
from domain.tasks import Pending
from workflows import calls, policies
from workflows.progress import Progress


async def until_released(pending: Pending, progress: Progress) -> None:
    """Wait for the word that the pause is over, or until it is time to ask again without it."""
    with contextlib.suppress(TimeoutError):
        await workflow.wait_condition(
            lambda: pending.release is not None, timeout=policies.ask_again(pending.asked), timeout_summary="paused"
        )
    if pending.release and not pending.release.drop:
        pending.delivery, progress.changed = going_on(pending.delivery), True


async def stand_in_line(pending: Pending) -> None:
    """The pause is over before it is the delivery's turn: with that it goes on, and the drain goes on without it."""
    release, pending.release = pending.release, None
    pending.delivery = going_on(pending.delivery)
    if release and release.drain:
        await _tell(release.drain, "in_line", workflow.info().workflow_id)


async def go_on(event: CloudEvent, pending: Pending) -> None:
    """Make the next request, if the subscriber is not paused (any more), and tell the drain what became of it."""
    release, pending.release = pending.release, None
    if release and release.drop:
        pending.delivery = dropped(pending.delivery, DROPPED)
    else:
        pending.asked = 0 if release else pending.asked + 1
        await _ask(event, pending)
    if release and release.drain:
        await _tell(release.drain, "told", what_became(workflow.info().workflow_id, pending.delivery))


async def _ask(event: CloudEvent, pending: Pending) -> None:
    limits = pending.limits
    await calls.deliver(event, pending, once=True)
    if pending.limits != limits:  # it only heard that the subscriber's own queue goes on
        await calls.deliver(event, pending, once=True)


async def _tell(drain: str, signal: str, told: Told | str) -> None:
    with contextlib.suppress(ApplicationError):  # it has ended: nobody waits for it
        await workflow.get_external_workflow_handle(drain).signal(signal, told)


def what_became(workflow_id: str, delivery: Delivery) -> Told:
    """What a drain is told of a delivery that it released."""
    return Told(
        workflow_id=workflow_id,
        became=_became(delivery),
        retried=delivery.state is DeliveryState.RETRYING,
        retry_after_seconds=delivery.last.retry_after_seconds if delivery.last else None,
    )


def _became(delivery: Delivery) -> Became:
    match delivery.state:
        case DeliveryState.DELIVERED:
            return Became.DELIVERED
        case DeliveryState.CANCELLED:
            return Became.DROPPED if delivery.error == DROPPED else Became.CANCELLED
        case DeliveryState.WAITING:
            return Became.WAITING
    in_trouble = delivery.last is None or delivery.last.retryable
    return Became.FAILED if in_trouble else Became.REFUSED
