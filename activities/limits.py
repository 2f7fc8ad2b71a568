"""Limits of subscribers: one process at a time works off the queue of each, at the pace it allows.

Deliveries that wait do so in Temporal, on a task queue of the subscriber's own, whose worker takes no more of them than
may be sent now. So a backlog holds no slot of anybody, and outlives every process.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import UTC, datetime, timedelta

from temporalio import activity

from activities.directory import LeasedDirectory
from activities.standstill import Watch
from domain.limits import LimiterState, Limits, Served
from domain.subscribers import Subscriber

# A process leaves a queue after so long, for whichever is free: processes that came later get their share.
TENURE = timedelta(hours=1)
LOOK_EVERY = timedelta(seconds=1)  # for a change of the limits
BEAT_EVERY = timedelta(seconds=2)

OpenQueue = Callable[[str, Limits], AbstractAsyncContextManager[None]]


class Pace:
    """Keeps the beginnings of requests apart.

    It begins as if a request had just been made: the process that served before may have made one.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last = clock()

    async def turn(self, interval: float) -> None:
        """Wait until the last request is ``interval`` seconds old; whoever comes meanwhile comes after."""
        now = self._clock()
        self._last = max(now, self._last + interval)
        await asyncio.sleep(self._last - now)


class LimitedDeliveries:
    """What deliveries to limited subscribers need: a queue that is served, and a turn for each request.

    Args:
        queue_of: the task queue of a subscriber.
        ensure: sees to it that some process serves it, or will.
        is_ensured: whether that is so, without asking anybody.
    """

    def __init__(
        self,
        queue_of: Callable[[str], str],
        ensure: Callable[[str], Awaitable[None]],
        is_ensured: Callable[[str], bool],
    ) -> None:
        self._queue_of = queue_of
        self._ensure = ensure
        self._is_ensured = is_ensured
        self._paces: dict[str, Pace] = {}
        self._watches: dict[str, Watch] = {}

    def known(self, subscriber: Subscriber) -> str | None:
        """The limits of a subscriber whose queue is known to be served; None for any other.

        To one that has limits all the same, a delivery goes by the common queue, where its worker has the queue served.
        """
        return str(subscriber.limits) if subscriber.limited and self._is_ensured(subscriber.name) else None

    async def words(self, subscriber: Subscriber) -> str | None:
        """The limits of a subscriber, whose queue is then served; None when it has none."""
        if not subscriber.limited:
            return None
        await self._ensure(subscriber.name)
        return str(subscriber.limits)

    def is_here(self, subscriber: str) -> bool:
        """Whether the activity that asks is on that subscriber's own queue."""
        return activity.info().task_queue == self._queue_of(subscriber)

    async def turn(self, subscriber: Subscriber) -> None:
        """Wait until a request may be made; the worker takes on so few that this is one interval at most."""
        await self._paces.setdefault(subscriber.name, Pace()).turn(subscriber.limits.interval)

    def is_lost(self, subscriber: str) -> bool:
        """Whether another process may serve the subscriber by now, because this one stood still."""
        return subscriber in self._watches and self._watches[subscriber].lost

    def begin(self, subscriber: str, watch: Watch) -> None:
        """This process serves the subscriber from now on, until it has lost it."""
        self._paces[subscriber], self._watches[subscriber] = Pace(), watch


class LimitActivities:
    """Serves the queues of limited subscribers.

    Args:
        directory: the limits as they are now.
        limited: shared with the deliveries.
        open_queue: a worker for a subscriber's queue, drained at the end of the block.
    """

    def __init__(self, directory: LeasedDirectory, limited: LimitedDeliveries, open_queue: OpenQueue) -> None:
        self._directory = directory
        self._limited = limited
        self._open_queue = open_queue

    @activity.defn(name="serve_limited")
    async def serve_limited(self, request: LimiterState) -> Served:
        """Work off the queue of a subscriber until this process stops, or has stood still, or for an hour.

        The workflow sees to it that no other process does so meanwhile; that is what the limits rest on.
        """
        name, leave_at, info = request.subscriber, time.monotonic() + TENURE.total_seconds(), activity.info()
        # Temporal hears of beats only so often, and waits from the last one that it heard of: service/limits.py.
        silence = (info.heartbeat_timeout or TENURE) / 2
        watch = Watch(silence.total_seconds())
        async with _beating(watch):
            if datetime.now(UTC) - info.started_time > silence:  # it stood still, or clocks differ
                await asyncio.sleep(BEAT_EVERY.total_seconds())  # this is cancelled where Temporal has given it up
            self._limited.begin(name, watch)  # not before: what this process served until then it may have lost
            while True:
                subscriber = await self._find(name)
                async with self._open_queue(name, _limits(subscriber)):
                    await self._until_changed(name, _limits(subscriber), lambda: _stays(watch, leave_at))
                if activity.is_worker_shutdown() or not _stays(watch, leave_at):
                    return Served(known=await self._find(name) is not None)

    async def _until_changed(self, name: str, limits: Limits, stays: Callable[[], bool]) -> None:
        while stays() and _limits(await self._find(name)) == limits:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(activity.wait_for_worker_shutdown(), LOOK_EVERY.total_seconds())
                return

    async def _find(self, name: str) -> Subscriber | None:
        return (await self._directory.latest()).subscribers.get(name)


def _limits(subscriber: Subscriber | None) -> Limits:
    """Those of nobody are none: deliveries to a subscriber that is gone end as cancelled, all at once."""
    return subscriber.limits if subscriber else Limits()


def _stays(watch: Watch, leave_at: float) -> bool:
    return not watch.lost and time.monotonic() < leave_at


@asynccontextmanager
async def _beating(watch: Watch) -> AsyncIterator[None]:
    """Tell Temporal that this process lives, also while it drains."""

    async def beat() -> None:
        while True:
            activity.heartbeat()
            watch.beat()
            await asyncio.sleep(BEAT_EVERY.total_seconds())

    beats = asyncio.create_task(beat())
    try:
        yield
    finally:
        beats.cancel()
