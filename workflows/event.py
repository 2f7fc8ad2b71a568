"""EventWorkflow: delivers one event, or a burst of them, to every subscriber that wants it."""

import asyncio

from temporalio import workflow
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

with workflow.unsafe.imports_passed_through():
    from domain.drains import Release
    from domain.errors import PublishingDisabledError
    from domain.lanes import Ticket
    from domain.outcomes import DeliveryState
    from domain.tasks import INLINE_ONE_BY_ONE, EventInput, EventProgress, EventResult
    from workflows import calls, handing, policies
    from workflows.burst import Burst
    from workflows.progress import Progress
    from workflows.pursuit import Pursuit


@workflow.defn(name="EventWorkflow")
class EventWorkflow:
    """Resolve, make each first request at once, then pursue what is left until every delivery has ended.

    One event is pursued here (`Pursuit`); of several, each that needs more goes on in a workflow of its own (`Burst`).
    """

    @workflow.init
    def __init__(self, request: EventInput) -> None:
        self._request = request
        self._progress = Progress(request.events)
        self._lined_up = False
        self._has_places = False
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
        """Whether the ordered deliveries have their places, and those that other workflows make have begun."""
        return self._lined_up

    @workflow.query(name="has_places")
    def has_places(self) -> bool:
        """Whether the ordered deliveries have their places, so that those of the next event may take theirs."""
        return self._has_places

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
        events = self._request.events
        if len(events) > 1:
            await handing.hold_places(events, self._progress, self._request.each_behind)
        elif ordered := [each for each in self._progress.groups[0] if each.ordered and events[0].ordering_key]:
            await calls.line_up(events[0], ordered, self._request.behind)
        self._has_places = True
        self._lined_up = len(events) == 1

    async def _pursue(self) -> None:
        await Pursuit(self._request.events[0], self._progress, self._watchers).run()

    async def _hand_over(self) -> None:
        burst = Burst(self._request.events, self._progress, self._watchers)
        await burst.hand_over()
        self._lined_up = True  # by those that took over, which have begun
        await burst.conclude()
