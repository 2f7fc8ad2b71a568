"""First deliveries under way: joined when repeated, kept for adoption, waited for at the end."""

import asyncio
import contextlib
import contextvars
import weakref
from contextvars import ContextVar
from datetime import timedelta

import pytest

from activities import flights
from activities.flights import Answered, Flights, landed
from domain.outcomes import Delivery, DeliveryState
from tests.support.eventually import within

SOON = timedelta(seconds=0.1)


class Carrier:
    """Counts how often it was asked, and delivers when told to."""

    def __init__(self) -> None:
        self.asked = 0
        self.landed = asyncio.Event()

    async def __call__(self, _answered: Answered) -> Delivery:
        self.asked += 1
        await self.landed.wait()
        return Delivery(subscriber="ops", state=DeliveryState.DELIVERED)


async def test_a_repeated_task_joins_what_it_began() -> None:
    table, carrier = Flights(), Carrier()
    first, second = table.start("k", carrier), table.start("k", carrier)
    carrier.landed.set()
    assert await first is await second is await table.start("k", carrier)
    await asyncio.sleep(0)
    assert await first is await table.start("k", carrier)
    assert carrier.asked == 1


async def test_of_one_that_has_ended_the_outcome_alone_is_kept() -> None:
    class Event:
        """Something large."""

    async def carry(_answered: Answered) -> Delivery:
        assert isinstance(carried.get(), Event)
        return Delivery(subscriber="ops", state=DeliveryState.DELIVERED)

    table, event = Flights(), Event()
    carried, seen, context = ContextVar[Event]("carried"), weakref.ref(event), contextvars.copy_context()
    context.run(carried.set, event)
    flight = context.run(table.start, "k", carry)
    del event, context
    await flight
    del flight
    await asyncio.sleep(0)
    assert seen() is None
    assert table.known("k") is not None


async def test_whoever_waits_for_the_answer_of_one_that_was_forgotten_hears_of_its_end() -> None:
    table, carrier = Flights(), Carrier()
    table.start("k", carrier)
    waiting = asyncio.create_task(table.answered("k", asyncio.get_running_loop().time() + 5))
    await asyncio.sleep(0)
    table.forget("k")
    again = Carrier()
    table.start("k", again)
    carrier.landed.set()
    await within(1, waiting)
    await within(1, table.answered("k", 0))
    again.landed.set()
    await within(1, table.answered("k", asyncio.get_running_loop().time() + 5))


async def test_of_old_outcomes_the_latest_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "KEPT", timedelta(seconds=0.05))
    monkeypatch.setattr(flights, "KEPT_LONGER", 2)
    table, carrier = Flights(), Carrier()
    carrier.landed.set()
    for key in "abc":
        await table.start(key, carrier)
    await asyncio.sleep(0.1)
    assert table.adopt("a") is None
    assert table.adopt("b") is not None, "Temporal was away meanwhile, and repeats the task"


async def test_what_could_not_be_made_is_made_anew() -> None:
    async def fail(_answered: Answered) -> Delivery:
        raise OSError("no file descriptors")

    table = Flights()
    with pytest.raises(OSError, match="no file descriptors"):
        await table.start("k", fail)
    carrier = Carrier()
    carrier.landed.set()
    await table.start("k", carrier)
    await table.counted(["k", "none"], SOON)
    assert carrier.asked == 1


async def test_what_was_told_is_made_anew_and_ages_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(flights, "KEPT", timedelta(seconds=0.05))
    table, told, other = Flights(), Carrier(), Carrier()
    told.landed.set()
    await table.start("k", told)
    table.forget("k")
    flight = table.start("k", other)
    await asyncio.sleep(0.1)
    assert table.known("k") is flight
    other.landed.set()
    await flight
    assert other.asked == 1


async def test_a_drain_waits_for_what_flies_and_for_its_adoption() -> None:
    table, carrier = Flights(), Carrier()
    table.start("k", carrier)
    table.leave("k")
    draining = asyncio.create_task(table.drained(timedelta(seconds=5)))
    carrier.landed.set()
    await asyncio.sleep(0.05)
    assert not draining.done()
    assert table.adopt("k") is not None
    await within(1, draining)


async def test_a_drain_ends_when_its_time_is_up() -> None:
    table, carrier = Flights(), Carrier()
    flight = table.start("k", carrier)
    await table.drained(SOON)
    assert not flight.done()
    flight.cancel()


async def test_a_drain_waits_for_whoever_may_yet_begin_a_request_and_for_nobody_who_may_not() -> None:
    table = Flights()
    asked_before, asked_since = contextlib.ExitStack(), contextlib.ExitStack()
    may_begin = asked_before.enter_context(table.asked())
    assert may_begin()
    table.begin_no_more()
    refused = asked_since.enter_context(table.asked())
    assert (may_begin(), refused()) == (True, False)
    draining = asyncio.create_task(table.drained(timedelta(seconds=5)))
    await asyncio.sleep(0.05)
    assert not draining.done()
    asked_before.close()
    await within(1, draining)
    asked_since.close()


async def test_a_drain_waits_for_no_retry_but_where_it_was_left() -> None:
    table, carrier = Flights(), Carrier()
    retry = table.start("k", carrier, awaited=True)
    await within(0.5, table.drained(timedelta(seconds=5)))
    table.leave("k")
    draining = asyncio.create_task(table.drained(timedelta(seconds=5)))
    carrier.landed.set()
    await retry
    await asyncio.sleep(0.05)
    assert not draining.done()
    table.adopt("k")
    await within(1, draining)


async def test_a_drain_of_nothing_takes_no_time() -> None:
    await within(0.5, Flights().drained(timedelta(seconds=5)))


def _flight(after: float, state: DeliveryState = DeliveryState.DELIVERED) -> asyncio.Task[Delivery]:
    async def fly() -> Delivery:
        await asyncio.sleep(after)
        return Delivery(subscriber="ops", state=state)

    return asyncio.create_task(fly())


async def test_many_are_waited_for_until_all_have_landed() -> None:
    flying = [_flight(0.02), _flight(0.05)]
    await landed(flying, timedelta(seconds=30), SOON)
    assert all(flight.done() for flight in flying)


async def test_a_retry_does_not_wait_for_those_still_in_flight() -> None:
    flying = [_flight(0.01, DeliveryState.RETRYING), _flight(0.05), _flight(30)]
    await within(3, landed(flying, timedelta(seconds=30), SOON))
    assert [flight.done() for flight in flying] == [True, True, False]
    flying[2].cancel()


async def test_many_are_not_waited_for_beyond_the_limit() -> None:
    flying = [_flight(30)]
    await within(10, landed(flying, SOON, SOON))
    assert not flying[0].done()
    flying[0].cancel()
