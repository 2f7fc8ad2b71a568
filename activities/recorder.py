"""Group commits to the ledger: one signal a process in 200 ms, as a rule, acknowledged before anything is done with."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

from domain.health import LedgerBatch, LedgerEntry, summed

INTERVAL_SECONDS = 0.2  # a signal costs Temporal and a worker as much as a small event
SOON_SECONDS = 0.05  # where somebody is told of one event after the other, and each waits for the one before
# Requests. They are summed by subscriber, some 350 bytes each: a directory cannot hold so many that these come to the
# 2 MiB that Temporal refuses.
MAX_BATCH = 4000
MAX_NOTES = 10_000

Send = Callable[[LedgerBatch], Awaitable[None]]
_Waiting = tuple[Sequence[LedgerEntry], asyncio.Future[bool]]


class Recorder:
    """Sends what became of requests to the ledger.

    Args:
        send: signals the ledger; its return is Temporal's acknowledgement.
    """

    def __init__(self, send: Send) -> None:
        self._send = send
        self._notes: list[LedgerEntry] = []
        self._waiting: list[_Waiting] = []
        self._flusher: asyncio.Task[None] | None = None
        self._soon = asyncio.Event()

    def note(self, entry: LedgerEntry) -> None:
        """Send an entry along with the next commit, without waiting. Lost if the process or the ledger fails."""
        if len(self._notes) < MAX_NOTES:
            self._notes.append(entry)
            self._wake()

    async def record(self, entries: Sequence[LedgerEntry], *, soon: bool = False) -> bool:
        """Send entries and wait for the acknowledgement; False when there was none: record again, do not resend.

        Args:
            entries: what became of requests.
            soon: commit 50 ms after the commit before, rather than 200: the next request waits for it.
        """
        if not entries:
            return True
        if soon:
            self._soon.set()
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((entries, done))
        self._wake()
        return await done

    async def drain(self, within: timedelta) -> None:
        """Wait until everything handed over so far was sent or refused, or the time is up; what is left is dropped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within.total_seconds()):
                while self._flusher is not None and not self._flusher.done():
                    await asyncio.shield(self._flusher)

    def _wake(self) -> None:
        if self._flusher is None or self._flusher.done():
            self._flusher = asyncio.create_task(self._flush())

    async def _flush(self) -> None:
        while self._notes or self._waiting:
            self._soon.clear()
            entries, futures = self._take()
            sent = await self._try(entries)
            for future in futures:
                if not future.done():
                    future.set_result(sent)
            if len(entries) < MAX_BATCH:
                await self._rest()

    async def _rest(self) -> None:
        await asyncio.sleep(SOON_SECONDS)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(INTERVAL_SECONDS - SOON_SECONDS):
                await self._soon.wait()

    def _take(self) -> tuple[list[LedgerEntry], list[asyncio.Future[bool]]]:
        entries: list[LedgerEntry] = []
        futures = []
        while self._waiting and (not entries or len(entries) + len(self._waiting[0][0]) <= MAX_BATCH):
            more, future = self._waiting.pop(0)
            entries.extend(more)
            futures.append(future)
        notes = self._notes[: max(0, MAX_BATCH - len(entries))]  # whoever waits goes first
        del self._notes[: len(notes)]
        return [*notes, *entries], futures

    async def _try(self, entries: list[LedgerEntry]) -> bool:
        try:
            await self._send(summed(entries))
        except Exception:  # noqa: BLE001 - whatever kept the ledger from answering, the caller records again
            return False
        return True
