"""The activities of lanes: taking places, and asking whether earlier events have taken their own."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

from temporalio import activity

from domain.lanes import EarlierEvents, HoldRequest, LineUpRequest, Place, Ticket

Enter = Callable[[str, Ticket], Awaitable[None]]
LinedUp = Callable[[EarlierEvents], Awaitable[bool]]


class LaneActivities:
    """Lines up. Neither of them waits: a backlog of events that wait for each other would hold every slot there is.

    Args:
        enter: takes a place in a subject's lane, given the subject.
        lined_up: whether the deliveries of workflows have all their places, or never will.
    """

    def __init__(self, enter: Enter, lined_up: LinedUp) -> None:
        self._enter = enter
        self._lined_up = lined_up

    @activity.defn(name="line_up")
    async def line_up(self, request: LineUpRequest) -> None:
        """Take a place in each lane, behind the events before. Idempotent."""
        workflow_id = activity.info().workflow_id or ""
        places = (
            self._enter(request.subject, Ticket(workflow_id=workflow_id, subscriber=subscriber, behind=request.behind))
            for subscriber in request.subscribers
        )
        await asyncio.gather(*places)

    @activity.defn(name="hold_places")
    async def hold_places(self, request: HoldRequest) -> None:
        """Take places for events that this workflow has yet to hand over. Idempotent."""
        begun_by = activity.info().workflow_id or ""
        lanes: dict[tuple[str, str], list[Place]] = {}
        for place in request.places:
            lanes.setdefault((place.subject, place.subscriber), []).append(place)
        await asyncio.gather(*(self._hold(begun_by, places) for places in lanes.values()))

    async def _hold(self, begun_by: str, places: Sequence[Place]) -> None:
        for place in places:
            ticket = Ticket(
                workflow_id=place.workflow_id, subscriber=place.subscriber, behind=place.behind, begun_by=begun_by
            )
            await self._enter(place.subject, ticket)

    @activity.defn(name="lined_up")
    async def lined_up(self, earlier: EarlierEvents) -> bool:
        """Whether the deliveries of events have all their places, or never will. Idempotent."""
        return await self._lined_up(earlier)
