"""The activities of drains: finding what waits for the end of a pause, and releasing it."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.directory import LeasedDirectory
from domain.drains import DrainOrder, FindWaiting, FoundWaiting, Release, ReleasedMany, ReleaseMany

Begin = Callable[[DrainOrder], Awaitable[None]]
Find = Callable[[str], Awaitable[FoundWaiting]]
ReleaseThem = Callable[[Release, list[str]], Awaitable[list[str]]]


class DrainActivities:
    """Begins drains, and does what they ask of Temporal.

    Args:
        directory: whether a subscriber is paused.
        begin: starts a drain, or tells the one that runs.
        find: what waits for a subscriber.
        release: tells workflows; gives those that have heard.
    """

    def __init__(self, directory: LeasedDirectory, begin: Begin, find: Find, release: ReleaseThem) -> None:
        self._directory = directory
        self._begin = begin
        self._find = find
        self._release = release

    @activity.defn(name="begin_drain")
    async def begin_drain(self, order: DrainOrder) -> None:
        """Have what waits for a subscriber released. Idempotent."""
        await self._begin(order)

    @activity.defn(name="find_waiting")
    async def find_waiting(self, request: FindWaiting) -> FoundWaiting:
        """What waits for a subscriber, the oldest first. Idempotent."""
        return await self._find(request.subscriber)

    @activity.defn(name="release_waiting")
    async def release_waiting(self, request: ReleaseMany) -> ReleasedMany:
        """Release deliveries, unless their subscriber is paused. Idempotent: one that does not wait does not mind.

        What was emitted before a paused subscriber was added waits for a removed one of the same name: it is released.
        """
        subscriber = (await self._directory.current()).subscribers.get(request.release.subscriber)
        held_from = subscriber.created_at if subscriber and subscriber.paused else None
        free = [each.workflow_id for each in request.waiting if not held_from or each.emitted_at < held_from]
        heard = await self._release(request.release, free)
        return ReleasedMany(paused=len(free) < len(request.waiting), workflow_ids=heard)
