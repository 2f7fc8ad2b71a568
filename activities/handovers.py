"""What is left of a burst goes on in a workflow for each event, started by an activity instead of all at once.

A thousand starts at once would be in front of whatever else Temporal has to do. Each takes as much as 32 fresh events
that share one, which therefore go first (docs/decisions/0053-what-a-burst-leaves-makes-way-for-the-next.md).
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import activity

from domain.events import CloudEvent
from domain.handovers import HandOver
from domain.tasks import EventInput

LoadInput = Callable[[str, str], Awaitable[EventInput]]
Pressed = Callable[[], bool]
Begin = Callable[[CloudEvent, EventInput, str, datetime | None], Awaitable[None]]

# Before each start, for a burst that is being accepted; an endless one leaves an activity four starts a second.
MAKE_WAY_SECONDS = 0.25
LOOK_SECONDS = 0.01


def never_pressed() -> bool:
    """Of a process that accepts nothing."""
    return False


class HandOverActivities:
    """Starts the workflows that others hand their events to.

    Args:
        load: what a workflow was started with, given its id and run id.
        begin: starts the workflow of an event, unless it was started before, given the run id of the one it was with,
            and when the event was accepted.
        pressed: whether a burst is being accepted in this process.
    """

    def __init__(self, load: LoadInput, begin: Begin, pressed: Pressed = never_pressed) -> None:
        self._load = load
        self._begin = begin
        self._pressed = pressed

    @activity.defn(name="hand_over")
    async def hand_over(self, request: HandOver) -> None:
        """Start a workflow for each event, one after the other. Idempotent: the ids are of the run and the event."""
        info = activity.info()
        run_id = info.workflow_run_id or ""
        events = (await self._load(info.workflow_id or "", run_id)).events
        for rest in request.rests:
            event = events[rest.place]
            going_on = EventInput(events=[event], resume=rest.deliveries, watchers=request.watchers)
            await self._make_way()
            await self._begin(event, going_on, run_id, request.accepted_at)
            activity.heartbeat()

    async def _make_way(self) -> None:
        """Let a burst pass, for a while."""
        clock = asyncio.get_running_loop().time
        ends = clock() + MAKE_WAY_SECONDS  # of time, and not of looks: in a burst each takes longer
        while self._pressed() and clock() < ends:  # noqa: ASYNC110 - an event would be set and cleared with each publish
            await asyncio.sleep(LOOK_SECONDS)
