"""The activity by which an event's ordered deliveries take their places in their subscribers' lanes."""

import asyncio
from collections.abc import Awaitable, Callable

from temporalio import activity

from domain.tasks import LineUpRequest, LineUpResult, Ticket

LOOK_EVERY_SECONDS = 0.05

Enter = Callable[[str, Ticket], Awaitable[bool]]
LinedUp = Callable[[str], Awaitable[bool]]


class LaneActivities:
    """Lines up.

    Args:
        enter: takes a place in a subject's lane, given the subject; says whether it is the first.
        lined_up: whether a workflow's own deliveries have their places, or never will.
    """

    def __init__(self, enter: Enter, lined_up: LinedUp) -> None:
        self._enter = enter
        self._lined_up = lined_up

    @activity.defn(name="line_up")
    async def line_up(self, request: LineUpRequest) -> LineUpResult:
        """Take a place in each lane, once the event before has taken its own. Idempotent."""
        while request.after and not await self._lined_up(request.after):  # noqa: ASYNC110 - it is in another workflow
            await asyncio.sleep(LOOK_EVERY_SECONDS)
        workflow_id = activity.info().workflow_id or ""
        places = (
            self._enter(request.subject, Ticket(workflow_id=workflow_id, subscriber=subscriber))
            for subscriber in request.subscribers
        )
        return LineUpResult(turns=await asyncio.gather(*places))
