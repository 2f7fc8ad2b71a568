"""Which subscribers may be tried at once, within the workflow task; the others start on the retry queue.

What this process saw lately decides, by the rules of `domain.standing`. Deliveries on the retry queue are seen here
too, so a subscriber comes back by itself.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager

from domain.outcomes import Attempt
from domain.standing import Standing

CROWDS_AT_ONCE = 2  # of up to 100 requests, at some 1 ms of CPU each
MAX_INLINE = 128  # at 1 ms of CPU a request, well within the inline budget
# Requests of one subscriber in one process; a healthy receiver answers in a few ms. This says how many there may be and
# nothing of the subscriber, so it needs no memory: each that ends makes room for one.
MAX_IN_FLIGHT = 64


class InlineGate:
    """Keeps the standing of each subscriber, and counts its requests in flight.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._standings: dict[str, Standing] = {}
        self._in_flight: dict[str, int] = {}
        self._inline = 0
        self._crowds = 0
        self._turn = asyncio.Semaphore(CROWDS_AT_ONCE)

    def admits(self, subscriber: str) -> bool:
        """Whether its next delivery may start inline."""
        if self._in_flight.get(subscriber, 0) >= MAX_IN_FLIGHT:
            return False
        standing = self._standings.get(subscriber)
        return standing is None or standing.admitted(self._clock())

    @contextmanager
    def inline(self) -> Iterator[None]:
        """A workflow task waits for a first request, for 300 ms at most."""
        self._inline += 1
        try:
            yield
        finally:
            self._inline -= 1

    @asynccontextmanager
    async def crowd(self) -> AsyncIterator[None]:
        """A crowd of first requests waits for its turn, and has it."""
        self._crowds += 1
        try:
            async with self._turn:
                yield
        finally:
            self._crowds -= 1

    @property
    def busy(self) -> bool:
        """This process has as many first requests in hand as it can answer for in 300 ms: start no more for now."""
        return self._inline >= MAX_INLINE or self._crowds > CROWDS_AT_ONCE

    def began(self, subscriber: str) -> None:
        """A request begins."""
        self._in_flight[subscriber] = self._in_flight.get(subscriber, 0) + 1

    def ended(self, subscriber: str, attempt: Attempt | None) -> None:
        """A request ended; ``attempt`` is None when it was cut off or never made."""
        self._in_flight[subscriber] -= 1
        if attempt is None:
            return
        self._standings.setdefault(subscriber, Standing()).saw(attempt, self._clock())
