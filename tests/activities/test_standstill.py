"""A process that stood still begins nothing that Temporal may have given to another."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import SimpleNamespace
from typing import cast
from unittest.mock import AsyncMock

import pytest
from temporalio.client import Client
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode
from temporalio.testing import ActivityEnvironment

from activities.courier import Courier
from activities.deliveries import DeliveryActivities
from activities.directory import LeasedDirectory
from activities.flights import Flights
from activities.gate import InlineGate
from activities.head_start import HeadStart
from activities.limits import LimitedDeliveries
from activities.recorder import Recorder
from activities.sender import Sender
from activities.standstill import BEAT_EVERY, Standstill, Watch
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.matches import Match
from domain.outcomes import DeliveryState
from domain.tasks import UNMADE, AdoptRequest, DeliverRequest, FirstRequest, FirstRequests, FirstResult
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.sink import Sink
from workflows import policies

EVENT = make_event()
GIVEN_AWAY = RPCError("activity not found", RPCStatusCode.NOT_FOUND, b"")
FIRST = FirstRequest(event=EVENT, subscriber="ops")
MANY = FirstRequests(events=[EVENT], wanted=[(0, Match(subscriber="ops"))])
NEXT = DeliverRequest(subscriber="ops", event_id=EVENT.id)
ADOPT = AdoptRequest(event_id=EVENT.id, subscriber="ops", flight="k")


def test_who_beats_in_time_has_lost_nothing_and_what_is_lost_stays_so() -> None:
    now = [0.0]
    watch = Watch(7.5, clock=lambda: now[0])
    for now[0] in (7.4, 14.8, 22.3):
        assert not watch.lost
        watch.beat()
    now[0] = 29.9
    assert watch.lost  # also before the beat that comes late
    watch.beat()
    assert watch.lost


class Times:
    """A process whose clock the test sets, with the times that the product has."""

    def __init__(self) -> None:
        self.now = 100.0
        self.standstill = Standstill(policies.STANDSTILL, policies.WORKED_OFF, lambda: self.now)
        self.standstill.beat()

    def beats_until(self, until: float) -> None:
        while self.now < until:
            self.now += BEAT_EVERY.total_seconds()
            self.standstill.beat()


@pytest.mark.parametrize("pause", [0.3, 1.0, 2.0, 3.0, 3.4])
def test_a_busy_process_has_not_stood_still(pause: float) -> None:
    times = Times()
    before = times.standstill.asked()
    for _ in range(10):
        times.now += pause
        assert before()
        times.standstill.beat()
        assert times.standstill.asked()()


def test_after_a_standstill_what_is_asked_before_it_or_soon_after_may_be_anothers() -> None:
    times = Times()
    before = times.standstill.asked()
    assert before()
    times.now += policies.EVENT_TASK_TIMEOUT.total_seconds()
    first = times.standstill.asked()
    assert (before(), first()) == (False, False), "what runs first runs before the beat"
    times.standstill.beat()
    ended = times.now
    assert (before(), first()) == (False, False)
    times.beats_until(ended + policies.WORKED_OFF.total_seconds())
    soon = times.standstill.asked()
    times.beats_until(ended + 60)
    assert (before(), first(), soon()) == (False, False, False)
    assert times.standstill.asked()()


def test_where_nobody_beats_nothing_is_known() -> None:
    now = [0.0]
    standstill = Standstill(policies.STANDSTILL, policies.WORKED_OFF, lambda: now[0])
    asked = standstill.asked()
    now[0] = 1000.0
    assert asked()


class Process:
    """The parts of a process that make requests, and what Temporal answers to a heartbeat."""

    def __init__(self, sink: Sink) -> None:
        self.subscriber = make_subscriber(sink.url(), name="ops")
        self.standstill = Standstill(timedelta(seconds=0.5), timedelta(seconds=1))
        directory, gate, policy = LeasedDirectory(self._snapshot), InlineGate(), AddressPolicy()
        self.flights = Flights(self.standstill)
        self.sender = Sender(GuardedTransport(policy), make_keyring(), policy)
        recorder = Recorder(AsyncMock())
        courier = Courier(self.sender, gate, recorder, AsyncMock())
        self.head_start = HeadStart(directory, courier, self.flights, gate)
        self.activities = DeliveryActivities(
            directory=directory,
            courier=courier,
            flights=self.flights,
            recorder=recorder,
            gate=gate,
            limited=LimitedDeliveries(str, AsyncMock(), bool),
            load_event=AsyncMock(return_value=EVENT),
            in_flight_queue="here",
        )
        self.heartbeat = AsyncMock(side_effect=GIVEN_AWAY)
        self.asked_for_the_directory: Callable[[], None] = lambda: None

    def environment(self) -> ActivityEnvironment:
        asked = SimpleNamespace(heartbeat=self.heartbeat)
        client = SimpleNamespace(get_async_activity_handle=lambda task_token: asked)
        return ActivityEnvironment(client=cast("Client", client))

    def stand_still(self) -> None:
        time.sleep(0.8)

    async def _snapshot(self, _known: int | None) -> Snapshot:
        self.asked_for_the_directory()
        return Snapshot(version=1, subscribers={"ops": self.subscriber})


@asynccontextmanager
async def process(sink: Sink) -> AsyncIterator[Process]:
    one = Process(sink)
    async with one.standstill.watched():
        await asyncio.sleep(0.01)
        yield one
    await one.sender.aclose()


async def test_it_begins_no_first_request_and_says_that_nothing_was_heard(sink: Sink) -> None:
    async with process(sink) as one:
        one.stand_still()
        assert await one.environment().run(one.activities.deliver_first, FIRST) == FirstResult()
        many = await one.environment().run(one.activities.deliver_many, MANY)
        assert many.results == [FirstResult()]
        await one.head_start.begin(EVENT, "run-1")
        await asyncio.sleep(0.1)
        assert not sink.received


async def test_it_begins_none_that_it_had_in_hand_when_it_stood_still(sink: Sink) -> None:
    async with process(sink) as one:
        one.asked_for_the_directory = one.stand_still
        assert await one.environment().run(one.activities.deliver_first, FIRST) == FirstResult()
        assert not sink.received


async def test_it_joins_what_it_had_begun(sink: Sink) -> None:
    async with process(sink) as one:
        environment = one.environment()
        assert (await environment.run(one.activities.deliver_first, FIRST)).delivery is not None
        one.stand_still()
        again = await environment.run(one.activities.deliver_first, FIRST)
        assert again.delivery is not None
        assert again.delivery.state is DeliveryState.DELIVERED
        assert len(sink.received) == 1


async def test_a_while_later_all_is_as_it_was(sink: Sink) -> None:
    async with process(sink) as one:
        one.stand_still()
        await asyncio.sleep(1.5)
        assert (await one.environment().run(one.activities.deliver_first, FIRST)).delivery is not None
        assert (await one.environment().run(one.activities.deliver, NEXT)).state is DeliveryState.DELIVERED
        one.heartbeat.assert_not_called()


async def test_a_retry_that_temporal_gave_to_another_is_not_made(sink: Sink) -> None:
    async with process(sink) as one:
        one.stand_still()
        with pytest.raises(ApplicationError, match="stood still") as refused:
            await one.environment().run(one.activities.deliver, NEXT)
        assert refused.value.type == UNMADE
        with pytest.raises(LocalFault, match="stood still"):
            await one.environment().run(one.activities.adopt_delivery, ADOPT)
        assert not sink.received


async def test_a_retry_that_is_still_its_own_is_made_at_once(sink: Sink) -> None:
    async with process(sink) as one:
        one.heartbeat.side_effect = None
        one.stand_still()
        assert (await one.environment().run(one.activities.deliver, NEXT)).state is DeliveryState.DELIVERED
        adopted = await one.environment().run(one.activities.adopt_delivery, ADOPT)
        assert adopted.state is DeliveryState.DELIVERED
        assert len(sink.received) == 2
