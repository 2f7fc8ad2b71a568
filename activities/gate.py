"""Which subscribers may be tried at once, within the workflow task; the others start on the retry queue.

What this process saw lately decides. A subscriber comes back by itself: its deliveries on the retry queue are seen
here too, and the first success, or a time back under the limit, opens the gate again.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from domain.health import percentile
from domain.outcomes import Attempt

FAILURES_IN_A_ROW = 3
SLOW_P95_MS = 1000
SAMPLES = 20
CROWDS_AT_ONCE = 2  # of up to 100 requests, at some 1 ms of CPU each
MAX_INLINE = 128  # at 1 ms of CPU a request, well within the inline budget
MAX_IN_FLIGHT = 64  # requests of one subscriber in one process; a healthy receiver answers in a few ms


class InlineGate:
    """Keeps the latest attempts of each subscriber, and counts its requests in flight."""

    def __init__(self) -> None:
        self._durations: dict[str, deque[int]] = {}
        self._failures: dict[str, int] = {}
        self._in_flight: dict[str, int] = {}
        self._inline = 0
        self._crowds = 0
        self._turn = asyncio.Semaphore(CROWDS_AT_ONCE)

    def admits(self, subscriber: str) -> bool:
        """Whether its next delivery may start inline."""
        if self._failures.get(subscriber, 0) >= FAILURES_IN_A_ROW:
            return False
        if self._in_flight.get(subscriber, 0) >= MAX_IN_FLIGHT:
            return False
        p95 = percentile(list(self._durations.get(subscriber, ())), 0.95)
        return p95 is None or p95 <= SLOW_P95_MS

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
        self._durations.setdefault(subscriber, deque(maxlen=SAMPLES)).append(attempt.duration_ms)
        self._failures[subscriber] = self._failures.get(subscriber, 0) + 1 if attempt.failure else 0
