"""Who is wanted while the directory does not answer."""

import asyncio

import pytest

from activities.admission import Admission
from activities.directory import LeasedDirectory
from activities.leases import LEASE_SECONDS
from activities.limits import LimitedDeliveries
from domain.directory import Snapshot
from domain.outcomes import Delivery, DeliveryState
from domain.subscribers import Subscriber
from tests.support.builders import make_event, make_subscriber

EVENT = make_event()


class Registry:
    """A directory that answers, or does not."""

    def __init__(self, *subscribers: Subscriber) -> None:
        self.subscribers = {each.name: each for each in subscribers}
        self.answers = True
        self.admission = Admission(LeasedDirectory(self._snapshot), LimitedDeliveries(str, _nothing, bool))

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
    with pytest.raises(ConnectionError):
        await registry.admission.first("ops", ops.created_at, EVENT)
    registry.answers = True
    assert await registry.admission.first("ops", ops.created_at, EVENT) == ops


async def test_who_is_gone_by_a_directory_that_answers_is_told_nothing() -> None:
    gone = await Registry().admission.first("ops", None, EVENT)
    assert isinstance(gone, Delivery)
    assert gone.state is DeliveryState.CANCELLED
