"""Requests that outlive whoever asked for them, kept until somebody asks again.

First ones outlive the 300 ms that a workflow task has for them, and any of them a report that does not reach Temporal.
"""

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable, Collection, Coroutine, Iterator
from datetime import timedelta
from typing import Any

from activities.ageing import Ageing
from activities.standstill import Standstill
from domain.outcomes import Delivery, DeliveryState

# A workflow task that Temporal repeats, because its report was late, finds the outcome and makes no second request.
KEPT = timedelta(seconds=30)
# Of older ones so many are kept, however old: while Temporal is away for minutes nothing new ends, and what it repeats
# when it is back is among these. Some 6 to 10 MB.
KEPT_LONGER = 2_000

Answered = Callable[[], None]
Carry = Callable[[Answered], Coroutine[Any, Any, Delivery]]
Flight = asyncio.Future[Delivery]
MayBegin = Callable[[], bool]


class Flights:
    """Runs requests by key; the same key again joins the one that runs, or that ended within 30 s.

    Of those that ended before, it joins the latest 2,000.

    A delivery says when its request is answered: what is left then is to have the outcome counted.

    Args:
        standstill: of this process; by default nothing is known of any.
    """

    def __init__(self, standstill: Standstill | None = None) -> None:
        self.standstill = standstill or Standstill(timedelta.max, timedelta())
        self._flights: dict[str, Flight] = {}
        self._answered: dict[str, asyncio.Event] = {}  # of those under way
        self._young = Ageing(KEPT, self._age)
        self._aged: deque[str] = deque()
        self._left: set[str] = set()
        self._owed = 0  # of those under way, and calls that may yet begin some: what a workflow has yet to hear of
        self._closing = False
        self._idle = asyncio.Event()
        self._idle.set()

    def start(self, key: str, make: Carry, *, awaited: bool = False) -> Flight:
        """Begin, or join what was begun under this key.

        A drain need not wait for one that is ``awaited``: whoever began it waits for its end, whatever that takes.
        """
        flight = self._flights.get(key)
        if flight is None:
            answered = self._answered[key] = asyncio.Event()
            flight = self._flights[key] = asyncio.create_task(make(answered.set))
            flight.add_done_callback(lambda _: answered.set())
            flight.add_done_callback(lambda ended: self._ended(key, ended, awaited=awaited))
            if not awaited:
                self._owe()
        return flight

    @contextlib.contextmanager
    def asked(self) -> Iterator[MayBegin]:
        """First requests are asked for, for the duration of a block; gives what says whether one may begin now.

        None does that is asked for in a drain; else nothing is drained until the end of the block. Nor does one after a
        standstill that may have been asked of another process, too.
        """
        if self._closing:
            yield lambda: False
            return
        self._owe()
        try:
            yield self.standstill.asked()
        finally:
            self._owed -= 1
            self._rest()

    def begin_no_more(self) -> None:
        """First requests that are asked for from now on are not to begin here."""
        self._closing = True

    async def answered(self, key: str, until: float) -> None:
        """Wait until its request is answered, or the loop's time is ``until``."""
        answered = self._answered.get(key)
        if answered is not None and not answered.is_set():
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await answered.wait()

    async def counted(self, keys: Collection[str], within: timedelta) -> None:
        """Wait until the outcomes of those that are answered are counted, for so long at most."""
        if flights := [self._flights[key] for key in keys if key in self._answered and self._answered[key].is_set()]:
            await asyncio.wait(flights, timeout=within.total_seconds())

    def leave(self, key: str) -> None:
        """Its activity ends before it does: somebody will adopt it."""
        self._left.add(key)
        self._idle.clear()

    def known(self, key: str) -> Flight | None:
        """What was begun under a key; None when this process does not have it (any more)."""
        return self._flights.get(key)

    def adopt(self, key: str) -> Flight | None:
        """`known`, and nobody else needs to adopt it."""
        self._left.discard(key)
        self._rest()
        return self._flights.get(key)

    async def drained(self, within: timedelta) -> None:
        """Wait until all that is not awaited has ended and all that was left was adopted, or the time is up."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._idle.wait(), within.total_seconds())

    def forget(self, key: str) -> None:
        """What it came to was told, or it was not made: begun under this key again, it is another one."""
        self._flights.pop(key, None)
        self._answered.pop(key, None)

    def _owe(self) -> None:
        self._owed += 1
        self._idle.clear()

    def _ended(self, key: str, flight: Flight, *, awaited: bool) -> None:
        self._owed -= not awaited
        if flight.cancelled() or flight.exception() is not None:
            self.forget(key)  # whoever waits for it sees it, and may have it made anew
        elif self._flights.get(key) is flight:
            del self._answered[key]
            flight = self._flights[key] = _outcome(flight.result())
        self._young.keep((key, flight))
        self._rest()

    def _age(self, ended: tuple[str, Flight]) -> None:
        key, flight = ended
        self._left.discard(key)
        self._rest()
        if self._flights.get(key) is not flight:
            return
        self._aged.append(key)
        while len(self._aged) > KEPT_LONGER:
            self.forget(self._aged.popleft())

    def _rest(self) -> None:
        if not self._left and not self._owed:
            self._idle.set()


def _outcome(delivery: Delivery) -> Flight:
    """An ended flight, without all that a task keeps of how it went: its frames, its context and the event in it."""
    outcome: Flight = asyncio.get_running_loop().create_future()
    outcome.set_result(delivery)
    return outcome


async def landed(flights: Collection[Flight], within: timedelta, after_trouble: timedelta) -> None:
    """Wait for all of them, for so long at most; once one of them was not delivered, only a little longer."""
    if not flights:
        return
    loop, enough = asyncio.get_running_loop(), asyncio.Event()
    left, ends_at = len(flights), loop.time() + within.total_seconds()

    def note(flight: Flight) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            enough.set()
        elif flight.cancelled() or flight.exception() or flight.result().state is not DeliveryState.DELIVERED:
            loop.call_later(after_trouble.total_seconds(), enough.set)

    for flight in flights:
        flight.add_done_callback(note)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout_at(ends_at):
            await enough.wait()
