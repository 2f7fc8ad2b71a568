"""Bursts and batches on the real platform: everything arrives, nothing twice, every event is found by its id."""

import asyncio
import json
import uuid
from collections import Counter
from datetime import timedelta
from typing import Any

from domain.events import CloudEvent
from service.event_list import EventFilter
from service.event_rows import EventRow
from service.replay_views import ReplayOptions
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink, SlowAnswer
from workflows import policies

EVENTS = 300
A_MOMENT = timedelta(milliseconds=10)  # a workflow is told its start a little later than visibility has it


def members(event_type: str, number: int = 0) -> dict[str, Any]:
    event = CloudEvent(id=f"evt_{uuid.uuid4()}", source="/burst", type=event_type, data={"n": number})
    return event.to_dict()


async def post(platform: Platform, body: Any, batch: bool = False) -> Any:
    kind = "application/cloudevents-batch+json" if batch else "application/cloudevents+json"
    answer = await platform.api.post("/api/v1/events", content=json.dumps(body), headers={"Content-Type": kind})
    assert answer.status_code == 202, answer.text
    return answer.json()


def counts(sink: Sink) -> Counter[str]:
    return Counter(request.headers["ce-id"] for request in sink.received)


async def test_a_burst_arrives_whole_and_once(platform: Platform, sink: Sink) -> None:
    event_type, name = unique_type("burst"), unique_name("burst")
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    events = [members(event_type, number) for number in range(EVENTS)]
    receipts = await asyncio.gather(*(post(platform, event) for event in events))
    again = await asyncio.gather(*(post(platform, event) for event in events))
    assert not any(receipt["duplicate"] for receipt in receipts)
    assert all(receipt["duplicate"] for receipt in again)
    await sink.wait_for(EVENTS, timeout=30)
    assert counts(sink) == {event["id"]: 1 for event in events}
    runs = [run async for run in platform.client.list_workflows(f"ImEventTypes = '{event_type}'")]
    assert len(runs) < EVENTS, "events that waited shared workflows"
    view = await platform.gateway.events.get(events[-1]["id"])
    assert view.event.data == {"n": EVENTS - 1}

    async def counted() -> bool:
        return (await platform.gateway.health.get(name)).delivered == EVENTS

    await eventually(counted)


async def test_a_batch_is_accepted_once(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("batch")
    await platform.gateway.subscribers.add(unique_name("batch"), sink.url(), types=[event_type])
    events = [members(event_type, number) for number in range(250)]
    first, second = await post(platform, events, batch=True), await post(platform, events, batch=True)
    assert [receipt["event_id"] for receipt in first["accepted"]] == [event["id"] for event in events]
    assert not any(receipt["duplicate"] for receipt in first["accepted"])
    assert all(receipt["duplicate"] for receipt in second["accepted"])
    await sink.wait_for(250, timeout=30)
    await asyncio.sleep(0.3)
    assert counts(sink) == {event["id"]: 1 for event in events}


async def test_what_fails_in_a_batch_goes_on_by_itself_and_is_listed(platform: Platform, sink: Sink) -> None:
    event_type, name = unique_type("mixed"), unique_name("mixed")
    sink.script(Answer(200), Answer(404), Answer(503), Answer(200), Answer(200))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    events = [members(event_type, number) for number in range(4)]
    await post(platform, events, batch=True)

    async def ended() -> bool:
        health = await platform.gateway.health.get(name)
        return (health.delivered, health.failed, health.retrying) == (3, 1, 0)

    async def outcomes_of() -> dict[str, str]:
        views = {event["id"]: await platform.gateway.events.get(event["id"]) for event in events}
        found = {event_id: view.runs[-1].outcome for event_id, view in views.items()}
        return found if sorted(found.values()) == ["delivered", "delivered", "delivered", "failed"] else {}

    await eventually(ended, 20)
    outcomes = await eventually(outcomes_of)  # the count comes first, the end of its workflow after it
    listed = await platform.im("event", "list", "--type", event_type, "--failed", "--format", "json")
    failed = [row["event_id"] for row in listed.json]
    assert failed == [event_id for event_id, outcome in outcomes.items() if outcome == "failed"]


async def test_what_goes_on_of_a_burst_is_as_old_as_its_events(platform: Platform, sink: Sink) -> None:
    event_type, name = unique_type("aged"), unique_name("aged")
    sink.script(SlowAnswer(2.0, Answer(503)))  # what is in flight still is handed over once it has landed
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type], schedule="1", max_attempts=2)
    await post(platform, [members(event_type, number) for number in range(2)], batch=True)

    async def failed() -> list[EventRow]:
        rows = (await platform.gateway.events.find(EventFilter(type=event_type, failed=True))).rows
        return rows if {row.kind for row in rows} == {"rest"} and len(rows) == 2 else []

    rows = await eventually(failed, 30)
    runs = [run async for run in platform.client.list_workflows(f"ImEventTypes = '{event_type}'")]
    first = next(run.start_time for run in runs if run.id.startswith("events/"))
    rest = min(run.start_time for run in runs if "/rest-" in run.id)
    between = first + (rest - first) / 2
    assert rest - first > timedelta(seconds=1)
    assert max(abs(row.emitted_at - first) for row in rows) < A_MOMENT
    since = EventFilter(type=event_type, since=between)
    assert (await platform.gateway.events.find(since)).rows == []
    asked = ReplayOptions(subscriber=name, failed_only=True)
    for limits, matched in (({"until": between}, 2), ({"since": between}, 0), ({"until": first}, 0)):
        assert (await platform.gateway.replays.survey(asked.model_copy(update=limits))).matched == matched
    told = await platform.gateway.events.get(rows[0].event_id)
    assert max(abs(run.accepted_at - first) for run in told.runs) < A_MOMENT
    assert told.runs[-1].started_at >= rest


async def test_what_goes_on_stands_behind_those_who_were_told_nothing_yet(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("behind")
    sink.script(*[Answer(503)] * 3, Answer(200))
    await platform.gateway.subscribers.add(unique_name("behind"), sink.url(), types=[event_type])
    events = [members(event_type, number) for number in range(3)]
    await post(platform, events, batch=True)
    await sink.wait_for(6, timeout=30)

    async def rests() -> list[int] | None:
        found = [run async for run in platform.client.list_workflows(f"ImEventTypes = '{event_type}'")]
        handles = [platform.client.get_workflow_handle(run.id) for run in found if "/rest-" in run.id]
        begun = [(await handle.fetch_history()).events[0] for handle in handles]
        priorities = [each.workflow_execution_started_event_attributes.priority.priority_key for each in begun]
        return priorities if len(priorities) == len(events) else None

    assert await eventually(rests) == [policies.REST_PRIORITY.priority_key] * 3


async def test_what_a_small_burst_leaves_does_not_wait_for_what_a_large_one_leaves(
    platform: Platform, sink: Sink
) -> None:
    large, small = unique_type("large"), unique_type("small")
    sink.script(Answer(503), path="/large")
    sink.script(Answer(503), Answer(503), Answer(200), path="/small")
    for event_type, path in ((large, "/large"), (small, "/small")):
        name = unique_name("crowded")
        await platform.gateway.subscribers.add(name, sink.url(path), types=[event_type], schedule="1")
    for first in range(0, 1000, 500):
        await post(platform, [members(large, number) for number in range(first, first + 500)], batch=True)
    await post(platform, [members(small, number) for number in range(2)], batch=True)

    await eventually(lambda: sum(request.path == "/small" for request in sink.received) == 4, 30)
    asked = Counter(request.headers["ce-id"] for request in sink.received if request.path == "/large")
    assert sum(times > 1 for times in asked.values()) < 1000
