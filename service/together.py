"""Questions that many ask at once, asked once for all of them."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from typing import Any, TypeVar, cast

from activities.background import retrieved

Answer = TypeVar("Answer")


class Together:
    """Lets a question be under way once: who asks meanwhile shares the next one.

    A registry of 300 subscribers answers some 40 questions a second, and a crowd of them keeps it from its own work.
    Nobody gets an answer that is older than the call: a question that is under way already is never joined.
    """

    def __init__(self) -> None:
        self._under_way: dict[Hashable, asyncio.Task[Any]] = {}
        self._next: dict[Hashable, asyncio.Task[Any]] = {}

    async def ask(self, key: Hashable, question: Callable[[], Awaitable[Answer]]) -> Answer:
        """The answer to a question that is put from now on, or what it raised.

        Args:
            key: the same for the same question.
            question: its answer is shared, so nobody may change it.
        """
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._asked(key, question))
            self._next[key].add_done_callback(retrieved)
        return cast("Answer", await asyncio.shield(self._next[key]))  # who goes away does not take it from the others

    async def _asked(self, key: Hashable, question: Callable[[], Awaitable[Answer]]) -> Answer:
        if (before := self._under_way.get(key)) is not None:
            await asyncio.wait([before])
        self._under_way[key] = self._next.pop(key)
        try:
            return await question()
        finally:
            del self._under_way[key]
