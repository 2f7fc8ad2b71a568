"""Records the histories that `test_replay.py` replays: ``python -m tests.replay.record [CASE...]``; all without cases.

Run it after a change of a workflow that is meant to be incompatible (and is not in production anywhere), or to add a
case; a change that runs beside its predecessor is patched instead (CONTRIBUTING.md). Names of machines and processes
are taken out.
"""

import asyncio
import json
import os
import re
import sys
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from domain.alarms import AlarmSeverity, Identity
from domain.events import CloudEvent
from domain.heartbeats import BeatKind
from domain.incidents import Action, Change, Declaration, Severity
from domain.tasks import EventInput
from service.replay_views import ReplayOptions
from tests.support import zeebe_records
from tests.support.platform import TOKEN, Platform, temporal_dev_server
from tests.support.sink import Answer, Sink, SlowAnswer
from workflows import listed, names

FOLDER = Path(__file__).parent / "histories"


async def main() -> None:
    """Start a platform, live through each case, and save what Temporal recorded."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        async with temporal_dev_server(folder, ["limit.historyCount.suggestContinueAsNew=40"]) as temporal:
            platform = await Platform.over(temporal, folder)
            async with platform.process("serve") as serve, Sink() as sink:
                headers = {"Authorization": f"Bearer {TOKEN}"}
                async with httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=30) as platform.api:
                    await live(platform, sink)
            async with platform.process("worker"):
                await unknown_heartbeat(platform)


async def live(platform: Platform, sink: Sink) -> None:
    """Every case; each saves one history."""
    await tokens(platform)
    await paused(platform, sink)
    await telling(platform, sink)
    await one_event(platform, sink, "event-delivered", Answer(200))
    await one_event(platform, sink, "event-retried", Answer(503), Answer(503), Answer(200))
    await one_event(platform, sink, "event-failed", Answer(404))
    await one_event(platform, sink, "event-adopted", SlowAnswer(0.6))
    await save(platform, "event-unmatched", f"event/{await emit(platform, 'replay.nobody.v1')}")
    await crowd(platform, sink, "event-crowd", Answer(500), Answer(200))
    await crowd(platform, sink, "event-crowd-aloft", SlowAnswer(3.0))
    await burst(platform, sink, "event-burst", Answer(200), Answer(503), Answer(200))
    await burst(platform, sink, "event-burst-aloft", SlowAnswer(3.0))
    await burst(platform, sink, "event-burst-in-turns", Answer(200), Answer(503), Answer(200))
    await incident(platform)
    await heartbeat(platform, sink)
    await changed_heartbeat(platform)
    await ordered(platform, sink)
    await held(platform, sink)
    await parts(platform, sink)
    await limited(platform, sink)
    await zeebe(platform)
    await alarm(platform)
    await replays(platform, sink)
    for number in range(20):
        await platform.gateway.subscribers.update("event-delivered", enabled=bool(number % 2))
    for entity in (names.DIRECTORY_ID, names.LEDGER_ID, names.INCIDENT_NUMBERS_ID, names.SOURCES_ID):
        await save(platform, entity, entity)
    write_incompatible()


async def tokens(platform: Platform) -> None:
    """Before anything else is in the registry, so that its first run has them all."""
    made = await platform.gateway.tokens.create("recorded", ["read"], expires=timedelta(days=1), rate_limit="9/s")
    await platform.gateway.tokens.create("revoked", ["publish", "manage"])
    await platform.gateway.tokens.revoke("revoked")
    headers = {"Authorization": f"Bearer {made.token}"}
    assert (await platform.api.get("/api/v1/subscribers", headers=headers)).status_code == 200
    await asyncio.sleep(3)  # its use is told after a second
    await save(platform, "sources-tokens", names.SOURCES_ID)


async def one_event(platform: Platform, sink: Sink, case: str, *answers: Any) -> None:
    sink.script(*answers, path=f"/{case}")
    await platform.gateway.subscribers.add(case, sink.url(f"/{case}"), types=[f"replay.{case}.v1"])
    await save(platform, case, f"event/{await emit(platform, f'replay.{case}.v1')}")


async def crowd(platform: Platform, sink: Sink, case: str, *answers: Any) -> None:
    sink.script(*answers, path=f"/{case}")
    for place in range(18):
        await platform.gateway.subscribers.add(f"{case}-{place}", sink.url(f"/{case}"), types=[f"replay.{case}.v1"])
    await save(platform, case, f"event/{await emit(platform, f'replay.{case}.v1')}")


async def burst(platform: Platform, sink: Sink, case: str, *answers: Any) -> None:
    sink.script(*answers, path=f"/{case}")
    await platform.gateway.subscribers.add(case, sink.url(f"/{case}"), types=[f"replay.{case}.v1"])
    events = [CloudEvent(id=f"evt_{case}_{n}", source="/replay", type=f"replay.{case}.v1") for n in range(3)]
    handle = await platform.client.start_workflow(
        "EventWorkflow",
        EventInput(events=events),
        id=f"events/{case}",
        task_queue=names.EVENTS_QUEUE,
        search_attributes=listed.event_attributes(events),
    )
    await handle.result()
    await save(platform, case, handle.id)


async def incident(platform: Platform) -> None:
    await platform.im("incident", "declare", "--title", "recorded", "--severity", "SEV-3", "--actor", "ada")
    for step in ("acknowledge", "mitigate", "resolve", "close"):
        await platform.im("incident", step, "INC-1", "--actor", "ada")
    for case in ("incident-closed", "incident-dated-ids"):
        await save(platform, case, names.incident_workflow_id("INC-1"))


async def alarm(platform: Platform) -> None:
    """Raised, repeated, changed, cleared, and so on, into a second run."""
    alarms = platform.gateway.alarms
    identity = Identity(alarm_type="expiry", resource_type="certificate", resource_id="recorded")
    said = [AlarmSeverity.MINOR, AlarmSeverity.MINOR, AlarmSeverity.CRITICAL, AlarmSeverity.CLEARED] * 3
    for severity in said:
        await alarms.upsert(identity, severity, brief_description=severity)
    alarm_id = alarms.id_of(identity)
    await alarms.change(alarm_id, severity=AlarmSeverity.MAJOR, last_updated=datetime(2025, 12, 26, tzinfo=UTC))
    for case in ("alarm", "alarm-dated-ids"):
        await save(platform, case, names.alarm_workflow_id(alarm_id))


async def replays(platform: Platform, sink: Sink) -> None:
    """One that ends in a further run, and one that is cancelled."""
    await platform.gateway.subscribers.add("replays", sink.url("/replays"), types=["replay.replays.v1"])
    for _ in range(12):
        await platform.emit("replay.replays.v1")
    await asyncio.sleep(2)
    ended = await platform.gateway.replays.start(ReplayOptions(subscriber="replays", rate="2/s"))
    stopped = await platform.gateway.replays.start(ReplayOptions(to="replays", rate="1/s"))
    await asyncio.sleep(2)
    await platform.gateway.replays.cancel(stopped.id)
    await asyncio.sleep(8)
    for case, replay in (("replay", ended), ("replay-cancelled", stopped)):
        await save(platform, case, names.replay_workflow_id(replay.id))


async def heartbeat(platform: Platform, sink: Sink) -> None:
    """One is missed, and goes on in a new run; one fails, is beaten, paused, resumed and removed."""
    watched, second = platform.gateway.heartbeats, timedelta(seconds=1)
    await watched.add("missed", every=second, grace=timedelta(), ping_url=sink.url("/heartbeat"))
    for kind in (BeatKind.START, BeatKind.SUCCESS):
        await watched.beat("missed", kind)
        await asyncio.sleep(0.3)
    await asyncio.sleep(2)
    await watched.remove("missed")
    await save(platform, "heartbeat-missed", names.heartbeat_workflow_id("missed"))
    await watched.add("failed", every=second, grace=timedelta())
    for kind in (BeatKind.FAIL, BeatKind.SUCCESS):
        await watched.beat("failed", kind)
        await asyncio.sleep(0.5)
    await watched.pause("failed")
    await watched.resume("failed")
    await watched.remove("failed")
    await save(platform, "heartbeat-failed", names.heartbeat_workflow_id("failed"))


async def changed_heartbeat(platform: Platform) -> None:
    """Its timer is of an hour when it is to be heard every second; it is missed."""
    watched, name = platform.gateway.heartbeats, "updated"
    await watched.add(name, every=timedelta(hours=1), grace=timedelta())
    await watched.beat(name)
    await asyncio.sleep(0.5)
    await watched.update(name, every=timedelta(seconds=1), severity=Severity.SEV_3)
    await asyncio.sleep(3)
    await watched.update(name, every=timedelta(hours=1))
    await watched.remove(name)
    await save(platform, "heartbeat-updated", names.heartbeat_workflow_id(name))


async def ordered(platform: Platform, sink: Sink) -> None:
    """A retried event, and the one behind it that waits for its turn."""
    sink.script(Answer(503), Answer(200), path="/ordered")
    types = ["im.incident.declared.v1", "im.incident.resolved.v1"]
    await platform.gateway.subscribers.add("ordered", sink.url("/ordered"), types=types, ordered=True)
    declaration = Declaration(title="in order", severity=Severity.SEV_2, actor="ada")
    found = await platform.gateway.incidents.declare(declaration)
    found = await platform.gateway.incidents.change(found.id, Change(action=Action.RESOLVE, actor="ada"))
    await asyncio.sleep(4)
    for kind in ("event-", "event-in-turn-"):
        for case, entry in zip(("ordered", "behind"), found.timeline, strict=True):
            await save(platform, kind + case, f"event/{entry.event_id}")
    await save(platform, "lane", names.lane_workflow_id("ordered", found.id))


async def held(platform: Platform, sink: Sink) -> None:
    """A batch whose places are held, for one that is paused: released before its turn, by a drain asked for twice."""
    subscribers = platform.gateway.subscribers
    await subscribers.add("held", sink.url("/held"), types=["replay.held.v1"], ordered=True)
    await subscribers.pause("held")
    events = [
        CloudEvent(id=f"evt_held_{n}", source="/replay", type="replay.held.v1", extensions={"imincidentid": "INC-held"})
        for n in range(3)
    ]
    shared = await platform.client.start_workflow(
        "EventWorkflow",
        EventInput(events=events),
        id="events/held",
        task_queue=names.EVENTS_QUEUE,
        search_attributes=listed.event_attributes(events),
    )
    await shared.result()
    await asyncio.sleep(3)
    await subscribers.resume("held")
    await asyncio.sleep(0.5)
    await subscribers.resume("held")
    await asyncio.sleep(8)
    await save(platform, "event-places-held", shared.id)
    assert shared.result_run_id
    behind = names.continued_workflow_id(events[-1], shared.result_run_id)
    await save(platform, "event-released-in-line", behind)
    await save(platform, "lane-held", names.lane_workflow_id("held", "INC-held"))
    await save(platform, "drain-asked-again", names.drain_workflow_id("held"))


async def parts(platform: Platform, sink: Sink) -> None:
    """Two workflows of several events, one behind the other, and a single event behind both."""
    await platform.gateway.subscribers.add("parts", sink.url("/parts"), types=["replay.parts.v1"], ordered=True)
    behind: list[str] = []
    for name, count in (("events/parts-1", 2), ("events/parts-2", 2), ("event/parts-3", 1)):
        events = [
            CloudEvent(
                id=f"evt_{name}_{n}", source="/replay", type="replay.parts.v1", extensions={"imincidentid": "INC-parts"}
            )
            for n in range(count)
        ]
        await platform.client.start_workflow(
            "EventWorkflow",
            EventInput(events=events, behind=behind, each_behind={"INC-parts": behind}),
            id=name,
            task_queue=names.EVENTS_QUEUE,
            search_attributes=listed.event_attributes(events),
        )
        behind = [*behind, name]
    await asyncio.sleep(8)
    await save(platform, "lane-behind-parts", names.lane_workflow_id("parts", "INC-parts"))


async def paused(platform: Platform, sink: Sink) -> None:
    """What waited is dropped, or delivered after a pause; and the drain that sees to it. Then one that is gone.

    Early, so that the directory's first run has it all.
    """
    await platform.gateway.subscribers.add("paused", sink.url("/paused"), types=["replay.paused.v1"])
    await platform.gateway.subscribers.pause("paused")
    old = await emit(platform, "replay.paused.v1")
    await asyncio.sleep(1)
    between = datetime.now(UTC)
    young = await emit(platform, "replay.paused.v1")
    await asyncio.sleep(2)
    await platform.gateway.subscribers.resume("paused", datetime.now(UTC) - between)
    await asyncio.sleep(45)  # until the drain has ended
    for case, event_id in (("event-dropped", old), ("event-paused", young)):
        await save(platform, case, f"event/{event_id}")
    await save(platform, "drain", names.drain_workflow_id("paused"))
    sink.script(Answer(410), path="/gone")
    await platform.gateway.subscribers.add("gone", sink.url("/gone"), types=["replay.gone.v1"])
    await emit(platform, "replay.gone.v1")
    await platform.gateway.subscribers.update("gone", enabled=True)
    await save(platform, "subscribers-paused", names.DIRECTORY_ID)


async def limited(platform: Platform, sink: Sink) -> None:
    """One that had a limit from the start, and one that got it while it waited for a retry."""
    sink.script(Answer(503), Answer(503), Answer(200), path="/limited")
    for case, rate in (("event-limited", "5/s"), ("event-moved", None)):
        await platform.gateway.subscribers.add(case, sink.url("/limited"), types=[f"replay.{case}.v1"], rate_limit=rate)
    events = [await platform.emit(f"replay.{case}.v1") for case in ("event-limited", "event-moved")]
    await platform.gateway.subscribers.update("event-moved", max_concurrency=1)
    await asyncio.sleep(6)
    for case, event_id in zip(("event-limited", "event-moved"), events, strict=True):
        await save(platform, case, f"event/{event_id}")
    await save(platform, "limiter", names.limiter_workflow_id("event-limited"))


async def telling(platform: Platform, sink: Sink) -> None:
    """Early, so that the first runs have it: one is found unhealthy, gets a new secret, recovers, and is paused."""
    subscribers, name = platform.gateway.subscribers, "event-exhausted"
    sink.script(Answer(404), Answer(200), Answer(404), path=f"/{name}")
    await subscribers.add("watcher", sink.url("/watcher"), types=["im.subscriber.**", "im.delivery.**"])
    await subscribers.add(name, sink.url(f"/{name}"), types=[f"replay.{name}.v1"], pause_after_seconds=1)
    failed = await emit(platform, f"replay.{name}.v1")
    await subscribers.update(name, generate_secret=True)
    await emit(platform, f"replay.{name}.v1")
    await asyncio.sleep(11)  # its recovery is held for ten seconds
    for _ in range(3):  # fails for longer than a second
        await emit(platform, f"replay.{name}.v1")
    await save(platform, name, f"event/{failed}")
    for entity in (names.DIRECTORY_ID, names.LEDGER_ID):
        await save(platform, f"{entity}-telling", entity)


async def zeebe(platform: Platform) -> None:
    """A cluster whose incidents come, are counted, and go."""
    await platform.gateway.zeebe.add_cluster("recorded", no_token=True, group_by="element")
    for key in range(3):
        await platform.gateway.zeebe.accept_as("recorded", zeebe_records.ndjson(zeebe_records.incident(key=key + 1)))
    await asyncio.sleep(11)  # counts are told every ten seconds
    for key in range(3):
        ended = zeebe_records.incident(key=key + 1, intent="RESOLVED", timestamp=1766759500000, position=9000 + key)
        await platform.gateway.zeebe.accept_as("recorded", zeebe_records.ndjson(ended))
    await asyncio.sleep(2)
    await save(platform, "zeebe-cluster", names.cluster_workflow_id("recorded"))


async def unknown_heartbeat(platform: Platform) -> None:
    """Its deadline passes while nobody serves the API."""
    watched = platform.gateway.heartbeats
    await watched.add("unknown", every=timedelta(seconds=1), grace=timedelta())
    await watched.beat("unknown")
    await asyncio.sleep(10)
    await save(platform, "heartbeat-unknown", names.heartbeat_workflow_id("unknown"))


async def emit(platform: Platform, event_type: str) -> str:
    event_id = await platform.emit(event_type)
    await asyncio.sleep(4 if "retried" in event_type or "crowd" in event_type else 1)
    return event_id


async def save(platform: Platform, case: str, prefix: str) -> None:
    """Save the history of the workflow whose id begins so, if it was asked for."""
    if sys.argv[1:] and case not in sys.argv[1:]:
        return
    found = [run async for run in platform.client.list_workflows() if run.id.startswith(prefix)]
    runs = [run for run in found if "/event/" not in run.id] or found
    oldest = min(runs, key=lambda run: run.start_time)
    handle = platform.client.get_workflow_handle(oldest.id, run_id=oldest.run_id)
    history = json.loads((await handle.fetch_history()).to_json())
    text = json.dumps({"workflow_id": oldest.id, "history": scrubbed(history)}, indent=1)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / f"{case}.json").write_text(text + "\n")
    print(case, len(text))  # noqa: T201 - a script


def scrubbed(value: Any) -> Any:
    """The same history without the names of machines, processes and binaries."""
    if isinstance(value, dict):
        return {key: "worker" if key == "identity" else scrubbed(child) for key, child in value.items()}
    if isinstance(value, list):
        return [scrubbed(child) for child in value]
    if isinstance(value, str):
        return re.sub(rf"\b\d*@?{re.escape(os.uname().nodename)}\b", "worker", value)
    return value


def write_incompatible() -> None:
    """A history of a workflow that called another activity: what an unpatched change would meet."""
    text = (FOLDER / "event-retried.json").read_text()
    (FOLDER / "incompatible.json").write_text(text.replace('"name": "deliver"', '"name": "deliver_by_pigeon"'))


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
