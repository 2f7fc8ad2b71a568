"""A registry as one process sees it: a snapshot on a lease of 500 ms.

Reading the registry by a query for every event would cost 40 % of the throughput, so a snapshot is used for
500 ms, counted from the moment its query *began*. The gateway waits one lease after a change before it answers: no
older snapshot can be in use by then, and what is published after `im subscriber add` returned is delivered.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from activities.background import retrieved

T = TypeVar("T")

LEASE_SECONDS = 0.5
REFRESH_AFTER_SECONDS = 0.25  # under traffic the next query is under way before the lease ends


class Lease(Generic[T]):
    """Serves a registry from a leased snapshot.

    Args:
        fetch: queries the registry's workflow; given what was known so far, it returns that, or what is newer.
        clock: monotonic seconds; never compared between machines.
    """

    def __init__(self, fetch: Callable[[T | None], Awaitable[T]], clock: Callable[[], float] = time.monotonic) -> None:
        self._fetch = fetch
        self._clock = clock
        self._known: T | None = None
        self._began = float("-inf")
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def known(self) -> T | None:
        """The registry as it was known last, however long ago."""
        return self._known

    def held(self) -> T | None:
        """The registry while the lease lasts, without waiting; None: ask `current`."""
        age = self._clock() - self._began
        if self._known is None or age >= LEASE_SECONDS:
            return None
        if age >= REFRESH_AFTER_SECONDS:
            self._refresh()
        return self._known

    async def current(self) -> T:
        """The registry, no older than one lease or than this call. Concurrent callers share one query."""
        called = self._clock()
        while True:
            if (held := self.held()) is not None:
                return held
            if self._known is not None and self._began >= called:  # the query took longer than a lease
                return self._known
            await asyncio.shield(self._refresh())

    async def latest(self) -> T:
        """`current`, or the last one known when the registry does not answer.

        For deliveries under way: they go on while the registry is away, and change nothing about who is subscribed.
        """
        try:
            return await self.current()
        except Exception:
            if self._known is None:
                raise
            return self._known

    def _refresh(self) -> asyncio.Task[None]:
        if self._refreshing is None or self._refreshing.done():
            self._refreshing = asyncio.create_task(self._query())
            self._refreshing.add_done_callback(retrieved)
        return self._refreshing

    async def _query(self) -> None:
        began = self._clock()
        self._known = await self._fetch(self._known)
        self._began = began
