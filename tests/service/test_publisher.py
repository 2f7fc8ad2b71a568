"""What has a start of its own takes turns, too: past the queue of bursts, a crowd had Temporal answer nobody."""

import asyncio
from typing import Any, cast

from service.publisher import Publisher
from service.turns import AT_A_TIME
from tests.support.builders import make_event


class Temporal:
    """As much of a client as a start takes; counts those that are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0

    async def start_workflow(self, *_: Any, **__: Any) -> object:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        return object()


async def test_events_with_an_idempotency_key_are_started_a_few_at_a_time() -> None:
    temporal = Temporal()
    publisher = Publisher(cast("Any", temporal), publishing=True)
    receipts = await asyncio.gather(*(publisher.publish(make_event(id=f"{n}"), alone=True) for n in range(100)))
    assert {receipt.published for receipt in receipts} == {True}
    assert temporal.most == AT_A_TIME
