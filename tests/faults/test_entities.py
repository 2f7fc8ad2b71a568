"""The ledger and the directory: a backlog that nobody counted for a while, and new runs under load."""

import asyncio
from pathlib import Path

import pytest
from temporalio.client import Client

from domain.health import LedgerEntry, Report, summed
from tests.faults.load import Publishers, all_arrive, tell
from tests.faults.scale import SCALE, TORTURE
from tests.faults.stage import stage
from tests.support.builders import NOW
from tests.support.eventually import eventually
from tests.support.platform import unique_name, unique_type
from tests.support.sink import Sink
from workflows import names, policies
from workflows.ledger import DeliveryLedgerWorkflow, LedgerState

OUTCOMES = 1_000_000 if TORTURE else 200_000  # told one by one, 200,000 were too much for one workflow task
SUBSCRIBERS = 20
TOGETHER = 500  # in one commit

pytestmark = pytest.mark.timeout(600 if TORTURE else 300)


async def test_a_ledger_that_nobody_worked_on_counts_what_it_was_told(tmp_path: Path) -> None:
    async with stage(tmp_path) as place:
        client = place.platform.client
        ledger = await client.start_workflow(
            DeliveryLedgerWorkflow.run,
            LedgerState(),
            id=names.LEDGER_ID,
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
        )
        batch = summed(
            LedgerEntry(subscriber=f"s-{number % SUBSCRIBERS}", report=Report.DELIVERED, at=NOW, duration_ms=12)
            for number in range(TOGETHER)
        )
        for _ in range(OUTCOMES // TOGETHER):
            await ledger.signal(DeliveryLedgerWorkflow.record, batch)
        sent = len(batch.model_dump_json()) * OUTCOMES // TOGETHER
        await place.up("worker")

        async def counted() -> bool:
            counters = await ledger.query(DeliveryLedgerWorkflow.health, None)
            return sum(each.delivered for each in counters.values()) == OUTCOMES

        await eventually(counted, 30, 0.5)
        tell("ledger without a worker", outcomes=OUTCOMES, kilobytes=sent // 1024)


async def test_a_ledger_that_somebody_ended_is_begun_anew_by_the_next_delivery(tmp_path: Path) -> None:
    async with stage(tmp_path, "serve") as place, Sink() as sink:
        event_type, name = unique_type("ended"), unique_name("ended")
        await place.gateway.subscribers.add(name, sink.url(), types=[event_type])
        await place.platform.client.get_workflow_handle(names.LEDGER_ID).terminate("by mistake")
        await Publishers(place, event_type).publish(5)

        async def counted() -> bool:
            return (await place.gateway.health.get(name)).delivered == 5

        await eventually(counted, 30, 0.5)


async def test_new_runs_of_ledger_and_directory_lose_nothing_under_load(tmp_path: Path) -> None:
    config = ["limit.historyCount.suggestContinueAsNew=12"]
    async with stage(tmp_path, "serve", dynamic_config=config) as place, Sink() as sink:
        event_type, name = unique_type("renewed"), unique_name("renewed")
        await place.gateway.subscribers.add(name, sink.url(), types=[event_type])
        other = unique_name("changed")
        await place.gateway.subscribers.add(other, sink.url("/other"), types=["nothing.v1"])
        publishers = Publishers(place, event_type)

        async def change() -> int:
            for number in range(30):
                await place.gateway.subscribers.update(other, max_attempts=number % 9 + 1)
            return number % 9 + 1

        async def paced() -> None:
            for _ in range(6):
                await publishers.publish(SCALE.publishes // 6, clients=8)

        last, _ = await asyncio.gather(change(), paced())
        await all_arrive(publishers.accepted, sink)
        await place.idle()
        assert (await place.gateway.subscribers.get(other)).max_attempts == last

        async def counted() -> bool:
            return (await place.gateway.health.get(name)).delivered == len(publishers.accepted)

        await eventually(counted, 15, 0.2)
        both = (names.LEDGER_ID, names.DIRECTORY_ID)
        runs = {each: await eventually(lambda each=each: _runs(place.platform.client, each)) for each in both}  # type: ignore[misc]
        tell("new runs under load", accepted=len(publishers.accepted), requests=len(sink.received), **runs)
        assert len(sink.received) == len(publishers.accepted) == SCALE.publishes // 6 * 6


async def _runs(client: Client, workflow_id: str) -> int | None:
    """How many there are, once there is more than the first."""
    count = (await client.count_workflows(f"WorkflowId = '{workflow_id}'")).count
    return count if count > 1 else None
