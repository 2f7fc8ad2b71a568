"""HeartbeatWorkflow where time is skipped: deadlines, incidents, pings, and outages of our own; run in the sandbox."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment

from activities.emission import EmissionActivities
from activities.heartbeats import DoorActivities, HeartbeatActivities
from activities.incidents import IncidentActivities
from activities.sealing import Keyring, ping_url_purpose
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.errors import TemporalUnavailableError
from domain.events import CloudEvent
from domain.heartbeats import Beat, BeatKind, HeartbeatState, Status
from domain.incidents import Action, Change, Declaration, Incident, apply_change, check_change, declare
from domain.receipts import PublishReceipt
from domain.resealing import Resealing
from domain.sources import HeartbeatConfig
from service.temporal import DATA_CONVERTER
from tests.support.builders import NOW, make_keyring
from tests.support.eventually import eventually
from tests.support.platform import temporal_dev_server
from tests.support.sink import Answer, Sink
from tests.support.workers import Worker
from workflows import names
from workflows.heartbeat import HeartbeatInput, HeartbeatWorkflow

WATCHED = HeartbeatConfig(name="backup", every_seconds=60, grace_seconds=30, key_hash="", created_at=NOW)


@dataclass
class Surroundings:
    """Stands where the incidents, the pipeline and the door are; all of them can be away."""

    incidents: dict[str, Incident] = field(default_factory=dict)
    emitted: list[CloudEvent] = field(default_factory=list)
    declaring: bool = True
    clear_since: datetime = NOW
    asked: int = 0

    async def declare(self, declaration: Declaration, idempotency_key: str | None = None) -> Incident:
        if not self.declaring:
            raise TemporalUnavailableError(address="localhost", namespace="default", reason="away")
        assert idempotency_key is not None
        return self.incidents.setdefault(
            idempotency_key, declare(f"INC-{len(self.incidents) + 1}", declaration, NOW, "evt")
        )

    async def change(self, incident_id: str, change: Change) -> Incident:
        incident = next(one for one in self.incidents.values() if one.id == incident_id)
        check_change(incident, change)
        apply_change(incident, change, NOW, "evt")
        return incident

    async def observe(self, incident_id: str, details: dict[str, Any]) -> Incident:
        pytest.fail("nothing is observed")

    async def publish(self, event: CloudEvent, _behind: object) -> PublishReceipt:
        self.emitted.append(event)
        return PublishReceipt(event_id=event.id, published=True)

    def attest(self) -> datetime:
        self.asked += 1
        return self.clear_since

    def told(self) -> list[list[str]]:
        """The actions taken on each incident."""
        return [[entry.action.value for entry in incident.timeline] for incident in self.incidents.values()]


@dataclass
class Watched:
    """One heartbeat, of 60 s and a grace of 30 s, and the server's time."""

    environment: WorkflowEnvironment
    handle: WorkflowHandle[HeartbeatWorkflow, None]
    queue: str
    around: Surroundings

    async def state(self) -> HeartbeatState:
        return await self.handle.query(HeartbeatWorkflow.state)

    async def beat(self, kind: BeatKind = BeatKind.SUCCESS, note: str | None = None) -> datetime:
        at = await self.environment.get_current_time()
        await self.handle.signal(HeartbeatWorkflow.beat, Beat(kind=kind, at=at, note=note))
        return at

    async def skip(self, seconds: float) -> None:
        await self.environment.sleep(timedelta(seconds=seconds))

    async def becomes(self, status: Status) -> HeartbeatState:
        async def became() -> HeartbeatState | None:
            state = await self.state()
            return state if state.status is status else None

        return await eventually(became)


@asynccontextmanager
async def working(environment: WorkflowEnvironment, queue: str, around: Surroundings) -> AsyncIterator[None]:
    """Workers for heartbeats, but none at the door."""
    transport = GuardedTransport(AddressPolicy())
    incidents = IncidentActivities(around)
    pings = HeartbeatActivities(transport, make_keyring(), AddressPolicy())
    async with (
        Worker(
            environment.client,
            task_queue=queue,
            workflows=[HeartbeatWorkflow],
            activities=[
                incidents.declare_incident,
                incidents.resolve_incident,
                EmissionActivities(around.publish).publish_event,
            ],
        ),
        Worker(environment.client, task_queue=names.DELIVERIES_QUEUE, activities=[pings.send_ping, pings.log_unknown]),
    ):
        yield
    await transport.aclose()


def door(environment: WorkflowEnvironment, around: Surroundings) -> Worker:
    return Worker(environment.client, task_queue=names.DOORS_QUEUE, activities=[DoorActivities(around.attest).attest])


async def start(environment: WorkflowEnvironment, around: Surroundings, ping_url: str | None = None) -> Watched:
    queue = str(uuid.uuid4())
    sealed = make_keyring().seal(ping_url, ping_url_purpose("backup")) if ping_url else None
    config = WATCHED.model_copy(update={"sealed_ping_url": sealed})
    handle = await environment.client.start_workflow(
        HeartbeatWorkflow.run, HeartbeatInput(config=config), id=f"heartbeat/{queue}", task_queue=queue
    )
    typed = environment.client.get_workflow_handle_for(HeartbeatWorkflow.run, handle.id)
    return Watched(environment, typed, queue, around)


@pytest_asyncio.fixture(loop_scope="session")
async def watched(skipping: WorkflowEnvironment) -> AsyncIterator[Watched]:
    """A heartbeat with everything it needs."""
    around = Surroundings()
    found = await start(skipping, around)
    async with working(skipping, found.queue, around), door(skipping, around):
        yield found
    with suppress(RPCError):  # it has ended by itself
        await found.handle.terminate()


async def test_a_missed_beat_declares_once_and_the_next_beat_resolves_once(watched: Watched) -> None:
    await watched.skip(1000)
    assert (await watched.state()).status is Status.NEW
    await watched.beat()
    await watched.skip(80)
    await watched.beat()
    await watched.skip(80)
    assert watched.around.asked == 0, "no deadline passed"
    await watched.skip(3600)
    assert watched.around.told() == [["declare"]]
    assert (await watched.state()).incident_id == "INC-1"
    await watched.beat()
    await eventually(lambda: watched.around.told() == [["declare", "resolve"]])
    await watched.beat()
    state = await watched.state()
    assert (state.status, state.incident_id) == (Status.UP, None)
    await watched.skip(100)
    assert watched.around.told() == [["declare", "resolve"], ["declare"]]


async def test_an_alarm_comes_at_the_deadline(watched: Watched) -> None:
    beaten = await watched.beat()
    await watched.skip(300)
    down = (await watched.state()).changes[-1]
    assert down.status is Status.DOWN
    assert timedelta(seconds=90) <= down.at - beaten < timedelta(seconds=105)  # of the real clock, in part


async def test_a_shorter_time_is_not_waited_for_by_the_former_timer(watched: Watched) -> None:
    beaten = await watched.beat()
    await watched.becomes(Status.UP)
    shorter = WATCHED.model_copy(update={"every_seconds": 30, "grace_seconds": 0, "updated_at": beaten})
    state = await watched.handle.execute_update(HeartbeatWorkflow.change, shorter)
    assert state.deadline == beaten + timedelta(seconds=30)
    await watched.skip(300)
    down = (await watched.state()).changes[-1]
    assert down.status is Status.DOWN
    assert timedelta(seconds=30) <= down.at - beaten < timedelta(seconds=45)
    (incident,) = watched.around.incidents.values()
    assert incident.title.endswith("expected every 30s")


async def test_a_longer_time_that_is_changed_again_pages_once(watched: Watched) -> None:
    beaten = await watched.beat()
    await watched.becomes(Status.UP)
    for number, seconds in enumerate((600, 1200)):
        longer = WATCHED.model_copy(
            update={"every_seconds": seconds, "updated_at": beaten + timedelta(microseconds=number)}
        )
        await watched.handle.execute_update(HeartbeatWorkflow.change, longer)
    await watched.skip(1100)
    assert (await watched.state()).status is Status.UP
    await watched.skip(2000)
    assert watched.around.told() == [["declare"]]
    assert watched.around.asked == 1


async def test_a_failure_declares_at_once(watched: Watched) -> None:
    await watched.beat(BeatKind.FAIL, "exit status 3")
    await eventually(lambda: watched.around.told() == [["declare"]])
    assert "exit status 3" in next(iter(watched.around.incidents.values())).title
    await watched.skip(3600)
    await watched.beat(BeatKind.FAIL)
    await watched.beat()
    await eventually(lambda: watched.around.told() == [["declare", "resolve"]])


async def test_an_incident_resolved_by_hand_is_not_declared_again_until_a_beat_was_missed_again(
    watched: Watched,
) -> None:
    await watched.beat()
    await watched.skip(100)
    (incident,) = watched.around.incidents.values()
    await watched.around.change(incident.id, Change(action=Action.RESOLVE, actor="ada"))
    await watched.skip(3600)
    assert watched.around.told() == [["declare", "resolve"]]
    await watched.beat()
    await watched.becomes(Status.UP)
    await watched.skip(100)
    assert watched.around.told() == [["declare", "resolve"], ["declare"]]


async def test_a_beat_while_the_declaration_is_under_way_resolves_it_afterwards(watched: Watched) -> None:
    watched.around.declaring = False
    await watched.beat(BeatKind.FAIL)
    await watched.becomes(Status.DOWN)
    await watched.beat()
    await watched.becomes(Status.UP)
    watched.around.declaring = True
    await watched.skip(60)
    await eventually(lambda: watched.around.told() == [["declare", "resolve"]])


async def test_a_paused_heartbeat_is_silent_and_counts_from_its_resumption(watched: Watched) -> None:
    await watched.beat()
    paused = await watched.handle.execute_update(HeartbeatWorkflow.pause)
    assert paused.status is Status.PAUSED
    await watched.skip(3600)
    await watched.beat()
    assert (await watched.state()).status is Status.PAUSED
    await watched.handle.execute_update(HeartbeatWorkflow.resume)
    await watched.skip(85)
    assert watched.around.incidents == {}
    await watched.skip(10)
    await eventually(lambda: watched.around.told() == [["declare"]])
    await watched.handle.execute_update(HeartbeatWorkflow.pause)
    await eventually(lambda: watched.around.told() == [["declare", "resolve"]])


async def test_after_an_outage_of_our_own_one_period_is_given_and_it_is_told(watched: Watched) -> None:
    beaten = await watched.beat()
    watched.around.clear_since = beaten + timedelta(seconds=85)
    await watched.skip(95)
    state = await watched.state()
    assert (state.status, state.deadline) == (Status.UNKNOWN, beaten + timedelta(seconds=175))
    assert (watched.around.incidents, len(watched.around.emitted)) == ({}, 1)
    assert watched.around.emitted[0].type == "im.heartbeat.unknown.v1"
    watched.around.clear_since = beaten + timedelta(seconds=170)  # and again: this must not silence the alarm
    await watched.skip(90)
    assert watched.around.told() == [["declare"]]
    assert len(watched.around.emitted) == 1


async def test_without_a_door_it_is_asked_again_until_one_answers(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("workflows.policies.ATTEST_WAIT", timedelta(seconds=0.2))  # the server skips no activity's time
    around = Surroundings()
    watched = await start(skipping, around)
    async with working(skipping, watched.queue, around):
        beaten = await watched.beat()
        await watched.skip(300)
        assert ((await watched.state()).status, around.incidents) == (Status.UNKNOWN, {})
        around.clear_since = await skipping.get_current_time()
        async with door(skipping, around):
            await watched.skip(40)
            state = await watched.state()
            assert (state.status, state.deadline) == (Status.UNKNOWN, around.clear_since + timedelta(seconds=90))
            assert (state.unknown_since or beaten) < beaten + timedelta(seconds=100)
            await watched.skip(90)
            assert around.told() == [["declare"]]
    assert len(around.emitted) == 1
    await watched.handle.terminate()


@pytest.mark.parametrize(("last", "told"), [(-20, []), (-100, [["declare"]])])
async def test_beats_that_waited_for_a_worker_are_judged_by_their_own_time(
    skipping: WorkflowEnvironment, last: int, told: list[list[str]]
) -> None:
    around = Surroundings()
    watched = await start(skipping, around)
    now = await skipping.get_current_time()
    for seconds in (-500, -440, last, last - 30):  # the latest is not the last to arrive
        await watched.handle.signal(HeartbeatWorkflow.beat, Beat(at=now + timedelta(seconds=seconds)))
    async with working(skipping, watched.queue, around), door(skipping, around):
        await watched.skip(20)
        assert around.told() == told
        assert (await watched.state()).last_beat_at == now + timedelta(seconds=last)
    await watched.handle.terminate()


async def test_a_clock_that_is_set_back_an_hour_neither_pages_nor_hides_a_failure(watched: Watched) -> None:
    await watched.beat()
    for _ in range(4):
        await watched.skip(60)
        at = await watched.environment.get_current_time()
        await watched.handle.signal(HeartbeatWorkflow.beat, Beat(at=at - timedelta(hours=1)))
    assert watched.around.told() == []
    assert ((await watched.state()).last_beat_at or at) >= at
    await watched.handle.signal(HeartbeatWorkflow.beat, Beat(kind=BeatKind.FAIL, at=at - timedelta(hours=1)))
    await eventually(lambda: watched.around.told() == [["declare"]])


async def test_the_ping_url_is_told_of_beats_starts_failures_and_misses(skipping: WorkflowEnvironment) -> None:
    around = Surroundings()
    async with Sink() as sink:
        watched = await start(skipping, around, sink.url("/uuid"))
        async with working(skipping, watched.queue, around), door(skipping, around):
            for count, kind in enumerate((BeatKind.START, BeatKind.SUCCESS, BeatKind.FAIL, BeatKind.SUCCESS), start=1):
                await watched.skip(1)
                await watched.beat(kind)
                await sink.wait_for(count)
            await watched.skip(100)
            await sink.wait_for(5)
            said = [(request.method, request.path) for request in sink.received]
            assert said == [("GET", f"/uuid{end}") for end in ("/start", "", "/fail", "", "/fail")]
    await watched.handle.terminate()


async def test_a_ping_url_that_fails_is_tried_a_few_times_and_delays_nothing(skipping: WorkflowEnvironment) -> None:
    around = Surroundings()
    async with Sink() as sink:
        sink.script(Answer(503))
        watched = await start(skipping, around, sink.url("/uuid"))
        async with working(skipping, watched.queue, around), door(skipping, around):
            await watched.beat()
            await watched.skip(20)
            last = (await watched.state()).last_ping
            assert last is not None
            assert (last.kind, last.error) == (BeatKind.SUCCESS, "HTTP 503 Service Unavailable")
            assert len(sink.received) == 3
            await watched.skip(80)
            assert around.told() == [["declare"]]
    assert "uuid" not in (await watched.handle.fetch_history()).to_json()
    await watched.handle.terminate()


async def test_a_removed_heartbeat_resolves_its_incident_and_ends(watched: Watched) -> None:
    await watched.beat(BeatKind.FAIL)
    await eventually(lambda: watched.around.told() == [["declare"]])
    await watched.handle.signal(HeartbeatWorkflow.remove)
    await watched.handle.result()
    assert watched.around.told() == [["declare", "resolve"]]


def sealed_watch(sealed_ping_url: str | None) -> HeartbeatWorkflow:
    """The workflow of a heartbeat whose ping URL is sealed so."""
    config = HeartbeatConfig(
        name="h",
        every_seconds=60,
        grace_seconds=30,
        key_hash="0" * 64,
        sealed_ping_url=sealed_ping_url,
        created_at=NOW,
    )
    return HeartbeatWorkflow(HeartbeatInput(config=config))


def seal_anew(watch: HeartbeatWorkflow, *seals: str) -> None:
    """A rotation from each key to the next."""
    for old, new in pairwise(seals):
        watch.reseal_values(Resealing(values={f"sealed:v1:{old}": f"sealed:v1:{new}"}))


def test_a_heartbeat_that_was_added_anew_keeps_its_ping_url_when_the_former_ones_is_sealed_anew() -> None:
    watch = sealed_watch("sealed:v1:k1:new")
    seal_anew(watch, "k1:old", "k2:old")
    assert watch._heartbeat.config.sealed_ping_url == "sealed:v1:k1:new"
    seal_anew(watch, "k1:new", "k2:new")
    assert watch._heartbeat.config.sealed_ping_url == "sealed:v1:k2:new"


@pytest.mark.parametrize("first", [None, "sealed:v1:k1:url"])  # before the change it had no ping URL, or this one
@pytest.mark.parametrize("rotations", [["k1:url", "k2:url"], ["k1:url", "k2:url", "k3:url"]])
def test_a_change_that_is_told_after_its_ping_url_was_sealed_anew_does_not_undo_that(
    monkeypatch: pytest.MonkeyPatch, first: str | None, rotations: list[str]
) -> None:
    monkeypatch.setattr("workflows.heartbeat.workflow.now", lambda: NOW)
    monkeypatch.setattr(HeartbeatWorkflow, "_tell", lambda _self: None)
    watch = sealed_watch(first)
    seal_anew(watch, *rotations)
    changed = watch._heartbeat.config.model_copy(
        update={
            "every_seconds": 120,
            "sealed_ping_url": f"sealed:v1:{rotations[0]}",
            "updated_at": NOW + timedelta(seconds=1),
        }
    )
    HeartbeatWorkflow.change(watch, changed)
    assert watch._heartbeat.config == changed.model_copy(update={"sealed_ping_url": f"sealed:v1:{rotations[-1]}"})


def test_a_rotation_after_one_that_was_interrupted_reaches_the_heartbeat() -> None:
    watch = sealed_watch("sealed:v1:k1:url")
    seal_anew(watch, "k1:url", "k2:url")  # and the registry, told after it, was not
    seal_anew(watch, "k1:url", "k2:again", "k3:url")
    assert watch._heartbeat.config.sealed_ping_url == "sealed:v1:k3:url"


async def has_runs(client: Client, workflow_id: str) -> bool:
    return len([run async for run in client.list_workflows(f"WorkflowId = '{workflow_id}'")]) > 1


async def test_a_long_history_goes_on_in_a_new_run_with_what_is_still_to_be_done(tmp_path: Path) -> None:
    async with temporal_dev_server(tmp_path, ["limit.historyCount.suggestContinueAsNew=40"]) as server:
        client = await Client.connect(server.address, data_converter=DATA_CONVERTER)
        around = Surroundings(declaring=False)
        watched = await start(WorkflowEnvironment.from_client(client), around)
        async with working(watched.environment, watched.queue, around):
            await watched.beat(BeatKind.FAIL)
            for number in range(30):
                await watched.beat(BeatKind.LOG, str(number))
                await watched.state()  # so that each takes a workflow task
            await eventually(lambda: has_runs(client, watched.handle.id))
            assert (await watched.state()).last_note == "29"
            around.declaring = True
            await eventually(lambda: around.told() == [["declare"]])
            await watched.beat()
            await eventually(lambda: around.told() == [["declare", "resolve"]])
            state = await watched.state()
    assert ([change.status for change in state.changes], state.last_note) == ([Status.DOWN, Status.UP], None)


async def test_a_change_that_is_told_to_a_later_run_does_not_undo_the_rotation_before_it(tmp_path: Path) -> None:
    """The worker lacks the former key: it could not ping what is sealed with it."""
    purpose = ping_url_purpose("backup")
    async with (
        Sink() as sink,
        temporal_dev_server(tmp_path, ["limit.historyCount.suggestContinueAsNew=40"]) as server,
    ):
        client = await Client.connect(server.address, data_converter=DATA_CONVERTER)
        around = Surroundings()
        watched = await start(WorkflowEnvironment.from_client(client), around)
        former = Keyring([("former", bytes(32))]).seal(sink.url("/uuid"), purpose)
        values = {former: make_keyring().seal(sink.url("/uuid"), purpose)}
        async with working(watched.environment, watched.queue, around):
            await watched.handle.signal(HeartbeatWorkflow.reseal_values, Resealing(values=values))
            for number in range(30):
                await watched.beat(BeatKind.LOG, str(number))
                await watched.state()  # so that each takes a workflow task
            await eventually(lambda: has_runs(client, watched.handle.id))
            changed = WATCHED.model_copy(update={"sealed_ping_url": former, "updated_at": datetime.now(UTC)})
            await watched.handle.execute_update(HeartbeatWorkflow.change, changed)
            await watched.beat()
            await sink.wait_for(1)
