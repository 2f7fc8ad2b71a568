"""Whether this process stood still for so long that Temporal may have given to another what it has in hand."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from temporalio import activity
from temporalio.exceptions import TemporalError

from activities.logger import Logger
from activities.reporting import details
from domain.outcomes import Attempt

BEAT_EVERY = timedelta(seconds=0.25)
ANSWER_WITHIN = timedelta(seconds=3)  # half of what Temporal waits for a heartbeat
STOOD_STILL = "the process that was to make it stood still, and another may have it by now"

_log = Logger("outbox-worker")


class Watch:
    """Knows whether a process has stood still for so long that Temporal may have given what it serves to another.

    Args:
        silence: seconds without a beat after which that may be so.
        clock: monotonic seconds.
    """

    def __init__(self, silence: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence = silence
        self._clock = clock
        self._beat_at = clock()
        self._lost = False

    @property
    def silent_for(self) -> float:
        """Seconds since the last beat."""
        return self._clock() - self._beat_at

    @property
    def lost(self) -> bool:
        """Whether that was so once; what was lost does not come back by itself."""
        return self._lost or self.silent_for > self._silence

    def beat(self) -> None:
        """Note that the process goes on."""
        self._lost = self.lost
        self._beat_at = self._clock()


class Standstill:
    """Tells what this process may have lost by standing still from what it was given since.

    Args:
        silence: of its event loop, after which what it had in hand may be another's.
        worked_off: how long it may have that in hand still, and not know.
        clock: monotonic seconds.
    """

    def __init__(self, silence: timedelta, worked_off: timedelta, clock: Callable[[], float] = time.monotonic) -> None:
        self._silence = silence.total_seconds()
        self._worked_off = worked_off.total_seconds()
        self._clock = clock
        self._watch: Watch | None = None
        self._doubtful_until = float("-inf")

    def asked(self) -> Callable[[], bool]:
        """A request is asked for now; gives what says, when it is to begin, whether it is surely still this process's.

        That says it at the latest moment: what runs first after a standstill is told of it before any beat is.
        """
        asked_at = self._clock()
        return lambda: asked_at > self._doubtful_until and not (self._watch and self._watch.lost)

    def beat(self) -> None:
        """Note that the process goes on; nothing is known of it before the first one."""
        if self._watch is None or self._watch.lost:
            if self._watch is not None:
                _log.warning(
                    "this process stood still; another may have its work", seconds=round(self._watch.silent_for, 1)
                )
                self._doubtful_until = self._clock() + self._worked_off
            self._watch = Watch(self._silence, self._clock)
        self._watch.beat()

    @asynccontextmanager
    async def watched(self) -> AsyncIterator[None]:
        """Beat for the duration of a block."""

        async def beat() -> None:
            while True:
                self.beat()
                await asyncio.sleep(BEAT_EVERY.total_seconds())

        beats = asyncio.create_task(beat())
        try:
            yield
        finally:
            beats.cancel()


async def still_given(known: list[Attempt]) -> bool:
    """Whether the attempt that asks is still this process's: Temporal says so, and waits for it anew from then on."""
    handle = activity.client().get_async_activity_handle(task_token=activity.info().task_token)
    try:
        await handle.heartbeat(*details(known), rpc_timeout=ANSWER_WITHIN)
    except TemporalError:
        return False
    return True
