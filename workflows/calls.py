"""The calls that an event workflow makes to its activities, each with its timeouts, and what a failed one means."""

import contextlib
from collections.abc import Sequence

from temporalio import workflow
from temporalio.exceptions import ActivityError, ApplicationError, FailureError, is_cancelled_exception

from activities.deliveries import DeliveryActivities
from activities.emission import EmissionActivities
from activities.lanes import LaneActivities
from activities.resolution import ResolutionActivities
from domain import tidings
from domain.events import CloudEvent
from domain.flight_keys import flight_key
from domain.lanes import LineUpRequest, Ticket
from domain.matches import Match, Resolution, ResolveRequest
from domain.operational import failure_is_told
from domain.outcomes import Delivery, DeliveryState
from domain.retry import RetrySchedule
from domain.tasks import (
    AdoptManyRequest,
    AdoptRequest,
    DeliverRequest,
    EmitRequest,
    FirstRequest,
    FirstRequests,
    FirstResult,
    FirstResults,
    Pending,
    RecordRequest,
)
from domain.urgency import urgency_of
from workflows import details, endings, names, policies


async def resolve(events: Sequence[CloudEvent], only: list[str] | None) -> Resolution:
    """Who wants the events."""
    return await workflow.execute_local_activity_method(
        ResolutionActivities.resolve_subscribers,
        ResolveRequest.of(events, only),
        start_to_close_timeout=policies.RESOLVE_TIMEOUT,
        retry_policy=policies.RESOLVE_RETRY,
        summary="who wants it",
    )


async def first(event: CloudEvent, pending: Pending) -> None:
    """Make one first request within this workflow task."""
    subscriber = pending.delivery.subscriber
    try:
        result = await workflow.execute_local_activity_method(
            DeliveryActivities.deliver_first,
            FirstRequest(event=event, subscriber=subscriber, schedule=pending.schedule, since=pending.since),
            start_to_close_timeout=policies.INLINE_TIMEOUT,
            retry_policy=policies.INLINE_RETRY,
            summary=f"{event.type} → {subscriber}",
        )
    except FailureError as error:  # of a local activity it is bare
        _raise_cancelled(error)
        result = _unheard(event, subscriber)
    _take(pending, result)


async def first_of_many(events: list[CloudEvent], wanted: Sequence[tuple[int, Pending]]) -> None:
    """Make many first requests together; each comes with its event's place in ``events``."""
    matches = [
        (index, Match(subscriber=pending.delivery.subscriber, schedule=pending.schedule, since=pending.since))
        for index, pending in wanted
    ]
    try:
        answer = await workflow.execute_local_activity_method(
            DeliveryActivities.deliver_many,
            FirstRequests(events=events, wanted=matches),
            start_to_close_timeout=policies.CROWD_TIMEOUT,
            retry_policy=policies.INLINE_RETRY,
            summary=f"{len(wanted)} first requests",
        )
    except FailureError as error:
        _raise_cancelled(error)
        unheard = [_unheard(events[index], pending.delivery.subscriber) for index, pending in wanted]
        answer = FirstResults(results=unheard)
    for (_, pending), result in zip(wanted, answer.results, strict=True):
        _take(pending, result)


async def adopt(event: CloudEvent, pending: Pending) -> None:
    """Take over a first request from the process that has it in flight."""
    subscriber = pending.delivery.subscriber
    try:
        pending.delivery = await workflow.execute_activity_method(
            DeliveryActivities.adopt_delivery,
            AdoptRequest(
                event_id=event.id,
                subscriber=subscriber,
                schedule=pending.schedule,
                since=pending.since,
                flight=pending.flight or "",
            ),
            task_queue=pending.in_flight_on,
            schedule_to_start_timeout=policies.ADOPT_WAIT,
            start_to_close_timeout=policies.ADOPT_TIMEOUT,
            retry_policy=policies.INLINE_RETRY,
            summary=f"first request to {subscriber}, still in flight",
        )
    except ActivityError as error:
        _raise_cancelled(error)  # else that process is gone, and its outcome with it: the request is made again
    pending.in_flight_on = None


async def adopt_together(flying: Sequence[Pending]) -> None:
    """Ask once for many that are in flight: in an overload, one activity each would add to it."""
    try:
        answer = await workflow.execute_activity_method(
            DeliveryActivities.adopt_many,
            AdoptManyRequest(flights=[pending.flight or "" for pending in flying]),
            task_queue=flying[0].in_flight_on,
            schedule_to_start_timeout=policies.ADOPT_WAIT,
            start_to_close_timeout=policies.ADOPT_TIMEOUT,
            retry_policy=policies.INLINE_RETRY,
            summary=f"{len(flying)} first requests, still in flight",
        )
    except ActivityError as error:
        _raise_cancelled(error)
        answer = FirstResults(results=[FirstResult(flight=pending.flight) for pending in flying])
    for pending, result in zip(flying, answer.results, strict=True):
        _take(pending, result)


async def deliver(event: CloudEvent, pending: Pending, *, once: bool = False) -> None:
    """Retry on the queue that is fair between subscribers, or on a limited one's own, until the delivery has ended.

    Or make a single request there, at once.
    """
    request, subscriber = _remaining(event, pending, once=once), pending.delivery.subscriber
    try:
        pending.delivery = await workflow.execute_activity_method(
            DeliveryActivities.deliver,
            request,
            task_queue=names.limited_queue(subscriber) if pending.limits else names.DELIVERIES_QUEUE,
            activity_id=names.delivery_activity_id(subscriber),
            start_to_close_timeout=policies.LIMITED_TIMEOUT if pending.limits else policies.DELIVER_TIMEOUT,
            heartbeat_timeout=policies.DELIVER_HEARTBEAT,
            retry_policy=policies.ONE_REQUEST if once else policies.delivery_retry(request),
            summary=f"{event.type} → {subscriber}",
            priority=policies.delivery_priority(urgency_of(event), subscriber),
        )
    except ActivityError as error:
        _raise_cancelled(error)
        endings.settle_failure(pending, error)


async def line_up(event: CloudEvent, ordered: Sequence[Pending], behind: list[str]) -> None:
    """Take a place in the lane of each ordered subscriber, which says when it is their turn."""
    await workflow.execute_activity_method(
        LaneActivities.line_up,
        LineUpRequest(
            subject=event.ordering_key or "",
            subscribers=[pending.delivery.subscriber for pending in ordered],
            behind=behind,
        ),
        start_to_close_timeout=policies.LINE_UP_TIMEOUT,
        retry_policy=policies.LINE_UP_RETRY,
        summary=f"line up behind the earlier events of {event.ordering_key}",
    )


async def leave_lane(event: CloudEvent, pending: Pending) -> None:
    """Let the next event have its turn."""
    subscriber = pending.delivery.subscriber
    lane = workflow.get_external_workflow_handle(names.lane_workflow_id(subscriber, event.ordering_key or ""))
    with contextlib.suppress(ApplicationError):  # somebody ended the lane: nobody waits
        await lane.signal("leave", Ticket(workflow_id=workflow.info().workflow_id, subscriber=subscriber))


async def record(event: CloudEvent, ended: Sequence[Delivery]) -> None:
    """Have outcomes counted that their own activities could not get counted."""
    await workflow.execute_activity_method(
        DeliveryActivities.record_outcomes,
        RecordRequest(event_id=event.id, deliveries=[details.for_ledger(delivery) for delivery in ended]),
        start_to_close_timeout=policies.RECORD_TIMEOUT,
        retry_policy=policies.RECORD_RETRY,
        summary="count outcomes",
    )
    for delivery in ended:
        delivery.recorded = True


async def tell_exhausted(event: CloudEvent, pending: Pending, watchers: Sequence[str]) -> None:
    """Emit that a delivery failed for good, where anybody but its subscriber wants to know; after all retries."""
    delivery = pending.delivery
    watched = failure_is_told(event.type) and any(name != delivery.subscriber for name in watchers)
    if delivery.state is not DeliveryState.FAILED or not watched:
        return
    await workflow.execute_activity_method(
        EmissionActivities.publish_event,
        EmitRequest(event=tidings.exhausted(event, delivery, workflow.info().run_id, workflow.now())),
        task_queue=names.DELIVERIES_QUEUE,
        start_to_close_timeout=policies.PUBLISH_TIMEOUT,
        retry_policy=policies.PUBLISH_RETRY,
        summary=f"tell that {delivery.subscriber} was not told",
        priority=policies.TELL_PRIORITY,
    )


def _remaining(event: CloudEvent, pending: Pending, *, once: bool) -> DeliverRequest:
    """What an activity is asked for that goes on with a delivery."""
    return DeliverRequest(
        event_id=event.id,
        subscriber=pending.delivery.subscriber,
        schedule=pending.schedule or RetrySchedule(),
        since=pending.since,
        prior=pending.delivery.attempts,
        at_once=once,
        flight=None if pending.delivery.attempts else pending.flight,
        unmade=None if once else pending.unmade,
        lasting=pending.lasting and not once,
    )


def _unheard(event: CloudEvent, subscriber: str) -> FirstResult:
    """The process was too slow to say: the retry queue begins, and joins the request if it comes upon it."""
    return FirstResult(flight=flight_key(workflow.info().run_id, event, subscriber))


def _take(pending: Pending, result: FirstResult) -> None:
    """Bring a delivery up to date with what its first request came to."""
    pending.delivery = result.delivery or pending.delivery
    pending.in_flight_on, pending.flight = result.in_flight_on, result.flight


def _raise_cancelled(error: FailureError) -> None:
    """An operator's cancellation ends the workflow; it is no failure to be worked around."""
    if is_cancelled_exception(error):
        raise error
