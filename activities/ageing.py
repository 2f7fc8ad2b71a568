"""What is kept for a while and then let go of, with one timer for all of it instead of one each."""

import asyncio
from collections import deque
from collections.abc import Callable
from contextvars import Context
from datetime import timedelta
from typing import Generic, TypeVar

T = TypeVar("T")

LOOKS = 30  # within the age of a thing, at most: it may become a thirtieth older


class Ageing(Generic[T]):
    """Lets go of things in the order in which they came.

    Args:
        age: which each of them reaches.
        let_go: is then called with it.
    """

    def __init__(self, age: timedelta, let_go: Callable[[T], None]) -> None:
        self._age = age.total_seconds()
        self._let_go = let_go
        self._kept: deque[tuple[float, T]] = deque()
        self._context = Context()  # of the timer: it would keep whatever the first thing came with

    def keep(self, thing: T) -> None:
        """Keep one more."""
        loop = asyncio.get_running_loop()
        self._kept.append((loop.time() + self._age, thing))
        if len(self._kept) == 1:
            loop.call_later(self._age, self._look, context=self._context)

    def _look(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._kept and self._kept[0][0] <= loop.time():
                self._let_go(self._kept.popleft()[1])
        finally:
            if self._kept:
                loop.call_at(max(self._kept[0][0], loop.time() + self._age / LOOKS), self._look, context=self._context)
