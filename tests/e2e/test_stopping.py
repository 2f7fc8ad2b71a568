"""A process that is told to stop begins no request any more, on none of its queues, while others of them end theirs."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.platform import Platform, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Hang, Sink

HANGING = 8  # events, each of which is tried for 10 s, and again after a second


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


async def test_nothing_begins_on_one_queue_while_another_ends_what_it_has(alone: Platform) -> None:
    async with Sink() as limited, Sink() as other, alone.process("worker") as worker:
        for sink in (limited, other):
            sink.script(*[Hang()] * 100)
        event_type = unique_type("stopping")
        add, retried = alone.gateway.subscribers.add, f"{event_type}.more"
        await eventually(lambda: add(unique_name("a"), limited.url(), types=[event_type], max_concurrency=1), 30)
        await add(unique_name("b"), other.url(), types=[retried], schedule="1", max_attempts=50)
        for _ in range(HANGING):
            await alone.im("event", "emit", "--type", retried, "--data", "{}")
            await asyncio.sleep(0.5)
        await alone.im("event", "emit", "--type", event_type, "--data", "{}")
        await eventually(lambda: limited.received and len(other.received) > HANGING, 30)
        told = time.monotonic()
        assert await worker.stop() == 0
        took = time.monotonic() - told
    begun = [round(request.at - told, 1) for request in other.received if request.at > told]
    assert [at for at in begun if at > 3] == [], f"after {took:.1f} s it had stopped"
