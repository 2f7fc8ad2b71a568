"""What the activity `deliver` tells Temporal: failures that it retries, and heartbeats that keep what was tried."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import journal
from activities.transport_errors import LocalFault
from domain.limits import LIMITED, waits_for_turn
from domain.outcomes import Attempt, Delivery, DeliveryState, settle
from domain.retry import MIN_DELAY
from domain.tasks import BROKEN_OFF, UNMADE, DeliverRequest, FirstResult

T = TypeVar("T")

HEARTBEAT_EVERY = timedelta(seconds=2)
# Before attempts that follow those which this machine's faults used up; between these Temporal's own policy waits.
UNMADE_WAIT = timedelta(seconds=30)
# After its activity was scheduled: nobody sees it wait earlier. A first attempt that nobody has reset is due at once.
SOONEST_RESET = timedelta(milliseconds=100)
BRIEF_RESPONSE_CHARS = 100  # where many deliveries share one result, which Temporal refuses past 2 MiB


def failure_of(delivery: Delivery, *, ends: bool = False) -> ApplicationError:
    """The failure that Temporal retries, or not, and that the Web UI shows.

    One that ``ends`` the activity has the workflow begin what is left of the delivery anew: where an earlier attempt
    made the request, Temporal has counted more attempts than there were requests.
    """
    last = delivery.attempts[-1]
    delay = None
    if delivery.state is DeliveryState.RETRYING and delivery.next_retry_at:
        ended = last.at + timedelta(milliseconds=last.duration_ms)
        # Never longer than the schedule's wait: this host's clock may have been set back since the request.
        delay = min(max(delivery.next_retry_at - datetime.now(UTC), MIN_DELAY), delivery.next_retry_at - ended)
    return ApplicationError(
        last.error or "failed",
        delivery,
        type=last.failure.value if last.failure else "failed",
        non_retryable=ends or delivery.state is DeliveryState.FAILED,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN,
    )


def brief(result: FirstResult) -> FirstResult:
    """A first request's result as it is told among many: of what the receiver said, only the start where it failed."""
    delivery = result.delivery
    if delivery is None or delivery.last is None or not delivery.last.response:
        return result
    kept = None if delivery.state is DeliveryState.DELIVERED else delivery.last.response[:BRIEF_RESPONSE_CHARS]
    last = delivery.last.model_copy(update={"response": kept})
    return result.model_copy(update={"delivery": delivery.model_copy(update={"attempts": [last]})})


def given_up(request: DeliverRequest, known: list[Attempt]) -> ApplicationError:
    """The failure of a delivery whose worker was lost with a request in hand that must not be made twice."""
    delivery = settle(request.subscriber, known, request.schedule)
    journal.tell(delivery, request.event_id)
    return failure_of(delivery)


def repeated(request: DeliverRequest, known: list[Attempt]) -> ApplicationError | None:
    """The failure of the latest request once more, so that it is waited as the schedule has it; None: make the next.

    Or that of a request that could not be made, where that ended the activity before this one.

    The first attempt of an activity that goes on with a delivery has Temporal begin the wait. Where that is not kept,
    the activity ends instead of making a request before its time, and its workflow begins what is left of it anew:

    - A worker was lost with that first attempt in hand, of which a heartbeat tells where the wait is longer than it
      takes to notice that; Temporal tried again after a second.
    - Temporal was restarted, and hands out again what it had handed out shortly before, waiting or not. Both times are
      of its own clock.
    """
    info = activity.info()
    if request.unmade and info.attempt == 1 and not _is_reset(info):
        return unmade(request, known, request.unmade)
    if not known or (info.attempt == 1 and (request.at_once or not request.prior or _is_reset(info))):
        return None
    standing, last = settle(request.subscriber, known, request.schedule), known[-1]
    if standing.state is DeliveryState.FAILED:
        return failure_of(standing)  # for good: it was heard of, and not that the activity had ended with it
    due = standing.next_retry_at or last.at
    is_long = due - last.at - timedelta(milliseconds=last.duration_ms) > (info.heartbeat_timeout or timedelta())
    if info.attempt == 1:
        if is_long:
            activity.heartbeat(*details(known))
        return failure_of(standing)
    is_early = info.current_attempt_scheduled_time - info.started_time > MIN_DELAY
    is_lost = is_early or (is_long and not info.heartbeat_details)
    return _wait_lost(standing) if is_lost and standing.next_retry_at else None


def _is_reset(info: activity.Info) -> bool:
    """Whether a first attempt is one because an operator has reset the activity: not to wait.

    Another first attempt has no heartbeats, and is scheduled when its activity is.
    """
    return bool(info.heartbeat_details) or info.current_attempt_scheduled_time - info.scheduled_time > SOONEST_RESET


async def until_due(request: DeliverRequest, known: list[Attempt]) -> None:
    """Wait for the time of a retry that a restarted Temporal hands out before it, by a second at most.

    Raises:
        ApplicationError: not this attempt makes the next request (`repeated`).
    """
    if failure := repeated(request, known):
        raise failure
    info = activity.info()
    early = info.current_attempt_scheduled_time - info.started_time
    if info.attempt > 1 and early > timedelta():
        await asyncio.sleep(min(early, MIN_DELAY).total_seconds())


def _wait_lost(standing: Delivery) -> ApplicationError:
    benign = ApplicationErrorCategory.BENIGN
    return ApplicationError("not due yet", standing, type="wait_lost", non_retryable=True, category=benign)


def unmade(request: DeliverRequest, known: list[Attempt], fault: str) -> ApplicationError:
    """The failure of a request that this machine could not make: the delivery stands where it stood.

    Temporal waits as long as its policy has it, 1 s, doubling up to 16 s; after a whole activity of that, 30 s.
    """
    wait = UNMADE_WAIT if request.unmade else None
    activity.heartbeat(*details(known))  # should it have been announced, it was not made after all
    return ApplicationError(fault, _unchanged(request.subscriber, known, fault), type=UNMADE, next_retry_delay=wait)


@contextmanager
def told_of(request: DeliverRequest, known: list[Attempt]) -> Iterator[None]:
    """Have whatever goes wrong say what is known by then: of the last failure, the workflow hears nothing else."""
    try:
        yield
    except ApplicationError:
        raise
    except Exception as error:
        said = f"{type(error).__name__}: {error}"
        raise ApplicationError(said, _unchanged(request.subscriber, known, said), type=BROKEN_OFF) from error


def moved(subscriber: str, limits: str | None, known: list[Attempt]) -> ApplicationError:
    """Tells the workflow that the delivery goes on by the queue of its subscriber, which has limits now."""
    waits = waits_for_turn(limits) if limits else None
    unchanged = _unchanged(subscriber, known, known[-1].error if known else waits)
    said = f"limited to {limits} by now: the subscriber's own queue goes on"
    benign = ApplicationErrorCategory.BENIGN
    return ApplicationError(said, unchanged, limits, type=LIMITED, non_retryable=True, category=benign)


def _unchanged(subscriber: str, known: list[Attempt], error: str | None) -> Delivery:
    """A delivery as it stood before a request that was not made."""
    state = DeliveryState.RETRYING if known else DeliveryState.PENDING
    return Delivery(subscriber=subscriber, state=state, attempts=known, error=error)


async def beating(carrying: "asyncio.Future[T]", known: list[Attempt]) -> T:
    """Wait for a request, or for the turn to make one.

    Meanwhile Temporal hears every two seconds that this worker lives, and what was tried before.
    """
    while not carrying.done():
        await asyncio.wait([carrying], timeout=HEARTBEAT_EVERY.total_seconds())
        if not carrying.done():
            activity.heartbeat(*details(known))
    return carrying.result()


async def in_hand(flight: asyncio.Future[Delivery] | None, known: list[Attempt]) -> Delivery | None:
    """What the next request came to, where this process made it already, and Temporal has not heard of that.

    It was too slow to say so, as in an overload: Temporal took it for dead.
    """
    if flight is None:
        return None
    try:
        return await beating(flight, known)
    except LocalFault:
        return None  # it was not made after all


def details(attempts: list[Attempt]) -> list[dict[str, object]]:
    """The details of a heartbeat: every attempt known, in order."""
    return [attempt.model_dump(mode="json", exclude_none=True) for attempt in attempts]
