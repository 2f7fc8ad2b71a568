"""That somebody serves the queues of limited subscribers: who is started, how many at once, and who waits for whom."""

import asyncio
from contextlib import suppress
from typing import Any, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from activities.directory import LeasedDirectory
from domain.directory import Snapshot
from service.limits import ENSURED_SECONDS, LOOKED_AFTER_AT_ONCE, STARTED_AT_ONCE, LimitedQueues, kept_served
from tests.support.builders import make_subscriber
from tests.support.eventually import eventually


class Temporal:
    """As much of a client as starts take; each start takes until it is let go."""

    def __init__(self) -> None:
        self.started: list[str] = []
        self.under_way = self.most = 0
        self.let_go = asyncio.Event()
        self.refuses: set[str] = set()
        self.now = 0.0

    async def start_workflow(self, _run: object, _state: object, *, id: str, **_options: Any) -> None:  # noqa: A002 - as the client has it
        self.started.append(id)
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await self.let_go.wait()
        self.under_way -= 1
        if id in self.refuses:
            raise RPCError("away", RPCStatusCode.UNAVAILABLE, b"")


@pytest.fixture
def temporal() -> Temporal:
    return Temporal()


@pytest.fixture
def queues(temporal: Temporal) -> LimitedQueues:
    return LimitedQueues(cast("Any", temporal), clock=lambda: temporal.now)


async def test_one_start_serves_all_who_ask_for_the_same_queue(temporal: Temporal, queues: LimitedQueues) -> None:
    temporal.let_go.set()
    await asyncio.gather(*(queues.ensure("a") for _ in range(20)))
    temporal.now += ENSURED_SECONDS - 1
    await queues.ensure("a")
    assert temporal.started == ["limit/a"]
    temporal.now += 1
    await queues.ensure("a")
    assert temporal.started == ["limit/a"] * 2


async def test_a_slow_start_holds_up_no_other_queue_and_only_so_many_are_under_way(
    temporal: Temporal, queues: LimitedQueues
) -> None:
    asking = [asyncio.create_task(queues.ensure(f"s{number}")) for number in range(3 * STARTED_AT_ONCE)]
    await eventually(lambda: len(temporal.started) == STARTED_AT_ONCE)
    temporal.let_go.set()
    await asyncio.gather(*asking)
    assert (len(temporal.started), temporal.most) == (len(asking), STARTED_AT_ONCE)


async def test_a_queue_is_known_to_be_served_only_once_it_was_seen_to(
    temporal: Temporal, queues: LimitedQueues
) -> None:
    temporal.refuses = {"limit/a"}
    temporal.let_go.set()
    with suppress(RPCError):
        await queues.ensure("a")
    assert not queues.is_ensured("a")
    temporal.refuses.clear()
    await queues.ensure("a")
    assert queues.is_ensured("a")
    temporal.now += 3600
    assert not queues.is_ensured("a")


async def test_looking_after_all_leaves_room_for_who_waits_and_one_that_fails_leaves_the_others(
    temporal: Temporal, queues: LimitedQueues
) -> None:
    limited = {name: make_subscriber(name=name, rate_limit="1/s") for name in (f"s{number}" for number in range(30))}

    async def snapshot(_known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers=limited | {"free": make_subscriber(name="free")})

    temporal.refuses = {"limit/s0"}
    async with kept_served(queues, LeasedDirectory(snapshot)):
        await eventually(lambda: len(temporal.started) == LOOKED_AFTER_AT_ONCE)
        waiting = asyncio.create_task(queues.ensure("new"))
        await eventually(lambda: "limit/new" in temporal.started)
        temporal.let_go.set()
        await waiting
        await eventually(lambda: len(temporal.started) == len(limited) + 1)
    assert {name for name in limited if not queues.is_ensured(name)} == {"s0"}
    assert "limit/free" not in temporal.started
