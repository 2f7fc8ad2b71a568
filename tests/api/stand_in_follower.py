"""The follower of events in memory: it tells what a test has it tell, and ends."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from service.changes import EventChange, Watch, read_position
from service.stream_listener import Listener, Told

BEFORE, AFTER = "2025-12-26T14:30:00+00:00", "2025-12-26T14:30:01+00:00"


class _Ending(Listener):
    """Ends once it was quiet."""

    quiet = 1

    async def next(self, patience: float | None = None) -> Told | None:
        told = await super().next(min(patience or 1, 0.02))
        if told is None:
            self.quiet -= 1
        if self.quiet <= 0:
            self.end("the test is over")
        return told


class Following:
    """Gives real listeners, with real buffers."""

    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.changes: list[EventChange] = []
        self.watch: Watch | None = None
        self.after: str | None = None
        self.caller: str | None = None
        self.quiet = 1  # times that nothing came, after which it ends
        self.listening_now = 0

    def listened(self) -> None:
        """For tests that have something happen then."""

    @asynccontextmanager
    async def listening(
        self, watch: Watch, after: str | None = None, caller: str | None = None
    ) -> AsyncIterator[Listener]:
        self._called()
        if after:
            read_position(after)
        self.watch, self.after, self.caller = watch, after, caller
        listener = _Ending(watch, caller)
        listener.quiet = self.quiet
        listener.begin(BEFORE)
        listener.offer(self.changes, BEFORE, AFTER)
        self.listening_now += 1
        self.listened()
        try:
            yield listener
        finally:
            self.listening_now -= 1
