"""What the ledger and the directory tell, where time is skipped: health, pauses, secrets; run in the sandbox."""

import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.emission import EmissionActivities
from domain.events import CloudEvent
from domain.health import Counters, LedgerEntry, Report, summed
from domain.health_watch import HealthWatch
from domain.pauses import Patience, PauseOrder
from domain.receipts import PublishReceipt
from domain.subscriber_changes import SubscriberChange
from domain.subscribers import NewSubscriber, Subscriber
from service.temporal import DATA_CONVERTER
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.workers import Worker
from tests.workflows.conftest import TEST_SERVER
from workflows import names
from workflows.directory import DirectoryState, SubscriberDirectoryWorkflow
from workflows.ledger import DeliveryLedgerWorkflow, LedgerState
from workflows.outbox import MOST_WAITING, Outbox

DAY = timedelta(days=1)


@dataclass
class Surroundings:
    """The pipeline, and both entities on a queue of their own."""

    environment: WorkflowEnvironment
    queue: str
    emitted: list[CloudEvent] = field(default_factory=list)
    publishing: bool = True

    async def publish(self, event: CloudEvent, _behind: object = None) -> PublishReceipt:
        if self.publishing:
            self.emitted.append(event)
        return PublishReceipt(event_id=event.id, published=self.publishing)

    async def start(self, state: LedgerState | DirectoryState) -> WorkflowHandle[Any, Any]:
        client, directory = self.environment.client, isinstance(state, DirectoryState)
        return await client.start_workflow(
            "SubscriberDirectoryWorkflow" if directory else "DeliveryLedgerWorkflow",
            state,
            id=names.DIRECTORY_ID if directory else f"ledger-{self.queue}",
            task_queue=self.queue,
        )

    async def report(
        self, ledger: WorkflowHandle[Any, Any], *reports: Report, patience: Patience | None = None
    ) -> None:
        now = await self.environment.get_current_time()
        entries = [LedgerEntry(subscriber="a", report=each, at=now, patience=patience) for each in reports]
        await ledger.signal("record", summed(entries))

    async def told(self, *kinds: str) -> None:
        def last_words() -> bool:
            return [event.type.split(".")[2] for event in self.emitted] == list(kinds)

        await eventually(last_words)


@pytest_asyncio.fixture(loop_scope="session")
async def own_clock() -> AsyncIterator[WorkflowEnvironment]:
    """A server for each test: what another left unfinished would hold its clock."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=TEST_SERVER, data_converter=DATA_CONVERTER
    ) as environment:
        yield environment


@pytest_asyncio.fixture(loop_scope="session")
async def around(own_clock: WorkflowEnvironment) -> AsyncIterator[Surroundings]:
    around = Surroundings(own_clock, str(uuid.uuid4()))
    async with Worker(
        own_clock.client,
        task_queue=around.queue,
        workflows=[SubscriberDirectoryWorkflow, DeliveryLedgerWorkflow],
        activities=[EmissionActivities(around.publish).publish_event],
    ):
        yield around


async def subscriber(directory: WorkflowHandle[Any, Any]) -> Subscriber:
    snapshot = await directory.query(SubscriberDirectoryWorkflow.snapshot, None)
    return (snapshot.subscribers or {})["a"]


async def end(directory: WorkflowHandle[Any, Any]) -> None:
    """Terminate the directory, once idle, so that the next test can have one of its own.

    Ledgers are left as they are: of workflows that had activities or timers the test server keeps a lock on its clock.
    """

    async def is_idle() -> bool:
        described = (await directory.describe()).raw_description
        return not described.pending_activities and not described.HasField("pending_workflow_task")

    await eventually(is_idle)
    await directory.terminate()


async def test_recovery_is_told_once_and_flapping_is_damped(around: Surroundings) -> None:
    ledger = await around.start(LedgerState())
    for _ in range(3):
        await around.report(ledger, Report.FAILED)
    await around.told("unhealthy")
    for _ in range(6):  # back and forth within the time in which nothing more is told
        await around.report(ledger, Report.DELIVERED, Report.DELIVERED, Report.DELIVERED)
        await around.report(ledger, Report.FAILED, Report.FAILED, Report.FAILED)
    await around.report(ledger, *[Report.DELIVERED] * 9)
    assert len(around.emitted) == 1
    await around.environment.sleep(timedelta(minutes=2))
    await around.told("unhealthy", "recovered")
    await around.environment.sleep(DAY)
    await around.report(ledger, Report.DELIVERED)
    await around.told("unhealthy", "recovered")
    assert len({event.id for event in around.emitted}) == 2


async def test_five_days_without_a_success_pause_a_subscriber_and_tell_why(around: Surroundings) -> None:
    directory, ledger = await around.start(DirectoryState()), await around.start(LedgerState())
    new = NewSubscriber(name="a", url="https://a.example", pause_after_seconds=5 * 86400)
    await directory.execute_update("add", new)
    for day in range(6):
        now = await around.environment.get_current_time()
        assert (await subscriber(directory)).paused is None
        await around.report(ledger, Report.RETRYING, patience=Patience(asked_at=now, seconds=5 * 86400))
        await around.environment.sleep(DAY if day < 5 else 1)
    await eventually(lambda: [event.type for event in around.emitted if "paused" in event.type])
    paused = around.emitted[-1]
    assert paused.type == "im.subscriber.paused.v1"
    assert paused.data["reason"].startswith("no request has succeeded since")
    pause = (await subscriber(directory)).paused
    assert pause is not None
    assert pause.reason == paused.data["reason"]
    await end(directory)


async def test_an_order_from_before_a_change_pauses_nobody(around: Surroundings) -> None:
    directory = await around.start(DirectoryState())
    before = await around.environment.get_current_time() - DAY
    await directory.execute_update("add", NewSubscriber(name="a", url="https://a.example"))
    await directory.signal("pause", PauseOrder(name="a", reason="it failed", asked_at=before))
    await directory.signal("pause", PauseOrder(name="unknown", reason="it failed", asked_at=before))
    assert (await subscriber(directory)).paused is None
    assert around.emitted == []
    await end(directory)


async def test_a_new_secret_is_told_without_the_secret_and_other_changes_are_not(around: Surroundings) -> None:
    directory = await around.start(DirectoryState())
    await directory.execute_update("add", NewSubscriber(name="a", url="https://a.example", sealed_secret="sealed-1"))
    await directory.execute_update("change", SubscriberChange(name="a", max_attempts=3))
    await directory.execute_update("change", SubscriberChange(name="a", sealed_secret="sealed-2"))
    await around.told("secret_rotated")
    assert "sealed" not in around.emitted[0].body.decode()
    assert set(around.emitted[0].data) == {"subscriber", "previous_valid_until"}
    await end(directory)


@pytest.mark.parametrize("publishing", [True, False])
async def test_what_the_run_before_left_is_told_by_the_next_and_nothing_piles_up(
    around: Surroundings, *, publishing: bool
) -> None:
    around.publishing = publishing
    left = make_event(type="im.subscriber.paused.v1")
    ledger = await around.start(LedgerState(outbox=[left]))
    await around.report(ledger, Report.FAILED)
    await around.told(*(["paused", "unhealthy"] if publishing else []))
    await eventually(lambda: nothing_waits(ledger))


async def nothing_waits(ledger: WorkflowHandle[Any, Any]) -> bool:
    described = await ledger.describe()
    history = [event async for event in ledger.fetch_history_events()]
    ended = [event for event in history if event.HasField("activity_task_completed_event_attributes")]
    return len(ended) == 2 and not described.raw_description.pending_activities


async def test_a_held_change_is_told_by_the_next_run(around: Surroundings) -> None:
    watch, now, counters = HealthWatch(), datetime.now(UTC), Counters()
    for report in (Report.FAILED, Report.DELIVERED):
        counters.apply(LedgerEntry(subscriber="a", report=report, at=now))
        watch.see("a", counters, now)
    assert watch.held
    await around.start(LedgerState(counters={"a": counters}, watch=watch))
    await around.environment.sleep(timedelta(minutes=2))
    await around.told("recovered")


def test_an_outbox_keeps_the_latest() -> None:
    box = Outbox([])
    box.put(*(make_event(id=str(number)) for number in range(MOST_WAITING + 1)))
    assert (len(box.waiting), box.waiting[0].id) == (MOST_WAITING, "1")
