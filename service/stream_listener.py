"""One who listens to the event stream: what it is told, and the bounded buffer that this waits in."""

import asyncio
import contextlib
from collections import deque
from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel

from service.changes import EventChange, Watch

BUFFERED = 1000  # changes kept for a listener that reads slowly
MISSED_TOLD = 10_000  # changes told to one who comes back, or kept for one of this process; some 5 MB


class Told(BaseModel):
    """What a listener is told.

    Attributes:
        kind: ``change``; or ``gap``, where something cannot be told any more; or ``end``, after which nothing comes.
        position: everything up to here was told; with it a listener comes back.
        reason: of a gap or an end, in words.
    """

    kind: Literal["change", "gap", "end"]
    position: str
    change: EventChange | None = None
    reason: str | None = None


class Listener:
    """One who listens, with a bounded buffer.

    Attributes:
        caller: whose place it takes; None: nobody counts.
        here: whether it is of this process and shows people what is new. It need not come back: when it is too far
            behind, it is told of the latest, and how much was left out.
        position: everything up to here was taken by the one who listens; None until it is told for the first time.
    """

    def __init__(self, watch: Watch, caller: str | None = None, *, here: bool = False) -> None:
        self.caller = caller
        self.here = here
        self._watch = watch.checked()
        self._buffer: deque[Told] = deque()
        self._end: str | None = None
        self._woken = asyncio.Event()
        self._room = MISSED_TOLD if here else BUFFERED
        self._left_out = 0
        self.position: str | None = None

    async def next(self, patience: float | None = None) -> Told | None:
        """What comes next; None when nothing came for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience):
                await self._woken.wait()
        if self._end is not None:
            return Told(kind="end", position=self.position or "", reason=self._end)
        if self._left_out:
            reason = f"{self._left_out} changes came faster than they were read, and are not told; they are in the list"
            self._left_out = 0
            return Told(kind="gap", position=self.position or "", reason=reason)
        if not self._buffer:
            return None
        told = self._buffer.popleft()
        self.position = told.position
        if not self._buffer:
            self._woken.clear()
        return told

    def begin(self, position: str, room: int | None = None) -> None:
        """Be told of what changes after a position; so much may wait in the buffer."""
        self.position, self._room = position, room or self._room

    def offer(self, changes: Sequence[EventChange], before: str, after: str, gap: str | None = None) -> None:
        """Put changes into the buffer.

        All but the last bear the position before them: nobody can come back to after one of them without the others.

        Args:
            changes: in order.
            before: the position before them.
            after: the position after all of them.
            gap: what cannot be told, in words.
        """
        if gap is not None:
            self._put(Told(kind="gap", position=before, reason=gap))
        subscriber = self._watch.subscriber
        wanted = [each.about(subscriber) if subscriber else each for each in changes if self._watch.wants(each)]
        for place, change in enumerate(wanted, 1):
            self._put(Told(kind="change", position=after if place == len(wanted) else before, change=change))
        if not self._buffer and self._end is None:
            self.position = after

    def catch_up(self, missed: Sequence[EventChange], before: str, after: str, gap: str | None = None) -> None:
        """Be told of what was missed since a position, all of it at once, before what the buffer holds since.

        Args:
            missed: in order.
            before: the position.
            after: the position after all of it.
            gap: what cannot be told, in words.
        """
        since, self._buffer = self._buffer, deque()
        self.position, self._room = before, BUFFERED + len(missed) + len(since) + 1
        self.offer(missed, before, after, gap)
        self._buffer.extend(since)

    def end(self, reason: str) -> None:
        """Tell nothing more; what is in the buffer is told to whoever comes back with the position."""
        if self._end is None:
            self._end = reason
            self._buffer.clear()
            self._woken.set()

    def _put(self, told: Told) -> None:
        if len(self._buffer) >= self._room:
            if not self.here:
                self.end(f"read too slowly: {BUFFERED} changes waited. Come back with Last-Event-ID, and read faster")
                return
            self._buffer.popleft()
            self._left_out += 1
        if self._end is None:
            self._buffer.append(told)
            self._woken.set()
