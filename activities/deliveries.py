"""The activities of the event workflow: resolve, first requests inline, adoption, retries, recording.

All are at-least-once: a worker that dies between a request and its report makes the request again, under the same
``webhook-id``, and receivers drop the repeat.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from http import HTTPStatus

from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities import journal
from activities.directory import LeasedDirectory
from activities.gate import InlineGate
from activities.recorder import Recorder
from activities.requests import RequestTable
from domain.events import CloudEvent
from domain.outcomes import Attempt, Delivery, DeliveryState, settle
from domain.retry import RetrySchedule
from domain.subscribers import Subscriber
from domain.tasks import (
    AdoptRequest,
    DeliverRequest,
    FirstRequest,
    FirstRequests,
    FirstResult,
    FirstResults,
    Match,
    RecordRequest,
    Resolution,
    ResolveRequest,
)

# First requests that are still in flight after this are left to the activity that adopts them.
INLINE_BUDGET = timedelta(milliseconds=300)
HEARTBEAT_EVERY = timedelta(seconds=2)
OLD_RESPONSE_CHARS = 200  # of all responses but the latest, in what an activity carries from attempt to attempt

LoadEvent = Callable[[str, str], Awaitable[CloudEvent]]
MarkGone = Callable[[str, datetime], Awaitable[None]]


class DeliveryActivities:
    """The activities, and the parts of this process that they share.

    Args:
        directory: who wants what.
        requests: makes requests and keeps those in flight.
        recorder: group commits to the ledger.
        gate: who may be tried inline.
        load_event: reads the event of a workflow, given its id and run id.
        mark_gone: tells the directory that a subscriber answered 410 to a request made at a time.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
        in_flight_queue: the task queue that this process alone polls.
    """

    def __init__(
        self,
        *,
        directory: LeasedDirectory,
        requests: RequestTable,
        recorder: Recorder,
        gate: InlineGate,
        load_event: LoadEvent,
        mark_gone: MarkGone,
        publishing: bool,
        in_flight_queue: str,
    ) -> None:
        self._directory = directory
        self._requests = requests
        self._recorder = recorder
        self._gate = gate
        self._load_event = load_event
        self._mark_gone = mark_gone
        self._publishing = publishing
        self._in_flight_queue = in_flight_queue

    @activity.defn(name="resolve_subscribers")
    async def resolve_subscribers(self, request: ResolveRequest) -> Resolution:
        """Who wants each event now. Idempotent."""
        directory = await self._directory.current()
        matches = []
        for event_type in request.event_types:
            wanting = directory.matching(event_type)
            if request.only is not None:
                wanting = [subscriber for subscriber in wanting if subscriber.name in request.only]
            journal.EVENTS.labels("yes" if wanting else "no").inc()
            matches.append([self._match(subscriber) for subscriber in wanting])
        return Resolution(publishing=self._publishing, matches=matches)

    def _match(self, subscriber: Subscriber) -> Match:
        schedule = None if subscriber.schedule == RetrySchedule() else subscriber.schedule
        return Match(subscriber=subscriber.name, schedule=schedule, inline=self._gate.admits(subscriber.name))

    @activity.defn(name="deliver_first")
    async def deliver_first(self, request: FirstRequest) -> FirstResult:
        """Make the first request of a delivery, for at most 300 ms. At least once."""
        deadline = asyncio.get_running_loop().time() + INLINE_BUDGET.total_seconds()
        return await self._first(0, request, deadline)

    @activity.defn(name="deliver_many")
    async def deliver_many(self, request: FirstRequests) -> FirstResults:
        """`deliver_first`, for many deliveries at once. At least once."""
        deadline = asyncio.get_running_loop().time() + INLINE_BUDGET.total_seconds()
        firsts = (
            self._first(
                index,
                FirstRequest(event=request.events[index], subscriber=subscriber, schedule=schedule),
                deadline,
            )
            for index, subscriber, schedule in request.wanted
        )
        return FirstResults(results=list(await asyncio.gather(*firsts)))

    async def _first(self, index: int, request: FirstRequest, deadline: float) -> FirstResult:
        subscriber = await self._wanted(request.subscriber)
        if subscriber is None:
            return FirstResult(delivery=self._cancelled(request.subscriber, request.event.id, []))
        key = f"{activity.info().workflow_run_id}/{index}/{request.subscriber}"
        flight = self._requests.start(key, request.event, subscriber)
        try:
            await asyncio.wait([flight], timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        except asyncio.CancelledError:
            self._requests.forget(key)  # nobody will be told of it, so nobody will adopt it
            raise
        if not flight.done():
            return FirstResult(in_flight_on=self._in_flight_queue, flight=key)
        self._requests.forget(key)
        delivery = await self._settled(request.subscriber, request.event.id, [flight.result()], request.schedule)
        return FirstResult(delivery=delivery)

    @activity.defn(name="adopt_delivery")
    async def adopt_delivery(self, request: AdoptRequest) -> Delivery:
        """Wait for a first request that this process has in flight; make it, if it no longer has it. At least once."""
        flight = self._requests.find(request.flight)
        if flight is None:
            subscriber = await self._wanted(request.subscriber)
            if subscriber is None:
                return self._cancelled(request.subscriber, request.event_id, [])
            flight = self._requests.start(request.flight, await self._event(), subscriber)
        attempt = await asyncio.shield(flight)
        self._requests.forget(request.flight)
        return await self._settled(request.subscriber, request.event_id, [attempt], request.schedule)

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliverRequest) -> Delivery:
        """Make the next request of a delivery; raise for one that failed, so that Temporal retries. At least once.

        Raises:
            ApplicationError: of category BENIGN; its type is the `Failure`, its one detail the `Delivery`.
        """
        info = activity.info()
        attempts = [Attempt.model_validate(known) for known in info.heartbeat_details] or request.prior
        if request.prior and info.attempt == 1:
            raise _failure(settle(request.subscriber, attempts, request.schedule))
        subscriber = await self._wanted(request.subscriber)
        if subscriber is None:
            return self._cancelled(request.subscriber, request.event_id, attempts)
        number = info.attempt + max(len(request.prior) - 1, 0)
        event = await self._event()
        attempt = await _beating(asyncio.create_task(self._requests.send(event, subscriber, number)), attempts)
        attempts = [*_shortened(attempts), attempt]
        delivery = await self._settled(request.subscriber, request.event_id, attempts, request.schedule)
        if delivery.state is DeliveryState.DELIVERED:
            return delivery
        activity.heartbeat(*[known.model_dump(mode="json", exclude_none=True) for known in attempts])
        raise _failure(delivery)

    @activity.defn(name="record_outcomes")
    async def record_outcomes(self, request: RecordRequest) -> None:
        """Count final outcomes that their own activities could not. May count twice after a crash.

        Raises:
            ApplicationError: the ledger did not acknowledge; Temporal tries again.
        """
        entries = [entry for delivery in request.deliveries if (entry := journal.ledger_entry(delivery))]
        if not await self._recorder.record(entries):
            raise ApplicationError("the ledger did not acknowledge", type="ledger_unavailable")

    async def _wanted(self, name: str) -> Subscriber | None:
        """The subscriber as it is now; None when it was removed or disabled meanwhile."""
        subscriber = (await self._directory.latest()).subscribers.get(name)
        return subscriber if subscriber is not None and subscriber.enabled else None

    async def _event(self) -> CloudEvent:
        info = activity.info()
        return await self._load_event(info.workflow_id or "", info.workflow_run_id or "")

    def _cancelled(self, subscriber: str, event_id: str, attempts: list[Attempt]) -> Delivery:
        delivery = Delivery(
            subscriber=subscriber,
            state=DeliveryState.CANCELLED,
            attempts=attempts,
            error="the subscriber was disabled or removed",
            recorded=True,
        )
        journal.tell(delivery.model_copy(update={"attempts": []}), event_id)
        return delivery

    async def _settled(
        self,
        subscriber: str,
        event_id: str,
        attempts: list[Attempt],
        schedule: RetrySchedule | None,
    ) -> Delivery:
        """Decide, log, count and record the latest request."""
        delivery = settle(subscriber, attempts, schedule or RetrySchedule())
        journal.tell(delivery, event_id)
        entry = journal.ledger_entry(delivery)
        if entry is None or delivery.state is DeliveryState.RETRYING:
            if entry:
                self._recorder.note(entry)
            return delivery
        if attempts[-1].status == HTTPStatus.GONE:
            await self._mark_gone(subscriber, attempts[-1].at)
        return delivery.model_copy(update={"recorded": await self._recorder.record([entry])})


def _failure(delivery: Delivery) -> ApplicationError:
    """The failure that Temporal retries, or not, and that the Web UI shows."""
    last = delivery.attempts[-1]
    delay = None
    if delivery.state is DeliveryState.RETRYING and delivery.next_retry_at:
        delay = max(delivery.next_retry_at - datetime.now(UTC), timedelta(seconds=1))
    return ApplicationError(
        last.error or "failed",
        delivery,
        type=last.failure.value if last.failure else "failed",
        non_retryable=not last.retryable,
        next_retry_delay=delay,
        category=ApplicationErrorCategory.BENIGN,
    )


def _shortened(attempts: list[Attempt]) -> list[Attempt]:
    return [
        attempt.model_copy(update={"response": attempt.response[:OLD_RESPONSE_CHARS]}) if attempt.response else attempt
        for attempt in attempts
    ]


async def _beating(flight: "asyncio.Task[Attempt]", known: list[Attempt]) -> Attempt:
    """Wait for a request, telling Temporal every two seconds that this worker lives, and what was tried before."""
    details = [attempt.model_dump(mode="json", exclude_none=True) for attempt in known]
    while not flight.done():
        await asyncio.wait([flight], timeout=HEARTBEAT_EVERY.total_seconds())
        if not flight.done():
            activity.heartbeat(*details)
    return flight.result()
