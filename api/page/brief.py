"""Answers that are kept for a moment, so that many who look cost as much as one."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import dataclass
from typing import Any, TypeVar, cast

T = TypeVar("T")

KEPT_SECONDS = 1.0
KEPT_TIMES = 3  # an answer is kept three times as long as it took: asking takes a quarter of the time at most
AT_ONCE = 4  # questions of the page under way, of this process
MOST = 200  # answers kept: filters are anybody's


@dataclass
class _Kept:
    asking: asyncio.Task[Any]
    until: float = float("inf")


class Brief:
    """Asks for something once, for all who want it at that moment.

    Args:
        clock: monotonic seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept: dict[Hashable, _Kept] = {}
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[T]], seconds: float = KEPT_SECONDS) -> T:
        """The answer for a key, or what asking for it raised: kept for so many seconds, or longer where it is dear."""
        kept = self._kept.get(key)
        if kept is None or self._clock() >= kept.until:
            self._make_room()
            kept = _Kept(asyncio.create_task(self._asked(ask)))
            self._kept[key] = kept
            kept.asking.add_done_callback(lambda task: task.cancelled() or task.exception())
            began, fresh = self._clock(), kept

            def ended(_: asyncio.Task[Any]) -> None:
                took = self._clock() - began
                fresh.until = self._clock() + max(seconds, KEPT_TIMES * took)

            kept.asking.add_done_callback(ended)
        return cast("T", await asyncio.shield(kept.asking))  # whoever goes away does not take it from the others

    def forget(self) -> None:
        """Ask anew for everything: something was done."""
        self._kept.clear()

    async def _asked(self, ask: Callable[[], Awaitable[T]]) -> T:
        async with self._turns:
            return await ask()

    def _make_room(self) -> None:
        now = self._clock()
        self._kept = {key: kept for key, kept in self._kept.items() if kept.until > now}
        if len(self._kept) >= MOST:
            self._kept.clear()
