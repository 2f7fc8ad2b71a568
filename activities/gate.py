"""Which subscribers may be tried at once, within the workflow task; the others start on the retry queue.

What this process saw lately decides, by the rules of `domain.standing`. Deliveries on the retry queue are seen here
too, so a subscriber comes back by itself.
"""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass
from itertools import islice

from activities.crowds import Crowds, Turn
from domain.outcomes import Attempt
from domain.standing import Standing

MAX_INLINE = 128  # at 1 ms of CPU a request, well within the inline budget
# Requests of one subscriber that this process has waited for so long: a healthy receiver answers in a few ms, a
# hundred requests at once take some 30 ms of CPU, and on an overloaded machine several times that. How many there are
# in all says nothing: a batch may be of hundreds.
OVERDUE_SECONDS = 1.0
MAX_OVERDUE = 8
MAX_BEGUN = 300  # requests of a slow subscriber that crowds may have in flight; each is a task and a socket
ROOM_SECONDS = 0.01  # between looks whether there is room


@dataclass(frozen=True, eq=False, slots=True)
class Flight:
    """One request in flight."""

    subscriber: str


class InlineGate:
    """Keeps the standing of each subscriber, and its requests in flight.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._standings: dict[str, Standing] = {}
        self._in_flight: dict[str, dict[Flight, float]] = {}  # in the order in which they began
        self._inline = 0
        self._crowds = Crowds()

    def admits(self, subscriber: str) -> bool:
        """Whether its next delivery may start inline."""
        now = self._clock()
        if self._overdue(subscriber, now) >= MAX_OVERDUE:
            return False
        standing = self._standings.get(subscriber)
        return standing is None or standing.admitted(now)

    def may_begin(self, subscriber: str) -> bool:
        """Whether its next deliveries, of a crowd, may begin without being waited for: it is slow, or we are."""
        standing = self._standings.get(subscriber)
        return standing is None or not standing.failing

    async def room(self, subscriber: str, until: float) -> bool:
        """Wait until one more of its requests may be in flight, or the loop's time is ``until``; whether one may."""
        while len(self._in_flight.get(subscriber, ())) >= MAX_BEGUN:
            if asyncio.get_running_loop().time() >= until:
                return False
            await asyncio.sleep(ROOM_SECONDS)
        return True

    @contextmanager
    def inline(self) -> Iterator[None]:
        """A workflow task waits for a first request, for 300 ms at most."""
        self._inline += 1
        try:
            yield
        finally:
            self._inline -= 1

    def crowd(self) -> AbstractAsyncContextManager[Turn]:
        """A crowd of first requests waits for its turn, and has it."""
        return self._crowds.next()

    @property
    def busy(self) -> bool:
        """This process has as many first requests in hand as it can answer for in 300 ms: start no more for now."""
        return self._inline + self._crowds.waiting >= MAX_INLINE or self._crowds.wanted

    def began(self, subscriber: str) -> Flight:
        """A request begins."""
        flight = Flight(subscriber)
        self._in_flight.setdefault(subscriber, {})[flight] = self._clock()
        return flight

    def ended(self, flight: Flight, attempt: Attempt | None) -> None:
        """A request ended; ``attempt`` is None when it was cut off or never made."""
        flying = self._in_flight[flight.subscriber]
        del flying[flight]
        if not flying:
            del self._in_flight[flight.subscriber]
        if attempt is not None:
            self._standings.setdefault(flight.subscriber, Standing()).saw(attempt, self._clock())

    def _overdue(self, subscriber: str, now: float) -> int:
        flying = islice(self._in_flight.get(subscriber, {}).values(), MAX_OVERDUE)
        return sum(now - began >= OVERDUE_SECONDS for began in flying)
