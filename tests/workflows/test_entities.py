"""The entity workflows on a dev server that suggests continuing as new early: state is carried over, under load."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from activities.emission import EmissionActivities
from domain.directory import Directory
from domain.event_errors import EventConflictError
from domain.event_ids import made_at
from domain.events import CloudEvent
from domain.health import LedgerBatch, LedgerEntry, Report
from domain.http_client_changes import HttpClientDraft
from domain.incidents import Action, Change, Declaration, Incident, Severity, Status
from domain.placements import PlacedSubscriber, stamp
from domain.receipts import PublishReceipt
from domain.subscriber_changes import SubscriberChange
from domain.subscribers import NewSubscriber
from service.publisher import Publisher
from service.search_attributes import add_search_attributes
from service.temporal import DATA_CONVERTER
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.platform import temporal_dev_server
from tests.support.workers import Worker
from workflows.directory import DirectoryState, SubscriberDirectoryWorkflow
from workflows.incident import IncidentInput, IncidentWorkflow
from workflows.incident_numbers import IncidentNumbersWorkflow, NumbersState
from workflows.ledger import DeliveryLedgerWorkflow, LedgerState


class Outbox:
    """What the incident workflow emitted; unreachable for a while if told so."""

    def __init__(self) -> None:
        self.emitted: list[CloudEvent] = []
        self.failures = 0
        self.publishing = True

    async def publish(self, event: CloudEvent, _behind: object = None) -> PublishReceipt:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("Temporal is away")
        if self.publishing:
            self.emitted.append(event)
        return PublishReceipt(event_id=event.id, published=self.publishing)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder: Path = tmp_path_factory.mktemp("entities")
    async with temporal_dev_server(folder, ["limit.historyCount.suggestContinueAsNew=60"]) as server:
        yield await Client.connect(server.address, data_converter=DATA_CONVERTER)


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


@pytest_asyncio.fixture(loop_scope="session")
async def queue(client: Client, outbox: Outbox) -> AsyncIterator[str]:
    name = str(uuid.uuid4())
    async with Worker(
        client,
        task_queue=name,
        workflows=[SubscriberDirectoryWorkflow, DeliveryLedgerWorkflow, IncidentWorkflow, IncidentNumbersWorkflow],
        activities=[EmissionActivities(outbox.publish).publish_event],
    ):
        yield name


def refusal(error: WorkflowUpdateFailedError) -> str:
    assert isinstance(error.cause, ApplicationError)
    return error.cause.type or ""


async def has_runs(client: Client, handle: WorkflowHandle[Any, Any], count: int = 2) -> bool:
    return len([run async for run in client.list_workflows(f"WorkflowId = '{handle.id}'")]) >= count


async def test_the_directory_continues_as_new_and_keeps_every_subscriber(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(), id=f"subscribers-{queue}", task_queue=queue
    )
    entity: WorkflowHandle[SubscriberDirectoryWorkflow, Any] = client.get_workflow_handle(handle.id)
    added = [f"s{number}" for number in range(60)]
    for place in range(0, len(added), 5):  # Temporal takes ten updates in flight
        chunk = added[place : place + 5]
        await asyncio.gather(
            *(
                entity.execute_update(
                    SubscriberDirectoryWorkflow.add, NewSubscriber(name=name, url="https://a.example")
                )
                for name in chunk
            )
        )
    await entity.execute_update(SubscriberDirectoryWorkflow.change, SubscriberChange(name="s7", enabled=False))
    await entity.execute_update(SubscriberDirectoryWorkflow.remove, "s8")
    snapshot = await entity.query(SubscriberDirectoryWorkflow.snapshot, None)
    assert snapshot.subscribers is not None
    assert sorted(snapshot.subscribers) == sorted(set(added) - {"s8"})
    assert not snapshot.subscribers["s7"].enabled
    assert snapshot.version == 62
    await eventually(lambda: has_runs(client, handle, 3))


async def test_the_directory_keeps_http_clients_and_refuses_to_lose_one_in_use(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(), id=f"subscribers-{queue}", task_queue=queue
    )
    entity: WorkflowHandle[SubscriberDirectoryWorkflow, Any] = client.get_workflow_handle(handle.id)
    named = NewSubscriber(name="ops", url="https://a.example", http_client="c")
    with pytest.raises(WorkflowUpdateFailedError) as unknown:
        await entity.execute_update(SubscriberDirectoryWorkflow.add, named)
    assert refusal(unknown.value) == "unknown_http_client"
    await entity.execute_update(SubscriberDirectoryWorkflow.add_http_client, HttpClientDraft(name="c"))
    await entity.execute_update(SubscriberDirectoryWorkflow.add, named)
    for number in range(1, 61):  # enough to continue as new
        draft = HttpClientDraft(name="c", connect_seconds=number / 10)
        await entity.execute_update(SubscriberDirectoryWorkflow.change_http_client, draft)
    with pytest.raises(WorkflowUpdateFailedError) as used:
        await entity.execute_update(SubscriberDirectoryWorkflow.remove_http_client, "c")
    assert refusal(used.value) == "http_client_in_use"
    snapshot = await entity.query(SubscriberDirectoryWorkflow.snapshot, None)
    assert (snapshot.http_clients["c"].connect_seconds, snapshot.http_clients["c"].version) == (6.0, 61)
    assert (await entity.query(SubscriberDirectoryWorkflow.snapshot, snapshot.version)).http_clients == {}
    await eventually(lambda: has_runs(client, handle))
    await entity.execute_update(SubscriberDirectoryWorkflow.change, SubscriberChange(name="ops", http_client=""))
    await entity.execute_update(SubscriberDirectoryWorkflow.remove_http_client, "c")
    snapshot = await entity.query(SubscriberDirectoryWorkflow.snapshot, None)
    assert (snapshot.http_clients, list(snapshot.subscribers or {})) == ({}, ["ops"])


async def test_the_directory_refuses_in_the_validator_so_that_history_holds_only_changes(
    client: Client, queue: str
) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(), id=f"subscribers-{queue}", task_queue=queue
    )
    entity: WorkflowHandle[SubscriberDirectoryWorkflow, Any] = client.get_workflow_handle(handle.id)
    new = NewSubscriber(name="one", url="https://a.example")
    await entity.execute_update(SubscriberDirectoryWorkflow.add, new)
    before = (await handle.describe()).history_length
    with pytest.raises(WorkflowUpdateFailedError) as exists:
        await entity.execute_update(SubscriberDirectoryWorkflow.add, new)
    with pytest.raises(WorkflowUpdateFailedError) as missing:
        await entity.execute_update(SubscriberDirectoryWorkflow.remove, "two")
    assert (refusal(exists.value), refusal(missing.value)) == ("subscriber_exists", "subscriber_not_found")
    assert (await handle.describe()).history_length == before


async def test_a_directory_that_would_pass_two_mebibytes_refuses_the_add(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(), id=f"subscribers-{queue}", task_queue=queue
    )
    entity: WorkflowHandle[SubscriberDirectoryWorkflow, Any] = client.get_workflow_handle(handle.id)
    big = "x" * 450_000
    for number in range(4):
        await entity.execute_update(
            SubscriberDirectoryWorkflow.add,
            NewSubscriber(name=f"big{number}", url="https://a.example", sealed_headers=big),
        )
    with pytest.raises(WorkflowUpdateFailedError) as full:
        await entity.execute_update(
            SubscriberDirectoryWorkflow.add,
            NewSubscriber(name="last", url="https://a.example", sealed_headers=big),
        )
    assert refusal(full.value) == "directory_full"
    snapshot = await entity.query(SubscriberDirectoryWorkflow.snapshot, None)
    assert len(snapshot.subscribers or {}) == 4


async def test_a_known_version_is_answered_without_subscribers(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(directory=Directory(version=7)), id=queue, task_queue=queue
    )
    entity: WorkflowHandle[SubscriberDirectoryWorkflow, Any] = client.get_workflow_handle(handle.id)
    assert (await entity.query(SubscriberDirectoryWorkflow.snapshot, 7)).subscribers is None
    assert (await entity.query(SubscriberDirectoryWorkflow.snapshot, 6)).subscribers == {}


async def test_the_ledger_counts_every_signal_across_runs(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        DeliveryLedgerWorkflow.run, LedgerState(), id=f"ledger-{queue}", task_queue=queue
    )
    entity: WorkflowHandle[DeliveryLedgerWorkflow, Any] = client.get_workflow_handle(handle.id)
    entry = LedgerEntry(subscriber="a", report=Report.DELIVERED, at=datetime.now(UTC), duration_ms=3)
    failure = entry.model_copy(update={"report": Report.FAILED, "error": "HTTP 404 Not Found"})
    batch = LedgerBatch(entries=[entry, entry, failure])

    async def one_process() -> None:
        for _ in range(50):
            await entity.signal(DeliveryLedgerWorkflow.record, batch)

    await asyncio.gather(*(one_process() for _ in range(3)))
    counters = (await entity.query(DeliveryLedgerWorkflow.health, "a"))["a"]
    assert (counters.delivered, counters.failed, counters.streak) == (300, 150, 1)
    await eventually(lambda: has_runs(client, handle))
    await entity.signal(DeliveryLedgerWorkflow.forget, "a")
    assert await entity.query(DeliveryLedgerWorkflow.health, None) == {}


async def test_incident_numbers_never_repeat(client: Client, queue: str) -> None:
    handle = await client.start_workflow(IncidentNumbersWorkflow.run, NumbersState(), id=f"n-{queue}", task_queue=queue)
    entity: WorkflowHandle[IncidentNumbersWorkflow, Any] = client.get_workflow_handle(handle.id)
    numbers = [await entity.execute_update(IncidentNumbersWorkflow.next, f"key-{n}") for n in range(40)]
    assert numbers == list(range(1, 41))
    await eventually(lambda: has_runs(client, handle))
    assert await entity.execute_update(IncidentNumbersWorkflow.next, "key-7") == 8


async def started(client: Client, queue: str, event_id: str | None = None) -> WorkflowHandle[IncidentWorkflow, object]:
    declaration = Declaration(title="it burns", severity=Severity.SEV_1, actor="ada")
    handle = await client.start_workflow(
        IncidentWorkflow.run,
        IncidentInput(incident_id="INC-9", declaration=declaration, event_id=event_id),
        id=f"incident/{uuid.uuid4()}",
        task_queue=queue,
    )
    return client.get_workflow_handle_for(IncidentWorkflow.run, handle.id)


async def act(handle: WorkflowHandle[IncidentWorkflow, object], action: Action, note: str | None = None) -> None:
    await handle.execute_update("change", Change(action=action, actor="ada", note=note))


async def test_every_step_is_told_in_order_and_a_closed_incident_ends(
    client: Client, queue: str, outbox: Outbox
) -> None:
    handle = await started(client, queue)
    outbox.failures = 2
    await act(handle, Action.ACKNOWLEDGE)
    await act(handle, Action.NOTE, "looking")
    for action in (Action.MITIGATE, Action.RESOLVE, Action.CLOSE):
        await act(handle, action)
    await handle.result()
    steps = ["declared", "acknowledged", "note_added", "mitigated", "resolved", "closed"]
    assert [event.type for event in outbox.emitted] == [f"im.incident.{step}.v1" for step in steps]
    assert outbox.emitted[2].data["note"] == "looking"


async def test_events_have_the_ids_that_came_with_what_they_tell(client: Client, queue: str, outbox: Outbox) -> None:
    handle = await started(client, queue, event_id="evt_declared")
    await handle.execute_update("change", Change(action=Action.NOTE, actor="ada", note="x", event_id="evt_note"))
    await act(handle, Action.RESOLVE)
    assert [event.id for event in outbox.emitted[:2]] == ["evt_declared", "evt_note"]
    assert made_at(outbox.emitted[2].id) is not None
    incident = await handle.query(IncidentWorkflow.incident)
    assert [entry.event_id for entry in incident.timeline] == [event.id for event in outbox.emitted]


async def test_what_was_emitted_before_is_told_from_what_somebody_else_published_under_its_id(client: Client) -> None:
    await add_search_attributes(client)
    publisher = Publisher(client, publishing=True)
    ours, theirs = make_event(id="ours", time="2025-12-26T14:30:00Z"), make_event(id="theirs", data={"forged": True})
    assert not (await publisher.emit(ours)).duplicate
    repeated = await publisher.emit(make_event(id="ours", time="2025-12-26T14:30:04Z"))
    assert (repeated.published, repeated.duplicate) == (True, True)
    await publisher.publish(theirs, alone=True)
    with pytest.raises(EventConflictError):
        await publisher.emit(make_event(id="theirs"))


async def test_an_import_replaces_nothing_that_was_changed_since_it_looked(client: Client, queue: str) -> None:
    handle = await client.start_workflow(
        SubscriberDirectoryWorkflow.run, DirectoryState(), id=f"d-{queue}", task_queue=queue
    )

    async def imported(instead_of: str | None, types: str) -> str | None:
        placed = PlacedSubscriber(**(seen.model_dump() | {"types": (types,)}), instead_of=instead_of)
        try:
            await handle.execute_update(SubscriberDirectoryWorkflow.put_subscriber, placed)
        except WorkflowUpdateFailedError as error:
            return refusal(error)
        return None

    seen = await handle.execute_update(
        SubscriberDirectoryWorkflow.add, NewSubscriber(name="a", url="https://example.com/", types=("**",))
    )
    by_hand = SubscriberChange(name="a", types=("by.hand",))
    changed = await handle.execute_update(SubscriberDirectoryWorkflow.change, by_hand)
    assert await imported(stamp(seen), "by.import") == "invalid_request"
    assert await imported(stamp(None), "by.import") == "invalid_request"
    assert await imported(stamp(changed), "by.import") is None
    snapshot = await handle.query(SubscriberDirectoryWorkflow.snapshot, None)
    assert snapshot.subscribers is not None
    assert snapshot.subscribers["a"].types == ("by.import",)
    assert await imported(None, "by.older") is None  # an importer that does not say what it saw


async def test_an_illegal_step_is_refused_with_what_is_allowed(client: Client, queue: str) -> None:
    handle = await started(client, queue)
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await act(handle, Action.CLOSE)
    assert refusal(refused.value) == "illegal_transition"
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.details[0]["allowed"] == "acknowledge, mitigate, resolve, note"


async def test_an_incident_with_a_long_story_continues_as_new(client: Client, queue: str, outbox: Outbox) -> None:
    handle = await started(client, queue)
    for number in range(30):
        await act(handle, Action.NOTE, f"note {number}")
    incident = await handle.query(IncidentWorkflow.incident)
    assert incident.status is Status.DECLARED
    assert len(incident.timeline) == 31
    assert len(outbox.emitted) == 31
    await eventually(lambda: has_runs(client, handle))


async def test_with_publishing_off_the_timeline_says_that_nothing_was_emitted(
    client: Client, queue: str, outbox: Outbox
) -> None:
    outbox.publishing = False
    handle = await started(client, queue)
    incident: Incident = await handle.execute_update("declared", result_type=Incident)
    assert incident.timeline[0].published is False
