"""A process that is told to stop begins no request any more, on none of its queues, while others of them end theirs."""

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest_asyncio

from domain.incidents import Declaration, Severity
from service.queues import DRAIN
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.platform import Platform, Process, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Hang, Sink, SlowAnswer

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


async def test_an_event_goes_on_until_it_has_asked_for_what_is_in_flight(alone: Platform) -> None:
    """It has an ordered subscriber, whose place in line is taken by an activity of the same queue."""
    add = alone.gateway.subscribers.add
    async with Sink() as ordered, Sink() as plain:
        plain.script(SlowAnswer(3))
        async with alone.process("worker") as worker:
            await eventually(lambda: add("ordered", ordered.url(), types=["im.incident.**"], ordered=True), 30)
            await add("plain", plain.url(), types=["im.incident.**"])
            await alone.gateway.incidents.declare(
                Declaration(title="Checkout down", severity=Severity.SEV_1, actor="tests")
            )
            await plain.wait_for(1)
            await _stops_in_time(worker)
        async with alone.process("worker"):
            await ordered.wait_for(1)
            await eventually(lambda: _an_event_ended(alone), 30)
    assert len(plain.received) == 1


async def test_a_burst_that_is_told_to_stop_hands_over_what_is_in_flight(alone: Platform) -> None:
    """Its events go on in workflows of their own, which ask: each has an ordered delivery besides."""
    add, event_type = alone.gateway.subscribers.add, unique_type("burst")
    async with Sink() as ordered, Sink() as plain:
        plain.script(*[SlowAnswer(3)] * 5)
        async with alone.process("worker") as worker:
            await eventually(lambda: add("ordered", ordered.url(), types=[event_type], ordered=True), 30)
            await add("plain", plain.url(), types=[event_type])
            events = [
                make_event(id=f"e{at}", type=event_type, extensions={"imincidentid": f"INC-{at}"}) for at in range(5)
            ]
            await alone.gateway.events.publish_batch(events)
            await plain.wait_for(5)
            await _stops_in_time(worker)
        async with alone.process("worker"):
            await ordered.wait_for(5)
            await asyncio.sleep(3)  # a workflow that found nobody to ask would have the request made again
    assert len(plain.received) == 5


async def test_events_that_come_while_a_process_stops_are_left_to_the_next(alone: Platform) -> None:
    add, held, late = alone.gateway.subscribers.add, unique_type("held"), unique_type("late")
    async with Sink() as slow, Sink() as quick:
        slow.script(SlowAnswer(8))
        async with alone.process("worker") as worker:
            await eventually(lambda: add("slow", slow.url(), types=[held]), 30)
            await add("quick", quick.url(), types=[late])
            await alone.im("event", "emit", "--type", held, "--data", "{}")
            await slow.wait_for(1)
            stopping = asyncio.create_task(worker.stop())
            await eventually(lambda: "draining" in worker.said())
            emitted = await alone.im("event", "emit", "--type", late, "--data", "{}")
            assert not stopping.done(), "this machine is too slow for the test"
            assert await stopping == 0
        assert emitted.code == 0, emitted.err
        assert quick.received == []
        async with alone.process("worker"):
            await quick.wait_for(1)


async def _stops_in_time(worker: Process) -> None:
    told = time.monotonic()
    assert await worker.stop() == 0
    assert time.monotonic() - told < DRAIN.total_seconds(), "nobody asked for what is in flight"


async def _an_event_ended(platform: Platform) -> bool:
    """Whether an event's workflow has ended."""
    query = "WorkflowType = 'EventWorkflow' AND ExecutionStatus = 'Completed'"
    return bool((await platform.client.count_workflows(query)).count)
