"""EventWorkflow: delivers one event, or a burst of them, to every subscriber that wants it."""

import asyncio
import itertools
from collections.abc import Sequence
from operator import itemgetter

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

with workflow.unsafe.imports_passed_through():
    from domain.drains import Release
    from domain.errors import PublishingDisabledError
    from domain.lanes import Ticket
    from domain.outcomes import FINAL_STATES, DeliveryState
    from domain.tasks import INLINE_ONE_BY_ONE, EventInput, EventProgress, EventResult, Pending
    from workflows import calls, handing, pausing, policies
    from workflows.progress import Progress

# Patches: a workflow that an older worker began goes on as that did.
ADOPT_IN_ROUNDS = "adopt-in-rounds"  # what is still in flight is asked for again together, not one by one
RELEASED_IN_LINE = "released-in-line"  # what is released before its turn no longer has the drain wait for it
FIRST_IN_TURN = "first-in-turn"  # an ordered delivery's first request is made within the task that hears of its turn

Place = tuple[int, int]  # of a delivery: its event's, and its own among those of the event


@workflow.defn(name="EventWorkflow")
class EventWorkflow:
    """Resolve, try each match once at once, then pursue what is left until every delivery has ended."""

    @workflow.init
    def __init__(self, request: EventInput) -> None:
        self._request = request
        self._progress = Progress(request.events)
        self._lined_up = False
        self._watchers = request.watchers

    @workflow.run
    async def run(self, request: EventInput) -> EventResult:
        """Deliver; ends when every delivery has, or was handed over."""
        if request.resume is None:
            await self._resolve()
            await asyncio.gather(self._try_once(), self._line_up())
        else:
            self._progress.resume([request.resume])
            await self._line_up()
        self._progress.tell()
        await (self._pursue() if len(request.events) == 1 else self._hand_over())
        return self._progress.result()

    @workflow.query(name="deliveries")
    def deliveries(self) -> list[EventProgress]:
        """Where each event and each of its deliveries stands."""
        return self._progress.report()

    @workflow.query(name="event_deliveries")
    def event_deliveries(self, place: int) -> EventProgress:
        """Where the deliveries of one event stand, which is named by its place: in more detail, if there are many."""
        return self._progress.report_of(place)

    @workflow.query(name="lined_up")
    def lined_up(self) -> bool:
        """Whether the ordered deliveries have their places, so that those of the next event may take theirs."""
        return self._lined_up

    @workflow.signal(name="turn")
    def turn(self, ticket: Ticket) -> None:
        """The lane says whose turn it is; said again, it changes nothing."""
        for pending in self._progress.groups[0]:
            if pending.delivery.subscriber == ticket.subscriber:
                pending.turn = True

    @workflow.signal(name="resumed")
    def resumed(self, release: Release) -> None:
        """The pause of a subscriber is over; of a delivery that does not wait for that, it changes nothing."""
        for pending in self._progress.groups[0]:
            if pending.delivery.subscriber == release.subscriber and pending.delivery.state is DeliveryState.WAITING:
                pending.release = release

    async def _resolve(self) -> None:
        resolution = await calls.resolve(self._request.events, self._request.only)
        if self._request.ask_publishing and not resolution.publishing:
            error = PublishingDisabledError()
            raise ApplicationError(
                f"{error}. {error.advice}", type=error.code, category=ApplicationErrorCategory.BENIGN
            )
        self._progress.resolve(resolution.matches)
        self._watchers = resolution.watchers

    async def _try_once(self) -> None:
        """Make the first requests that may be made within this workflow task."""
        events, groups = self._request.events, self._progress.groups
        wanted = [(index, pending) for index, group in enumerate(groups) for pending in group if pending.inline]
        if len(events) == 1 and len(wanted) <= INLINE_ONE_BY_ONE:
            await asyncio.gather(*(calls.first(events[0], pending) for _, pending in wanted))
            return
        size = policies.INLINE_TOGETHER
        chunks = [wanted[place : place + size] for place in range(0, len(wanted), size)]
        await asyncio.gather(*(calls.first_of_many(events, chunk) for chunk in chunks))

    async def _line_up(self) -> None:
        """Take places for the ordered deliveries; of several events for the workflows that take over."""
        if len(self._request.events) > 1:
            await handing.hold_places(self._request.events, self._progress)
            return
        event = self._request.events[0]
        if ordered := [pending for pending in self._progress.groups[0] if pending.ordered and event.ordering_key]:
            await calls.line_up(event, ordered, self._request.behind)
        self._lined_up = True

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
        flying = self._progress.flying(0)
        if len(flying) > INLINE_ONE_BY_ONE:
            await calls.adopt_together(flying)
            self._progress.changed = True
            if self._progress.flying(0) and workflow.patched(ADOPT_IN_ROUNDS):
                await self._finish_in_rounds(flying)
                return
        await asyncio.gather(*(self._finish(pending) for pending in flying))

    async def _finish_in_rounds(self, flying: list[Pending]) -> None:
        """Wait for what is in flight, all of it together; whatever has landed goes on at once."""
        finishing: list[asyncio.Task[None]] = []
        for _ in range(policies.ADOPTION_ROUNDS):
            finishing += [asyncio.create_task(self._finish(p)) for p in flying if p.in_flight_on is None]
            flying = [pending for pending in flying if pending.in_flight_on is not None]
            if not flying:
                break
            await calls.adopt_together(flying)
            self._progress.changed = True
        await asyncio.gather(*finishing, *(self._finish(pending) for pending in flying))

    async def _finish(self, pending: Pending) -> None:
        event = self._request.events[0]
        if pending.ordered and event.ordering_key:
            await self._wait_turn(pending)
            await self._first_in_turn(pending)
            await self._deliver(pending)
            await calls.leave_lane(event, pending)
        else:
            await self._deliver(pending)
        await calls.tell_exhausted(event, pending, self._watchers)

    async def _wait_turn(self, pending: Pending) -> None:
        if pending.turn:
            return
        self._progress.changed = True
        await workflow.wait_condition(lambda: pending.turn or pending.release is not None)
        if pending.goes_on_in_line and workflow.patched(RELEASED_IN_LINE):
            await pausing.stand_in_line(pending)
            self._progress.changed = True
        await workflow.wait_condition(lambda: pending.turn or pending.dropped)
        self._progress.changed = True

    async def _first_in_turn(self, pending: Pending) -> None:
        """Make an ordered delivery's first request at once: whoever is behind it waits for every step."""
        untold = pending.delivery.state is DeliveryState.PENDING and not pending.delivery.attempts
        if untold and pending.limits is None and workflow.patched(FIRST_IN_TURN):
            await calls.first(self._request.events[0], pending)
            self._progress.changed = True

    async def _deliver(self, pending: Pending) -> None:
        event = self._request.events[0]
        if pending.in_flight_on is not None:
            await calls.adopt(event, pending)
            self._progress.changed = True
        while pending.delivery.state not in FINAL_STATES:
            if pending.delivery.state is DeliveryState.WAITING:
                await pausing.until_released(pending, self._progress)
                await pausing.go_on(event, pending)
            else:
                await calls.deliver(event, pending)
            self._progress.changed = True
        if not pending.delivery.recorded:
            await calls.record(event, [pending.delivery])

    async def _hand_over(self) -> None:
        """Give each event that needs a further request a workflow of its own; its start is awaited, its end is not.

        What is to be retried does not wait for what is still in flight.
        """
        progress = self._progress
        unfinished = [index for index in range(len(self._request.events)) if progress.unfinished(index)]
        flying = [index for index in unfinished if progress.flying(index)]
        ready = [index for index in unfinished if index not in flying]
        ended = self._ended() if unfinished else []
        if not any(map(self._is_untold, ended)) or not workflow.patched(handing.IN_TURNS):
            ended = []
        await asyncio.gather(self._continue(ready), self._see_landed(flying), self._conclude(ended))
        self._lined_up = True  # by those that took over, which have begun
        if unfinished:
            progress.tell()
        concluded = set(ended)
        await self._conclude([each for each in self._ended() if each not in concluded])

    def _ended(self) -> list[Place]:
        groups = self._progress.groups
        return [
            (index, place)
            for index, group in enumerate(groups)
            for place, pending in enumerate(group)
            if pending.delivery.state in FINAL_STATES
        ]

    def _is_untold(self, place: Place) -> bool:
        delivery = self._progress.groups[place[0]][place[1]].delivery
        return not delivery.recorded or delivery.state is DeliveryState.FAILED

    async def _conclude(self, ended: Sequence[Place]) -> None:
        """Have what has ended counted, and what failed for good told."""
        events, groups = self._request.events, self._progress.groups
        for index, places in itertools.groupby(ended, key=itemgetter(0)):
            deliveries = [groups[index][place].delivery for _, place in places]
            if uncounted := [delivery for delivery in deliveries if not delivery.recorded]:
                await calls.record(events[index], uncounted)
        await asyncio.gather(
            *(calls.tell_exhausted(events[index], groups[index][place], self._watchers) for index, place in ended)
        )

    async def _see_landed(self, flying: list[int]) -> None:
        """Wait for what is in flight, all of it together: an overload would only grow by a workflow for each."""
        progress, continuing = self._progress, list[asyncio.Task[None]]()
        for _ in range(policies.ADOPTION_ROUNDS):
            if not flying:
                break
            await calls.adopt_together([pending for index in flying for pending in progress.flying(index)])
            aloft = [index for index in flying if len(progress.flying(index)) == len(progress.unfinished(index)) > 0]
            if aloft and not workflow.patched(ADOPT_IN_ROUNDS):
                aloft = []
            landed = [index for index in flying if index not in aloft and progress.unfinished(index)]
            if landed:
                continuing.append(asyncio.create_task(self._continue(landed)))
                if not workflow.patched(handing.IN_TURNS):
                    await continuing[-1]
            flying = aloft
        await asyncio.gather(*continuing, self._continue(flying))

    async def _continue(self, indexes: list[int]) -> None:
        await handing.hand_over(self._request.events, indexes, self._progress, self._watchers)
