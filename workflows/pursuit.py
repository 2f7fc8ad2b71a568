"""What becomes of one event's deliveries after their first requests: each goes on by itself until it has ended."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow

from domain.events import CloudEvent
from domain.outcomes import FINAL_STATES, DeliveryState
from domain.tasks import INLINE_ONE_BY_ONE, Pending
from workflows import calls, pausing, policies
from workflows.progress import Progress

# Patches: a workflow that an older worker began goes on as that did.
ADOPT_IN_ROUNDS = "adopt-in-rounds"  # what is still in flight is asked for again together, not one by one
RELEASED_IN_LINE = "released-in-line"  # what is released before its turn no longer has the drain wait for it
FIRST_IN_TURN = "first-in-turn"  # an ordered delivery's first request is made within the task that hears of its turn


class Pursuit:
    """The deliveries of one event: nobody waits for a neighbour."""

    def __init__(self, event: CloudEvent, progress: Progress, watchers: Sequence[str]) -> None:
        self._event = event
        self._progress = progress
        self._watchers = watchers

    async def run(self) -> None:
        """Finish them all, and show how far each has come whenever that changes."""
        progress = self._progress
        landed = [pending for pending in progress.groups[0] if pending.in_flight_on is None]
        finishing = asyncio.gather(*(self._finish(pending) for pending in landed), self._finish_in_flight())
        while not finishing.done():
            await workflow.wait_condition(lambda: progress.changed or finishing.done())
            if progress.changed:
                progress.tell()
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
        if pending.ordered and self._event.ordering_key:
            await self._wait_turn(pending)
            await self._first_in_turn(pending)
            await self._deliver(pending)
            await calls.leave_lane(self._event, pending)
        else:
            await self._deliver(pending)
        await calls.tell_exhausted(self._event, pending, self._watchers)

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
            await calls.first(self._event, pending)
            self._progress.changed = True

    async def _deliver(self, pending: Pending) -> None:
        if pending.in_flight_on is not None:
            await calls.adopt(self._event, pending)
            self._progress.changed = True
        while pending.delivery.state not in FINAL_STATES:
            if pending.delivery.state is DeliveryState.WAITING:
                await pausing.until_released(pending, self._progress)
                await pausing.go_on(self._event, pending)
            else:
                await calls.deliver(self._event, pending)
            self._progress.changed = True
        if not pending.delivery.recorded:
            await calls.record(self._event, [pending.delivery])
