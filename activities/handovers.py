"""What is left of a burst goes on in a workflow for each event, started by an activity instead of all at once.

A thousand starts at once would be in front of whatever else Temporal has to do.
"""

from collections.abc import Awaitable, Callable
from datetime import datetime

from temporalio import activity

from domain.events import CloudEvent
from domain.handovers import HandOver
from domain.tasks import EventInput

LoadInput = Callable[[str, str], Awaitable[EventInput]]
Begin = Callable[[CloudEvent, EventInput, str, datetime | None], Awaitable[None]]


class HandOverActivities:
    """Starts the workflows that others hand their events to.

    Args:
        load: what a workflow was started with, given its id and run id.
        begin: starts the workflow of an event, unless it was started before, given the run id of the one it was with,
            and when the event was accepted.
    """

    def __init__(self, load: LoadInput, begin: Begin) -> None:
        self._load = load
        self._begin = begin

    @activity.defn(name="hand_over")
    async def hand_over(self, request: HandOver) -> None:
        """Start a workflow for each event, one after the other. Idempotent: the ids are of the run and the event."""
        info = activity.info()
        run_id = info.workflow_run_id or ""
        events = (await self._load(info.workflow_id or "", run_id)).events
        for rest in request.rests:
            event = events[rest.place]
            going_on = EventInput(events=[event], resume=rest.deliveries, watchers=request.watchers)
            await self._begin(event, going_on, run_id, request.accepted_at)
            activity.heartbeat()
