"""A storm takes turns: Temporal takes ten updates of a workflow at a time, and a worker has only so many hands."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from weakref import WeakValueDictionary

from domain.errors import UnavailableError

AT_A_TIME = 8  # 60 at once: without turns nearly all of them failed after 3 s
PATIENCE_SECONDS = 6  # with the 3 s of an exchange, within the 10 s that a relaying platform gives


class Turns:
    """Lets in what concerns one thing one at a time, in its order, and eight in all unless told otherwise."""

    def __init__(self, at_a_time: int = AT_A_TIME) -> None:
        self._all = asyncio.Semaphore(at_a_time)
        self._each: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, key: str) -> AsyncIterator[None]:
        """Have a turn for the duration of a block.

        Raises:
            UnavailableError: there was none within six seconds; nothing was done.
        """
        lock = self._each.setdefault(key, asyncio.Lock())
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await lock.acquire()
                try:
                    await self._all.acquire()
                except BaseException:
                    lock.release()
                    raise
        except TimeoutError:
            reason = "more is asked for at once than can be done at the moment; nothing of this was: send it again"
            raise UnavailableError(reason=reason) from None
        try:
            yield
        finally:
            self._all.release()
            lock.release()
