"""What a long-lived workflow has to tell by events, until Temporal has taken them."""

import asyncio
from collections.abc import Callable, Coroutine, Sequence

from temporalio import workflow

from activities.emission import EmissionActivities
from domain.events import CloudEvent
from domain.tasks import EmitRequest
from workflows import policies

MOST_WAITING = 500  # some 300 KiB of what continue-as-new carries; the oldest goes first

# Patch: a run that began when nothing was told tells nothing; what waits is told by the run after it.
TELL = "tell-of-subscribers"


class Outbox:
    """Events in order, each emitted once: with publishing off they are withheld and do not pile up.

    Args:
        waiting: what the run before left.
    """

    def __init__(self, waiting: Sequence[CloudEvent]) -> None:
        self.waiting = list(waiting)

    def put(self, *events: CloudEvent) -> None:
        """Have events emitted."""
        self.waiting = [*self.waiting, *events][-MOST_WAITING:]

    async def emit_next(self) -> None:
        """Emit the oldest. One whose emission was under way when a run ended is emitted again, under its id."""
        event = self.waiting[0]
        await workflow.execute_activity_method(
            EmissionActivities.publish_event,
            EmitRequest(event=event),
            start_to_close_timeout=policies.PUBLISH_TIMEOUT,
            retry_policy=policies.PUBLISH_RETRY,
            summary=f"emit {event.type}",
        )
        if event in self.waiting:
            self.waiting.remove(event)

    async def keep_empty(self) -> None:
        """Emit whatever comes."""
        await workflow.wait_condition(lambda: bool(self.waiting))
        if not workflow.patched(TELL):
            return
        while True:
            await workflow.wait_condition(lambda: bool(self.waiting))
            await self.emit_next()


async def telling_until(is_long: Callable[[], bool], telling: Coroutine[None, None, None]) -> None:
    """Tell until the history is long; what is being told then is told by the next run."""
    task = asyncio.create_task(telling)
    await workflow.wait_condition(lambda: is_long() or task.done())
    if task.done():
        task.result()  # raises what it met
    await workflow.wait_condition(is_long)
