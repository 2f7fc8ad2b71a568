"""Crowds of first requests take turns: all at once, none of them would be answered within the time it has."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

CROWDS_AT_ONCE = 2  # of up to 100 requests, at some 1 ms of CPU each
# A healthy receiver answers in a few ms. Whatever has not moved for so long waits for others, and takes no CPU.
IDLE_SECONDS = 0.05
# A look that comes later than this says that the process itself is slow: its crowds may have moved, had they been let.
LATE_SECONDS = 0.02


class Turn:
    """A crowd's turn. It ends with the crowd, or as soon as all that have a turn merely wait for their receivers.

    Attributes:
        waiting: requests of the crowd that a workflow task waits for.
    """

    def __init__(self, crowds: "Crowds") -> None:
        self._crowds = crowds
        self.waiting = 0

    @contextmanager
    def inline(self) -> Iterator[None]:
        """A workflow task waits for one of its requests, which begins and is answered."""
        self.waiting += 1
        self._crowds.moved(self)
        try:
            yield
        finally:
            self.waiting -= 1
            self._crowds.moved(self)


class Crowds:
    """The turns that crowds take."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(CROWDS_AT_ONCE)
        self._taken: set[Turn] = set()
        self._wanted = 0
        self._moved = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def next(self) -> AsyncIterator[Turn]:
        """Wait for a turn, and have it."""
        self._wanted += 1
        try:
            await self._free.acquire()
        finally:
            self._wanted -= 1
        turn = Turn(self)
        self._taken.add(turn)
        self.moved(turn)
        if self._timer is None:
            self._look_in(IDLE_SECONDS)
        try:
            yield turn
        finally:
            self._end(turn)

    @property
    def wanted(self) -> bool:
        """Whether a crowd waits for its turn."""
        return self._wanted > 0

    @property
    def waiting(self) -> int:
        """Requests of the crowds that have a turn."""
        return sum(turn.waiting for turn in self._taken)

    def moved(self, turn: Turn) -> None:
        """Something of a crowd began or was answered. Whatever it does when its turn is over does not count."""
        if turn in self._taken:
            self._moved = asyncio.get_running_loop().time()

    def _end(self, turn: Turn) -> None:
        if turn in self._taken:
            self._taken.discard(turn)
            self._free.release()

    def _look_in(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(seconds, self._look, loop.time() + seconds)

    def _look(self, due: float) -> None:
        now = asyncio.get_running_loop().time()
        if merely_wait(now - self._moved, now - due):
            for turn in list(self._taken):
                self._end(turn)
        self._timer = None
        if self._taken:
            self._look_in(IDLE_SECONDS / 2)


def merely_wait(idle: float, late: float) -> bool:
    """Whether crowds none of which moved for ``idle`` seconds wait for others, seen by a look so much too late."""
    return idle >= IDLE_SECONDS and late < LATE_SECONDS
