"""The activities of the event workflow: first requests inline, adoption, retries, recording.

All are at-least-once: a worker that dies between a request and its report makes the request again, under the same
``webhook-id``, and receivers drop the repeat. The exception are targets that cannot tell a repeat: see `deliver`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractContextManager, ExitStack
from datetime import timedelta
from functools import partial

from temporalio import activity
from temporalio.exceptions import ApplicationError

from activities import journal
from activities.admission import Admission
from activities.announcements import Announcements, is_announced
from activities.courier import Courier, cancelled
from activities.directory import LeasedDirectory
from activities.flights import Flights, MayBegin, landed
from activities.gate import InlineGate
from activities.limits import LimitedDeliveries
from activities.recorder import Recorder
from activities.reporting import beating, brief, details, failure_of, given_up, in_hand, told_of, unmade, until_due
from activities.standstill import STOOD_STILL, still_given
from activities.transport_errors import LocalFault
from domain.events import CloudEvent
from domain.flight_keys import flight_key, next_key
from domain.outcomes import Attempt, Delivery, DeliveryState, next_number
from domain.replays import replay_of
from domain.subscribers import Subscriber
from domain.targets.kinds import is_at_most_once
from domain.tasks import (
    AdoptManyRequest,
    AdoptRequest,
    DeliverRequest,
    FirstRequest,
    FirstRequests,
    FirstResult,
    FirstResults,
    RecordRequest,
)

# First requests that take longer are left to the activity that adopts them.
INLINE_BUDGET = timedelta(milliseconds=300)
# An answered request waits for the group commit of its outcome, 200 ms at most while Temporal is well.
COUNTING_BUDGET = timedelta(seconds=1)
TOGETHER_BUDGET = timedelta(seconds=2)
AFTER_TROUBLE = timedelta(milliseconds=100)

Inline = Callable[[], AbstractContextManager[None]]
LoadEvent = Callable[[str, str], Awaitable[CloudEvent]]


class DeliveryActivities:
    """The activities, and the parts of this process that they share.

    Args:
        directory: who wants what.
        courier: makes requests.
        flights: keeps first requests that are under way.
        recorder: group commits to the ledger.
        gate: who may be tried inline.
        limited: the queues of limited subscribers.
        load_event: reads the event of a workflow, given its id and run id.
        in_flight_queue: the task queue that this process alone polls.
    """

    def __init__(
        self,
        *,
        directory: LeasedDirectory,
        courier: Courier,
        flights: Flights,
        recorder: Recorder,
        gate: InlineGate,
        limited: LimitedDeliveries,
        load_event: LoadEvent,
        in_flight_queue: str,
    ) -> None:
        self._admission = Admission(directory, limited)
        self._courier = courier
        self._flights = flights
        self._announcements = Announcements()
        self._recorder = recorder
        self._gate = gate
        self._load_event = load_event
        self._in_flight_queue = in_flight_queue

    @activity.defn(name="deliver_first")
    async def deliver_first(self, request: FirstRequest) -> FirstResult:
        """Make the first request of a delivery, for at most 300 ms. At least once.

        A process that is told to stop makes none that it is asked for by then: whoever goes on makes it. Nor does one
        that stood still, of what it may have been given before: another may have it.
        """
        with self._flights.asked() as may_begin:
            begun = await self._begun(request, deadline=_deadline(), inline=self._gate.inline, may_begin=may_begin)
            return (await self._results([begun]))[0]

    @activity.defn(name="deliver_many")
    async def deliver_many(self, request: FirstRequests) -> FirstResults:
        """`deliver_first`, for many deliveries at once; of their responses only the start is kept. At least once.

        Crowds take turns: all at once, none of them would end within its 300 ms, and each would be asked after.
        """
        with self._flights.asked() as may_begin:
            async with self._gate.crowd() as turn:
                begin = partial(self._begun, deadline=_deadline(), inline=turn.inline, may_begin=may_begin)
                begun = await asyncio.gather(*map(begin, request.each()))
            return FirstResults(results=[brief(result) for result in await self._results(begun)])

    async def _begun(
        self, request: FirstRequest, *, deadline: float, inline: Inline, may_begin: MayBegin
    ) -> FirstResult | str:
        """Begin a first request, or join it, and wait for the answer. Gives its key, or what can be said at once."""
        key = flight_key(activity.info().workflow_run_id or "", request.event, request.subscriber)
        waited_for = self._gate.admits(request.subscriber)
        if self._flights.known(key) is None:
            try:
                subscriber = await self._admission.first(request.subscriber, request.since, request.event)
            except LocalFault:  # no other delivery of a crowd is to fail with this one
                return FirstResult()
            if isinstance(subscriber, Delivery):
                return FirstResult(delivery=subscriber)
            # A workflow task may be repeated, and what was begun in it with it; a limit keeps a queue of its own.
            if is_at_most_once(subscriber.target) or subscriber.limited:
                return FirstResult()
            if not (waited_for or await self._gate.room(subscriber.name, deadline)) or not may_begin():
                return FirstResult()
            self._flights.start(key, self._courier.carrying(request.event, subscriber, request.schedule, _replay()))
        with inline():
            await self._flights.answered(key, deadline if waited_for else 0)
        return key

    async def _results(self, begun: Sequence[FirstResult | str]) -> list[FirstResult]:
        """What first requests came to, those that were answered once they are counted."""
        await self._flights.counted([key for key in begun if isinstance(key, str)], COUNTING_BUDGET)
        return [each if isinstance(each, FirstResult) else self._landed(each) for each in begun]

    @activity.defn(name="adopt_delivery")
    async def adopt_delivery(self, request: AdoptRequest) -> Delivery:
        """Wait for a first request that this process has in flight; make it, if it no longer has it. At least once."""
        flight, is_ours = self._flights.adopt(request.flight), self._flights.standstill.asked()
        if flight is None:
            event = await self._event()
            subscriber = await self._admission.first(request.subscriber, request.since, event)
            if isinstance(subscriber, Delivery):
                return subscriber
            if not is_ours() and not await still_given([]):
                raise LocalFault(STOOD_STILL)
            carrying = self._courier.carrying(event, subscriber, request.schedule, _replay())
            flight = self._flights.start(request.flight, carrying)
        return await asyncio.shield(flight)

    @activity.defn(name="adopt_many")
    async def adopt_many(self, request: AdoptManyRequest) -> FirstResults:
        """What many first requests came to within two seconds; those that go on stay with this process. Idempotent.

        As soon as one needs a further request, it waits for the others no longer.
        """
        flights = {key: flight for key in request.flights if (flight := self._flights.adopt(key))}
        await landed(flights.values(), TOGETHER_BUDGET, AFTER_TROUBLE)
        return FirstResults(results=[brief(self._landed(key)) for key in request.flights])

    def _landed(self, key: str) -> FirstResult:
        flight = self._flights.known(key)
        if flight is None or (flight.done() and flight.exception() is not None):
            return FirstResult()  # no request was made, or none is known: the retry queue starts from nothing
        if flight.done():
            return FirstResult(delivery=flight.result())
        self._flights.leave(key)
        return FirstResult(in_flight_on=self._in_flight_queue, flight=key)

    @activity.defn(name="deliver")
    async def deliver(self, request: DeliverRequest) -> Delivery:
        """Make the next request of a delivery; raise for one that failed, so that Temporal retries. At least once.

        While the subscriber is paused none is made: the delivery comes back waiting. One that this process made already
        is joined, where Temporal did not hear of it in time.

        At most once where the target asks for it: such a request is announced to Temporal before it is made, so that
        a worker that is lost with it in hand leaves an attempt of unknown outcome, which ends the delivery.

        Raises:
            ApplicationError: of category BENIGN; its type is the `Failure`, its one detail the `Delivery`.
        """
        info = activity.info()
        known = [Attempt.model_validate(attempt) for attempt in info.heartbeat_details] or request.prior
        key = next_key(request, info.workflow_run_id or "", known)
        delivery = joined = await in_hand(self._flights.adopt(key), known)
        if delivery is None:
            known = self._announcements.certain(key, known)
            if is_announced(known):
                raise given_up(request, known)
            await until_due(request, known)
            with told_of(request, known):
                delivery = await self._next(request, known, key)
        if delivery.state not in {DeliveryState.RETRYING, DeliveryState.FAILED}:
            return delivery
        activity.heartbeat(*details(delivery.attempts))
        if delivery.state is DeliveryState.RETRYING:
            self._flights.forget(key)
        raise failure_of(delivery, ends=request.lasting or bool(joined and (info.attempt > 1 or request.prior)))

    async def _next(self, request: DeliverRequest, known: list[Attempt], key: str) -> Delivery:
        """Make the next request, unless the subscriber is paused or gone."""
        is_ours = self._flights.standstill.asked()
        subscriber = await self._admission.allowed(request, known, self._event)
        if not isinstance(subscriber, Subscriber):
            return subscriber or cancelled(request.subscriber, request.event_id, known)
        number, told = next_number(known), known
        event = await self._event()
        if not is_ours() and not await still_given(known):
            raise unmade(request, known, STOOD_STILL)
        carry = self._courier.carrying(event, subscriber, request.schedule, _replay(), number=number, prior=known)
        with ExitStack() as telling:
            if is_at_most_once(subscriber.target):
                told = await self._announcements.announced(key, known, number)
                carry = self._announcements.carrying(key, told, carry)
                telling.enter_context(told_of(request, told))
            try:
                return await beating(self._flights.start(key, carry, awaited=True), told)
            except LocalFault as fault:
                raise unmade(request, known, str(fault)) from None

    @activity.defn(name="record_outcomes")
    async def record_outcomes(self, request: RecordRequest) -> None:
        """Count final outcomes that their own activities could not. May count twice after a crash.

        Raises:
            ApplicationError: the ledger did not acknowledge; Temporal tries again.
        """
        entries = [entry for delivery in request.deliveries if (entry := journal.ledger_entry(delivery))]
        if not await self._recorder.record(entries):
            raise ApplicationError("the ledger did not acknowledge", type="ledger_unavailable")

    async def _event(self) -> CloudEvent:
        info = activity.info()
        return await self._load_event(info.workflow_id or "", info.workflow_run_id or "")


def _deadline() -> float:
    return asyncio.get_running_loop().time() + INLINE_BUDGET.total_seconds()


def _replay() -> str | None:
    """The replay that the calling workflow is part of."""
    return replay_of(activity.info().workflow_id or "")
