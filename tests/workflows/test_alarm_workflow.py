"""AlarmWorkflow on a real server: one alarm however many raise it, each flip told once and in order, state kept."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WithStartWorkflowOperation, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.emission import EmissionActivities
from domain.alarms import AlarmSeverity, Observation, Observed, Outcome
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from service.temporal import DATA_CONVERTER
from tests.support.alarms import IDENTITY
from tests.support.eventually import eventually, within
from tests.support.platform import temporal_dev_server
from tests.support.workers import Worker
from workflows import names, policies
from workflows.alarm import AlarmInput, AlarmWorkflow

MAJOR, CRITICAL, CLEARED = AlarmSeverity.MAJOR, AlarmSeverity.CRITICAL, AlarmSeverity.CLEARED


class Outbox:
    """What was emitted, each with the workflow that it comes after; away for a while if told so."""

    def __init__(self) -> None:
        self.emitted: list[tuple[CloudEvent, list[str]]] = []
        self.failures = 0
        self.publishing = True

    async def publish(self, event: CloudEvent, after: list[str]) -> PublishReceipt:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("Temporal is away")
        if self.publishing:
            self.emitted.append((event, after))
        return PublishReceipt(event_id=event.id, published=self.publishing)

    @property
    def said(self) -> list[tuple[str, str]]:
        return [(event.type.split(".")[2], event.data["severity"]) for event, _ in self.emitted]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder: Path = tmp_path_factory.mktemp("alarms")
    async with temporal_dev_server(folder, ["limit.historyCount.suggestContinueAsNew=60"]) as server:
        found = await Client.connect(server.address, data_converter=DATA_CONVERTER)
        yield found


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


class Desk:
    """Says things of one alarm."""

    def __init__(self, client: Client, queue: str) -> None:
        self._client, self._queue = client, queue
        self.alarm_id = f"id-{uuid.uuid4()}"

    @property
    def handle(self) -> WorkflowHandle[AlarmWorkflow, Any]:
        return self._client.get_workflow_handle_for(AlarmWorkflow.run, names.alarm_workflow_id(self.alarm_id))

    async def say(self, severity: AlarmSeverity | None, **parts: Any) -> Observed:
        seen = Observation(alarm_id=self.alarm_id, identity=IDENTITY, severity=severity, **parts)
        start = WithStartWorkflowOperation(
            AlarmWorkflow.run,
            AlarmInput(alarm_id=self.alarm_id),
            id=names.alarm_workflow_id(self.alarm_id),
            task_queue=self._queue,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        )
        observed: Observed = await self._client.execute_update_with_start_workflow(
            "observe", seen, start_workflow_operation=start, result_type=Observed
        )
        return observed

    async def has_further_runs(self) -> bool:
        return len([run async for run in self._client.list_workflows(f"WorkflowId = '{self.handle.id}'")]) > 1


@pytest_asyncio.fixture(loop_scope="session")
async def desk(client: Client, outbox: Outbox) -> AsyncIterator[Desk]:
    queue = str(uuid.uuid4())
    async with Worker(
        client,
        task_queue=queue,
        workflows=[AlarmWorkflow],
        activities=[EmissionActivities(outbox.publish).publish_event],
        workflow_runner=UnsandboxedWorkflowRunner(),  # as in production, and so that a test can shorten a wait
    ):
        yield Desk(client, queue)


async def test_each_flip_is_told_once_in_order_and_says_what_it_comes_after(desk: Desk, outbox: Outbox) -> None:
    outbox.failures = 2
    severities = (MAJOR, MAJOR, CRITICAL, CLEARED, CLEARED, MAJOR)
    outcomes = [(await desk.say(severity)).outcome for severity in severities]
    assert outcomes == ["raised", "unchanged", "changed", "cleared", "unchanged", "raised"]
    assert outbox.said == [("raised", "MAJOR"), ("changed", "CRITICAL"), ("cleared", "CLEARED"), ("raised", "MAJOR")]
    events = [event for event, _ in outbox.emitted]
    told = [names.event_workflow_id(event) for event in events]
    assert [after for _, after in outbox.emitted] == [told[:place][-10:] for place in range(len(told))]
    assert {event.source for event in events} == {f"/alarms/{desk.alarm_id}"}
    assert len({event.id for event in events}) == 4
    stamps = [event.data["last_updated"] for event in events]
    assert stamps == sorted(set(stamps))


async def test_many_first_raises_make_one_alarm_and_one_event(desk: Desk, outbox: Outbox) -> None:
    said = await asyncio.gather(*(desk.say(MAJOR) for _ in range(8)))
    assert sorted(one.outcome for one in said) == [Outcome.RAISED] + [Outcome.UNCHANGED] * 7
    assert sum(one.created for one in said) == 1
    assert outbox.said == [("raised", "MAJOR")]
    assert len({one.alarm.last_updated for one in said}) == 8


async def test_an_event_holds_the_state_that_it_tells_however_late_it_is_emitted(desk: Desk, outbox: Outbox) -> None:
    outbox.failures = 3
    await asyncio.gather(
        desk.say(MAJOR, brief_description="first"),
        eventually(lambda: outbox.failures < 3),
    )
    await asyncio.gather(*(desk.say(severity, brief_description=severity) for severity in (CRITICAL, CLEARED)))
    told = [event.data["description"]["brief_description"] for event, _ in outbox.emitted]
    assert told[0] == "first"
    assert [event.data["severity"] for event, _ in outbox.emitted][1:] == told[1:]


async def test_what_is_older_changes_nothing_and_says_so(desk: Desk, outbox: Outbox) -> None:
    first = await desk.say(MAJOR)
    for late in (timedelta(), timedelta(seconds=1)):
        answer = await desk.say(CLEARED, last_updated=first.alarm.last_updated - late)
        assert (answer.outcome, answer.alarm) == ("outdated", first.alarm)
    assert outbox.said == [("raised", "MAJOR")]


async def test_a_known_alarm_needs_no_identity_and_an_unknown_one_is_refused(desk: Desk, client: Client) -> None:
    seen = Observation(alarm_id=desk.alarm_id, severity=CLEARED)
    await client.start_workflow(
        AlarmWorkflow.run, AlarmInput(alarm_id=desk.alarm_id), id=desk.handle.id, task_queue=desk._queue
    )
    with pytest.raises(WorkflowUpdateFailedError) as refused:
        await desk.handle.execute_update("observe", seen)
    assert isinstance(refused.value.cause, ApplicationError)
    assert refused.value.cause.type == "alarm_not_found"
    await desk.say(MAJOR)
    answer: Observed = await desk.handle.execute_update("observe", seen, result_type=Observed)
    assert answer.outcome is Outcome.CLEARED


async def test_a_long_story_continues_as_new_and_nothing_is_forgotten(desk: Desk, outbox: Outbox) -> None:
    for number in range(20):
        await desk.say(CRITICAL if number % 2 else MAJOR, brief_description=f"{number}")
    await eventually(desk.has_further_runs)
    alarm = await desk.handle.query(AlarmWorkflow.alarm)
    assert alarm is not None
    assert (alarm.brief_description, alarm.observed_count, alarm.raised_count) == ("19", 20, 1)
    assert len(outbox.emitted) == 20
    assert all(after for _, after in outbox.emitted[1:])
    found = await desk.handle.describe()
    assert (await found.memo_value(names.ALARM_MEMO))["brief_description"] == "19"
    assert found.typed_search_attributes[names.ALARM_SEVERITY] == "CRITICAL"


async def test_a_cleared_alarm_is_forgotten_in_the_end_and_raised_again_later_than_before(
    desk: Desk, outbox: Outbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "FORGET_CLEARED", timedelta(seconds=2))
    await desk.say(MAJOR)
    cleared = await desk.say(CLEARED)
    await desk.handle.result()
    again = await desk.say(MAJOR)
    assert (again.outcome, again.created, again.alarm.alarm_id) == ("raised", True, desk.alarm_id)
    assert again.alarm.last_updated > cleared.alarm.last_updated
    assert outbox.said == [("raised", "MAJOR"), ("cleared", "CLEARED"), ("raised", "MAJOR")]


async def test_a_raised_alarm_is_not_forgotten(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "FORGET_CLEARED", timedelta(seconds=1))
    await desk.say(MAJOR)
    await desk.say(CLEARED)
    await desk.say(MAJOR)
    with pytest.raises(TimeoutError):
        await within(1, desk.handle.result())
    assert (await desk.say(CLEARED)).outcome is Outcome.CLEARED


async def test_with_publishing_off_the_answer_says_that_nobody_was_told(desk: Desk, outbox: Outbox) -> None:
    outbox.publishing = False
    assert (await desk.say(MAJOR)).published is False
    outbox.publishing = True
    assert (await desk.say(CLEARED)).published is True
    assert outbox.said == [("cleared", "CLEARED")]


async def test_a_workflow_that_never_hears_of_its_alarm_ends(
    desk: Desk, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "FIRST_OBSERVATION", timedelta(seconds=1))
    handle = await client.start_workflow(
        AlarmWorkflow.run, AlarmInput(alarm_id=desk.alarm_id), id=desk.handle.id, task_queue=desk._queue
    )
    assert await handle.result() is None
