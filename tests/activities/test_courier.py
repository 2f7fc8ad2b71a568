"""What is asked of the recorder: whoever gets so many requests at a time waits for the count of each."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import pytest

from activities.courier import Courier
from activities.gate import InlineGate
from activities.recorder import Recorder
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.health import LedgerBatch, LedgerEntry
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.sink import Sink


class Told(Recorder):
    """Counts nothing, and notes what was to be counted soon."""

    def __init__(self) -> None:
        super().__init__(self._count)
        self.soon: list[bool] = []

    async def record(self, entries: Sequence[LedgerEntry], *, soon: bool = False) -> bool:
        """Note how it was asked."""
        self.soon.append(soon)
        return bool(entries)

    async def _count(self, _batch: LedgerBatch) -> None:
        """Nothing is."""


async def _gone(_name: str, _at: datetime) -> None:
    """Nobody is."""


@pytest.mark.parametrize(
    ("limits", "soon"), [({"max_concurrency": 1}, True), ({"rate_limit": "9/s"}, False), ({}, False)]
)
async def test_what_holds_a_place_of_few_is_counted_soon(limits: dict[str, Any], soon: bool) -> None:
    policy, recorder = AddressPolicy(), Told()
    async with Sink() as sink:
        sender = Sender(GuardedTransport(policy), make_keyring(), policy)
        subscriber = make_subscriber(sink.url(), **limits)
        delivery = await Courier(sender, InlineGate(), recorder, _gone).carry(make_event(), subscriber, None)
        await sender.aclose()
    assert delivery.recorded
    assert recorder.soon == [soon]
