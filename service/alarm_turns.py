"""An alarm storm takes turns: Temporal takes ten updates of a workflow at a time, and a worker has so much to do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from domain.errors import UnavailableError

AT_A_TIME = 8  # 60 of one alarm at once: without turns 59 of them failed after 3 s
PATIENCE_SECONDS = 6  # with the 3 s of an exchange, within the 10 s that a relaying platform gives


class Turns:
    """Lets in one observation of an alarm at a time, in their order, and eight of all alarms."""

    def __init__(self) -> None:
        self._all = asyncio.Semaphore(AT_A_TIME)
        self._each: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, alarm_id: str) -> AsyncIterator[None]:
        """Have a turn for the duration of a block.

        Raises:
            UnavailableError: there was none within six seconds; nothing was done.
        """
        lock = self._each.setdefault(alarm_id, asyncio.Lock())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await lock.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    lock.release()
                    raise
        except TimeoutError:
            reason = "more alarms are told of than can be taken in at the moment; tell of this one again"
            raise UnavailableError(reason=reason) from None
        try:
            yield
        finally:
            self._all.release()
            lock.release()
