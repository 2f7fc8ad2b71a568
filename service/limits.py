"""The queues of limited subscribers: that somebody serves them, and the worker of whoever does."""

import asyncio
import contextlib
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError
from temporalio.worker import Worker

from activities.directory import LeasedDirectory
from activities.limits import LimitActivities
from domain.errors import ImError
from domain.limits import MAX_CONCURRENCY, LimiterState, Limits
from service.temporal import BUILD_ID
from workflows import names, policies
from workflows.limiter import LimiterWorkflow

ENSURED_SECONDS = 60.0  # what was running is taken to run for so long
# It is looked after every minute; where Temporal is too slow for that, deliveries look before they queue up there.
TRUSTED_SECONDS = 600.0
STARTED_AT_ONCE = 10
LOOKED_AFTER_AT_ONCE = 5  # of them; the others are for deliveries that wait for it
# One at a time is enough for a slow pace, and takes on no delivery ahead of its turn. Faster ones need more.
SLOW_PER_SECOND = 20
POLLERS = 5
MAX_SERVED = 1000  # queues by one process
# Temporal hears of every beat in so long at most. So whoever has beaten within the other half has not been succeeded.
HEARD_EVERY = policies.SERVE_HEARTBEAT / 2
LEAVING = timedelta(seconds=5)  # beyond the drain of the queues that it serves


class LimitedQueues:
    """Starts limiters, which live in Temporal.

    Args:
        client: to start them with.
        clock: monotonic seconds.
    """

    def __init__(self, client: Client, clock: Callable[[], float] = time.monotonic) -> None:
        self._client = client
        self._clock = clock
        self._ensured: dict[str, float] = {}
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._starts = asyncio.Semaphore(STARTED_AT_ONCE)

    def is_ensured(self, subscriber: str) -> bool:
        """Whether a subscriber's queue is served, as far as is known here."""
        return self._age(subscriber) < TRUSTED_SECONDS

    async def ensure(self, subscriber: str) -> None:
        """Have a subscriber's queue served, now or as soon as a worker is there. One start a minute at most."""
        async with self._locks[subscriber]:
            if self._age(subscriber) >= ENSURED_SECONDS:
                async with self._starts:
                    await self._start(subscriber)
                self._ensured[subscriber] = self._clock()

    def _age(self, subscriber: str) -> float:
        return self._clock() - self._ensured.get(subscriber, float("-inf"))

    async def _start(self, subscriber: str) -> None:
        await self._client.start_workflow(
            LimiterWorkflow.run,
            LimiterState(subscriber=subscriber),
            id=names.limiter_workflow_id(subscriber),
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"keeps to the limits of {subscriber}",
        )


@asynccontextmanager
async def kept_served(queues: LimitedQueues, directory: LeasedDirectory) -> AsyncIterator[None]:
    """See to it every minute, for the duration of a block, that the queue of every limited subscriber is served.

    What waits there would otherwise wait for the next event, should somebody have ended the limiter.
    """
    few = asyncio.Semaphore(LOOKED_AFTER_AT_ONCE)

    async def look_after(subscriber: str) -> None:
        async with few:
            with contextlib.suppress(RPCError, OSError):  # the next minute tries again
                await queues.ensure(subscriber)

    async def keep() -> None:
        while True:
            with contextlib.suppress(ImError, RPCError, OSError):  # likewise
                subscribers = (await directory.current()).subscribers.values()
                await asyncio.gather(*(look_after(each.name) for each in subscribers if each.limited))
            await asyncio.sleep(ENSURED_SECONDS)

    keeping = asyncio.create_task(keep())
    try:
        yield
    finally:
        keeping.cancel()


@asynccontextmanager
async def limited_worker(
    client: Client, subscriber: str, limits: Limits, deliver: Callable[..., Any], drain: timedelta
) -> AsyncIterator[None]:
    """Work off a subscriber's queue for the duration of a block, then let what is under way end.

    The worker asks Temporal for a delivery only when one may be sent: when a slot is free, and no faster than the rate.
    """
    slow = limits.per_second is not None and limits.per_second <= SLOW_PER_SECOND
    async with Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.limited_queue(subscriber),
        activities=[deliver],
        max_concurrent_activities=limits.max_concurrency or MAX_CONCURRENCY,
        max_activities_per_second=limits.per_second,
        max_concurrent_activity_task_polls=1 if slow else POLLERS,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=drain,
    ):
        yield


def serving_worker(client: Client, activities: LimitActivities, drain: timedelta) -> Worker:
    """Takes on the queues of limited subscribers, as many as there are: each costs a poll.

    Itself it polls only once at a time: of a process that has stopped dead, Temporal gives what it served to whoever
    polls, and takes polls of the dead one for such for a minute.
    """
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.LIMITS_QUEUE,
        activities=[activities.serve_limited],
        max_concurrent_activities=MAX_SERVED,
        max_concurrent_activity_task_polls=1,
        max_heartbeat_throttle_interval=HEARD_EVERY,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=drain + LEAVING,
    )
