"""EventWorkflow: delivers one event, or a burst of them, to every subscriber that wants it."""

import asyncio
import contextlib

from temporalio import workflow
from temporalio.exceptions import (
    ActivityError,
    ApplicationError,
    ApplicationErrorCategory,
    WorkflowAlreadyStartedError,
    is_cancelled_exception,
)

with workflow.unsafe.imports_passed_through():
    from activities.deliveries import DeliveryActivities
    from domain.errors import PublishingDisabledError
    from domain.events import CloudEvent
    from domain.outcomes import FINAL_STATES, Delivery
    from domain.retry import RetrySchedule
    from domain.tasks import (
        AdoptManyRequest,
        AdoptRequest,
        DeliverRequest,
        EventInput,
        EventProgress,
        EventResult,
        FirstRequest,
        FirstRequests,
        FirstResult,
        FirstResults,
        Match,
        Pending,
        RecordRequest,
        ResolveRequest,
    )
    from workflows import details, endings, names, policies
    from workflows.progress import Progress


@workflow.defn(name="EventWorkflow")
class EventWorkflow:
    """Resolve, try each match once at once, then pursue what is left until every delivery has ended."""

    @workflow.init
    def __init__(self, request: EventInput) -> None:
        self._request = request
        self._progress = Progress(request.events)

    @workflow.run
    async def run(self, request: EventInput) -> EventResult:
        """Deliver; ends when every delivery has, or was handed over."""
        if request.resume is None:
            await self._resolve()
            await self._try_once()
        else:
            self._progress.resume([request.resume])
        self._progress.tell()
        await (self._pursue() if len(request.events) == 1 else self._hand_over())
        return self._progress.result()

    @workflow.query(name="deliveries")
    def deliveries(self) -> list[EventProgress]:
        """Where each event and each of its deliveries stands."""
        return self._progress.report()

    async def _resolve(self) -> None:
        resolution = await workflow.execute_local_activity_method(
            DeliveryActivities.resolve_subscribers,
            ResolveRequest(event_types=[event.type for event in self._request.events], only=self._request.only),
            start_to_close_timeout=policies.RESOLVE_TIMEOUT,
            retry_policy=policies.RESOLVE_RETRY,
            summary="who wants it",
        )
        if self._request.ask_publishing and not resolution.publishing:
            error = PublishingDisabledError()
            raise ApplicationError(
                f"{error}. {error.advice}", type=error.code, category=ApplicationErrorCategory.BENIGN
            )
        self._progress.resolve(resolution.matches)

    async def _try_once(self) -> None:
        """Make the first requests that may be made within this workflow task."""
        groups = self._progress.groups
        wanted = [(index, pending) for index, group in enumerate(groups) for pending in group if pending.inline]
        if len(self._request.events) == 1 and len(wanted) <= policies.INLINE_ONE_BY_ONE:
            results = await asyncio.gather(*(self._first(pending) for _, pending in wanted))
        else:
            chunks = [
                wanted[first : first + policies.INLINE_TOGETHER]
                for first in range(0, len(wanted), policies.INLINE_TOGETHER)
            ]
            answers = await asyncio.gather(*(self._first_of_many(chunk) for chunk in chunks))
            results = [result for answer in answers for result in answer]
        for (_, pending), result in zip(wanted, results, strict=True):
            _take(pending, result)

    async def _first(self, pending: Pending) -> FirstResult:
        event = self._request.events[0]
        try:
            return await workflow.execute_local_activity_method(
                DeliveryActivities.deliver_first,
                FirstRequest(
                    event=event,
                    subscriber=pending.delivery.subscriber,
                    schedule=pending.schedule,
                    since=pending.since,
                ),
                start_to_close_timeout=policies.INLINE_TIMEOUT,
                retry_policy=policies.INLINE_RETRY,
                summary=f"{event.type} → {pending.delivery.subscriber}",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return FirstResult()  # the process was too slow to say; the retry queue starts from nothing

    async def _first_of_many(self, wanted: list[tuple[int, Pending]]) -> list[FirstResult]:
        try:
            answer = await workflow.execute_local_activity_method(
                DeliveryActivities.deliver_many,
                FirstRequests(
                    events=self._request.events,
                    wanted=[
                        (index, Match(subscriber=p.delivery.subscriber, schedule=p.schedule, since=p.since))
                        for index, p in wanted
                    ],
                ),
                start_to_close_timeout=policies.CROWD_TIMEOUT,
                retry_policy=policies.INLINE_RETRY,
                summary=f"{len(wanted)} first requests",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            return [FirstResult() for _ in wanted]
        return answer.results

    async def _pursue(self) -> None:
        """Finish the only event's deliveries, each by itself: nobody waits for a neighbour."""
        landed = [pending for pending in self._progress.groups[0] if pending.in_flight_on is None]
        finishing = asyncio.gather(*(self._finish(pending) for pending in landed), self._finish_in_flight())
        while not finishing.done():
            await workflow.wait_condition(lambda: self._progress.changed or finishing.done())
            if self._progress.changed:
                self._progress.tell()
        await finishing

    async def _finish_in_flight(self) -> None:
        flying = [pending for pending in self._progress.groups[0] if pending.in_flight_on is not None]
        if len(flying) > policies.INLINE_ONE_BY_ONE:
            await self._adopt_together(flying)
        await asyncio.gather(*(self._finish(pending) for pending in flying))

    async def _finish(self, pending: Pending) -> None:
        if pending.in_flight_on is not None:
            await self._adopt(pending)
        while pending.delivery.state not in FINAL_STATES:
            await self._deliver(pending)
            self._progress.changed = True
        if not pending.delivery.recorded:
            await self._record(self._request.events[0], [pending.delivery])

    async def _adopt(self, pending: Pending) -> None:
        """Take over the first request from the process that has it in flight."""
        try:
            pending.delivery = await workflow.execute_activity_method(
                DeliveryActivities.adopt_delivery,
                AdoptRequest(
                    event_id=self._request.events[0].id,
                    subscriber=pending.delivery.subscriber,
                    schedule=pending.schedule,
                    since=pending.since,
                    flight=pending.flight or "",
                ),
                task_queue=pending.in_flight_on,
                schedule_to_start_timeout=policies.ADOPT_WAIT,
                start_to_close_timeout=policies.ADOPT_TIMEOUT,
                retry_policy=policies.INLINE_RETRY,
                summary=f"first request to {pending.delivery.subscriber}, still in flight",
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            # That process is gone and its outcome with it: the request is made again.
        pending.in_flight_on = None
        self._progress.changed = True

    async def _adopt_together(self, flying: list[Pending]) -> None:
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
            if is_cancelled_exception(error):
                raise
            answer = FirstResults(results=[FirstResult() for _ in flying])
        for pending, result in zip(flying, answer.results, strict=True):
            _take(pending, result)
        self._progress.changed = True

    async def _deliver(self, pending: Pending) -> None:
        """Retry on the queue that is fair between subscribers, until the delivery has ended."""
        delivery, schedule = pending.delivery, pending.schedule or RetrySchedule()
        event = self._request.events[0]
        try:
            pending.delivery = await workflow.execute_activity_method(
                DeliveryActivities.deliver,
                DeliverRequest(
                    event_id=event.id,
                    subscriber=delivery.subscriber,
                    schedule=schedule,
                    since=pending.since,
                    prior=delivery.attempts,
                ),
                task_queue=names.DELIVERIES_QUEUE,
                activity_id=names.delivery_activity_id(delivery.subscriber),
                start_to_close_timeout=policies.DELIVER_TIMEOUT,
                heartbeat_timeout=policies.DELIVER_HEARTBEAT,
                retry_policy=policies.delivery_retry(schedule, len(delivery.attempts)),
                summary=f"{event.type} → {delivery.subscriber}",
                priority=policies.delivery_priority(event.severity, delivery.subscriber),
            )
        except ActivityError as error:
            if is_cancelled_exception(error):
                raise
            endings.settle_failure(pending, error)

    async def _record(self, event: CloudEvent, ended: list[Delivery]) -> None:
        await workflow.execute_activity_method(
            DeliveryActivities.record_outcomes,
            RecordRequest(event_id=event.id, deliveries=[details.for_ledger(delivery) for delivery in ended]),
            start_to_close_timeout=policies.RECORD_TIMEOUT,
            retry_policy=policies.RECORD_RETRY,
            summary="count outcomes",
        )
        for delivery in ended:
            delivery.recorded = True

    async def _hand_over(self) -> None:
        """Give each event with unfinished deliveries a workflow of its own; its start is awaited, its end is not.

        What is to be retried does not wait for what is still in flight.
        """
        unfinished = [index for index in range(len(self._request.events)) if self._progress.unfinished(index)]
        flying = [p for index in unfinished for p in self._progress.unfinished(index) if p.in_flight_on is not None]
        held = [i for i in unfinished if any(p.in_flight_on is not None for p in self._progress.unfinished(i))]
        steps = [self._continue(index) for index in unfinished if index not in held]
        await asyncio.gather(*steps, *([self._adopt_together(flying)] if flying else []))
        await asyncio.gather(*(self._continue(index) for index in held if self._progress.unfinished(index)))
        if unfinished:
            self._progress.tell()
        for index, event in enumerate(self._request.events):
            if ended := self._progress.unrecorded(index):
                await self._record(event, ended)

    async def _continue(self, index: int) -> None:
        event = self._request.events[index]
        with contextlib.suppress(WorkflowAlreadyStartedError):  # by this run, before its task was repeated
            await workflow.start_child_workflow(
                EventWorkflow.run,
                EventInput(events=[event], resume=self._progress.unfinished(index)),
                id=names.continued_workflow_id(event, workflow.info().run_id),
                task_timeout=policies.EVENT_TASK_TIMEOUT,
                parent_close_policy=workflow.ParentClosePolicy.ABANDON,
                memo=names.event_memo([event]),
                search_attributes=names.event_attributes([event]),
                static_summary=details.event_summary([event]),
            )
        self._progress.hand_over(index)


def _take(pending: Pending, result: FirstResult) -> None:
    """Bring a delivery up to date with what its first request came to."""
    pending.delivery = result.delivery or pending.delivery
    pending.in_flight_on, pending.flight = result.in_flight_on, result.flight
