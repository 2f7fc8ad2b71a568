"""First requests that begin before their workflow asks for them."""

import asyncio

import pytest

from activities.courier import Courier
from activities.directory import LeasedDirectory
from activities.flights import Flights
from activities.gate import InlineGate
from activities.head_start import HeadStart
from activities.recorder import Recorder
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.flight_keys import flight_key
from domain.health import LedgerBatch
from domain.outcomes import Attempt, DeliveryState, Failure
from domain.subscribers import Subscriber
from domain.tasks import INLINE_ONE_BY_ONE
from tests.support.alert_receivers import TWILIO_URL
from tests.support.builders import NOW, make_event, make_keyring, make_subscriber, make_target
from tests.support.sink import Sink

EVENT = make_event()


class Process:
    """The parts of a process that take part."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self.subscribers = {subscriber.name: subscriber for subscriber in subscribers}
        self.gate, self.flights, policy = InlineGate(), Flights(), AddressPolicy()
        self.sender = Sender(GuardedTransport(policy), make_keyring(), policy)
        self.courier = Courier(self.sender, self.gate, Recorder(self._record), self._gone)
        self.head_start = HeadStart(LeasedDirectory(self._snapshot), self.courier, self.flights, self.gate)

    async def _snapshot(self, _known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers=self.subscribers)

    async def _record(self, _batch: LedgerBatch) -> None:
        pass

    async def _gone(self, *_: object) -> None:
        pass


async def test_the_workflow_joins_what_has_begun() -> None:
    async with Sink() as sink:
        subscriber = make_subscriber(sink.url())
        process = Process(subscriber)
        await process.head_start.begin(EVENT, "run-1")
        key = flight_key("run-1", EVENT, subscriber.name)
        joined = process.flights.start(key, lambda _: process.courier.carry(EVENT, subscriber, None))
        assert (await joined).state is DeliveryState.DELIVERED
        assert process.head_start.has_begun("run-1", subscriber.name)
        assert len(sink.received) == 1
        await process.sender.aclose()


async def test_who_would_not_be_tried_inline_is_not_tried_early_either() -> None:
    async with Sink() as sink:
        unfit = [
            make_subscriber(sink.url(), name="ordered", keep_order=True),
            make_subscriber(sink.url(), name="limited", rate_limit="1/s"),
            make_subscriber(sink.url(), name="disabled", enabled=False),
            make_subscriber(sink.url(), name="elsewhere", types=("other.**",)),
            make_target(TWILIO_URL, name="text"),
            make_subscriber(sink.url(), name="troubled"),
        ]
        process = Process(*unfit)
        for _ in range(3):
            failed = Attempt(at=NOW, duration_ms=1, failure=Failure.CONNECTION)
            process.gate.ended(process.gate.began("troubled"), failed)
        await process.head_start.begin(EVENT, "run-1")
        await asyncio.sleep(0.05)
        assert not sink.received
        assert not any(process.head_start.has_begun("run-1", each.name) for each in unfit)
        await process.sender.aclose()


@pytest.mark.parametrize(("count", "begun"), [(INLINE_ONE_BY_ONE, INLINE_ONE_BY_ONE), (INLINE_ONE_BY_ONE + 1, 0)])
async def test_a_crowd_is_left_to_its_workflow_which_tells_it_together(count: int, begun: int) -> None:
    async with Sink() as sink:
        process = Process(*(make_subscriber(sink.url(), name=f"s-{number}") for number in range(count)))
        await process.head_start.begin(EVENT, "run-1")
        keys = [flight_key("run-1", EVENT, f"s-{number}") for number in range(count)]
        flights = [flight for key in keys if (flight := process.flights.adopt(key))]
        await asyncio.gather(*flights)
        assert len(flights) == len(sink.received) == begun
        await process.sender.aclose()
