"""Bursts and batches on the real platform: everything arrives, nothing twice, every event is found by its id."""

import asyncio
import json
import uuid
from collections import Counter
from typing import Any

from domain.events import CloudEvent
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink

EVENTS = 300


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
