"""What is outstanding of subscribers, looked for together: what is not found in time is left out, and said to be."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Collection, Coroutine, Sequence
from datetime import datetime
from typing import Any

from temporalio.client import Client

from domain.drains import DrainProgress
from domain.errors import NoWorkerError, TemporalUnavailableError, UnavailableError
from domain.health import Health
from service.drains import find_waiting
from service.owed import Counts
from service.reachability import searched

Sending = Callable[[], Awaitable[set[str]]]
Drain = Callable[[str], Awaitable[DrainProgress | None]]
AT_ONCE = 4  # subscribers whose oldest event is looked for; each takes a list of up to 500 workflows


class Outstanding:
    """What a look has found so far.

    Args:
        client: of the namespace.
        sending: the subscribers who are being sent what waited.
        drain: how far that is for one of them.
    """

    def __init__(self, client: Client, sending: Sending, drain: Drain) -> None:
        self._client = client
        self._ask_sending = sending
        self._ask_drain = drain
        self._sending: set[str] | None = None
        self._held: list[str] = []
        self._ordered: frozenset[str] = frozenset()
        self._counts = Counts()
        self._oldest: dict[str, datetime | None] = {}
        self._drains: dict[str, DrainProgress | None] = {}
        self._missed: str | None = None

    async def look(
        self, subscribers: Sequence[str], paused: Collection[str], ordered: Sequence[str] = ()
    ) -> "Outstanding":
        """Find how much there is within 3 s, and then since when within another 3 s; in line for those ordered alone.

        Raises:
            TemporalUnavailableError: Temporal is away. One that is slow, or at a limit of its own, ends the look alone.
        """
        self._ordered = frozenset(ordered)
        counted = await self._in_time(self._find(subscribers, paused))
        self._oldest |= self._counts.oldest
        if counted:
            await self._in_time(self._find_oldest())
        return self

    async def _in_time(self, finding: Coroutine[Any, Any, None]) -> bool:
        try:
            async with searched(self._client):
                await finding
        except TemporalUnavailableError:
            raise
        except UnavailableError as error:
            self._missed = str(error)
            return False
        return True

    def of(self, row: Health) -> Health:
        """A subscriber's row, with what is known; what was not found is None, and ``not_counted`` says why."""
        name, retrying = row.subscriber, self._counts.of(row.subscriber, "retrying")
        in_line = self._counts.of(name, "pending") if name in self._ordered else 0
        known: dict[str, object] = {"retrying": retrying, "in_line": in_line}
        whole = retrying is not None and in_line is not None
        if row.paused or self._sending is None or name in self._sending:
            waiting, drain = self._counts.of(name, "waiting"), self._drains.get(name)
            known |= {"waiting": waiting, "oldest_waiting": self._oldest.get(name)}
            known |= {"drain": None if drain and drain.done else drain}
            whole = whole and waiting is not None and (waiting == 0 or name in self._oldest)
            whole = whole and self._sending is not None and (name not in self._sending or name in self._drains)
        return row.model_copy(update=known if whole else known | {"not_counted": self._missed})

    async def _find(self, subscribers: Sequence[str], paused: Collection[str]) -> None:
        self._sending = await self._ask_sending()
        self._held = held = [name for name in subscribers if name in paused or name in self._sending]
        drains = (self._find_drain(name) for name in held if name in self._sending)
        asked = {"retrying": subscribers, "waiting": held, "pending": sorted(self._ordered)}
        await asyncio.gather(self._counts.take(self._client, asked), *drains)

    async def _find_drain(self, name: str) -> None:
        try:
            self._drains[name] = await self._ask_drain(name)
        except NoWorkerError as error:  # the one that was asked before is busy: what is counted is told all the same
            self._missed = str(error)

    async def _find_oldest(self) -> None:
        """Find since when it waits for those for whom much does, in any order: who is left out is another each time."""
        asked = [name for name in self._held if self._counts.of(name, "waiting") and name not in self._oldest]
        random.shuffle(asked)
        turns = asyncio.Semaphore(AT_ONCE)

        async def find(name: str) -> None:
            async with turns:
                self._oldest[name] = (await find_waiting(self._client, name)).since

        await asyncio.gather(*map(find, asked))
