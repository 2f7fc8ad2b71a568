"""Who is wanted while the directory does not answer."""

import asyncio
from unittest.mock import AsyncMock

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.admission import Admission
from activities.courier import Courier
from activities.deliveries import DeliveryActivities
from activities.directory import LeasedDirectory
from activities.flights import Flights
from activities.gate import InlineGate
from activities.leases import LEASE_SECONDS
from activities.limits import LimitedDeliveries
from activities.recorder import Recorder
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.matches import Match
from domain.outcomes import Delivery, DeliveryState
from domain.subscribers import Subscriber
from domain.tasks import UNMADE, DeliverRequest, FirstRequests, FirstResult
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.sink import Sink

EVENT = make_event()


class Registry:
    """A directory that answers, or does not."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self.subscribers = {each.name: each for each in subscribers}
        self.answers = True
        self.directory = LeasedDirectory(self._snapshot)
        self.admission = Admission(self.directory, LimitedDeliveries(str, _nothing, bool))

    async def _snapshot(self, _known: int | None) -> Snapshot:
        if not self.answers:
            raise ConnectionError("the directory is away")
        return Snapshot(version=len(self.subscribers), subscribers=self.subscribers)


async def _nothing(_subscriber: str) -> None:
    """Nobody is limited here."""


async def _known_last(registry: Registry) -> None:
    await registry.admission.wanted("anybody", None)
    registry.answers = False
    await asyncio.sleep(LEASE_SECONDS)


async def test_who_was_known_last_is_told_while_the_directory_is_away() -> None:
    ops = make_subscriber(name="ops")
    registry = Registry(ops)
    await _known_last(registry)
    assert await registry.admission.first("ops", ops.created_at, EVENT) == ops


@pytest.mark.parametrize("before", [[], [make_subscriber(name="ops", enabled=False)]])
async def test_nobody_is_taken_for_removed_by_what_was_known_before_it_was_added(before: list[Subscriber]) -> None:
    ops = make_subscriber(name="ops")
    registry = Registry(*before)
    await _known_last(registry)
    registry.subscribers = {"ops": ops}
    with pytest.raises(LocalFault, match="does not answer"):
        await registry.admission.first("ops", ops.created_at, EVENT)
    registry.answers = True
    assert await registry.admission.first("ops", ops.created_at, EVENT) == ops


async def test_who_is_gone_by_a_directory_that_answers_is_told_nothing() -> None:
    gone = await Registry().admission.first("ops", None, EVENT)
    assert isinstance(gone, Delivery)
    assert gone.state is DeliveryState.CANCELLED


async def test_a_retry_waits_for_a_directory_that_does_not_answer_and_costs_no_attempt() -> None:
    registry = Registry()
    registry.answers = False
    request = DeliverRequest(subscriber="ops", event_id="e")
    with pytest.raises(ApplicationError, match="does not answer") as refused:
        await ActivityEnvironment().run(registry.admission.allowed, request, [], AsyncMock())
    assert refused.value.type == UNMADE


async def test_one_whom_nobody_knows_spoils_no_crowd(sink: Sink) -> None:
    ops = make_subscriber(sink.url(), name="ops")
    registry = Registry(ops)
    policy, gate = AddressPolicy(), InlineGate()
    sender = Sender(GuardedTransport(policy), make_keyring(), policy)
    recorder = Recorder(AsyncMock())
    deliveries = DeliveryActivities(
        directory=registry.directory,
        courier=Courier(sender, gate, recorder, AsyncMock()),
        flights=Flights(),
        recorder=recorder,
        gate=gate,
        limited=LimitedDeliveries(str, AsyncMock(), bool),
        load_event=AsyncMock(return_value=EVENT),
        in_flight_queue="here",
    )
    await registry.directory.current()
    registry.answers = False
    await asyncio.sleep(LEASE_SECONDS)
    many = FirstRequests(events=[EVENT], wanted=[(0, Match(subscriber="ops")), (0, Match(subscriber="new"))])
    told, untold = (await ActivityEnvironment().run(deliveries.deliver_many, many)).results
    await sender.aclose()
    assert told.delivery is not None
    assert told.delivery.state is DeliveryState.DELIVERED
    assert untold == FirstResult()
