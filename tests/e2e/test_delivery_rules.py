"""Who gets what: duplicates, unmatched, disabled, changes between retries, and the registry's promise."""

import asyncio
from typing import Any

import pytest

from domain.events import CloudEvent
from domain.tasks import EventInput
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink, SlowAnswer
from workflows import listed, names

SOON_AGAIN = ",".join("3" * 20)  # seconds: time for a change between two requests, however long the change takes


async def test_the_same_source_and_id_is_delivered_once(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("twice")
    await platform.gateway.subscribers.add(unique_name("twice"), sink.url(), types=[event_type])
    event = CloudEvent(id=unique_name("evt"), source="/tests", type=event_type, data={"n": 1})
    answers = [await platform.post_event(event) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [202, 202, 202]
    assert [answer.json()["duplicate"] for answer in answers] == [False, True, True]
    await platform.ended(event.id)
    assert len(sink.received) == 1


async def test_the_same_id_with_other_content_is_refused(platform: Platform) -> None:
    event_id, event_type = unique_name("evt"), unique_type("conflict")
    one, other = (CloudEvent(id=event_id, source="/tests", type=event_type, data={"n": n}) for n in (1, 2))
    await platform.post_event(one)
    refused = await platform.post_event(other)
    assert refused.status_code == 409
    assert refused.json()["code"] == "event_conflict"


async def test_the_same_id_from_another_source_is_another_event(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("sources")
    await platform.gateway.subscribers.add(unique_name("sources"), sink.url(), types=[event_type])
    event_id = unique_name("evt")
    for source in ("/one", "/two"):
        event = CloudEvent(id=event_id, source=source, type=event_type)
        assert (await platform.post_event(event)).status_code == 202
    await sink.wait_for(2)

    async def both_known() -> bool:
        shown = await platform.im("event", "show", event_id)
        return shown.code == 1 and "/one, /two" in shown.err

    await eventually(both_known)
    refused = await platform.api.get(f"/api/v1/events/{event_id}")
    assert (refused.status_code, refused.json()["code"]) == (409, "ambiguous_event")
    shown = await platform.im("event", "show", event_id, "--source", "/two", "--format", "json")
    assert (shown.json["event"]["source"], len(shown.json["runs"])) == ("/two", 1)
    resent = await platform.im("event", "resend", event_id, "--source", "/one")
    assert resent.code == 0, resent.err
    assert (await sink.wait_for(3))[-1].headers["ce-source"] == "/one"
    assert (await platform.im("event", "show", event_id, "--source", "/three")).code == 1


async def test_an_event_that_nobody_wants_is_kept_as_unmatched(platform: Platform) -> None:
    event_id = await platform.emit(unique_type("nobody"))

    async def outcome() -> str | None:
        listed = await platform.im("event", "list", "--format", "json")
        (row,) = [row for row in listed.json if row["event_id"] == event_id]
        return row["outcome"] if row["outcome"] != "pending" else None

    assert await eventually(outcome) == "unmatched"


async def test_a_disabled_subscriber_gets_nothing(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("off"), unique_type("off")
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    ran = await platform.im("subscriber", "update", name, "--enabled=false")
    assert ran.code == 0, ran.err
    await platform.emit(event_type)
    await platform.im("subscriber", "update", name, "--enabled=true")
    await platform.emit(event_type)
    await sink.wait_for(1)
    await asyncio.sleep(0.3)
    assert len(sink.received) == 1


async def test_a_changed_url_reaches_a_delivery_that_waits_for_its_retry(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("moving"), unique_type("moving")
    sink.script(Answer(503), path="/old")
    await platform.gateway.subscribers.add(name, sink.url("/old"), types=[event_type], schedule=SOON_AGAIN)
    event_id = await platform.emit(event_type)
    await sink.wait_for(1)
    await platform.gateway.subscribers.update(name, url=sink.url("/new"))
    before = len(sink.received)
    ended = await platform.ended(event_id)
    assert ended[name]["state"] == "delivered"
    assert [request.path for request in sink.received] == ["/old"] * before + ["/new"]


async def test_a_new_secret_reaches_a_delivery_that_waits_for_its_retry(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("rekeyed"), unique_type("rekeyed")
    sink.script(Answer(503))
    subscribers = platform.gateway.subscribers
    await subscribers.add(name, sink.url(), types=[event_type], schedule=SOON_AGAIN, generate_secret=True)
    event_id = await platform.emit(event_type)
    await sink.wait_for(1)
    await subscribers.update(name, generate_secret=True)
    sink.script(Answer(200))
    await platform.ended(event_id)
    first, *_, last = sink.received
    assert len(first.headers["webhook-signature"].split()) == 1
    assert len(last.headers["webhook-signature"].split()) == 2
    assert first.headers["webhook-id"] == last.headers["webhook-id"]


@pytest.mark.parametrize("change", ["disable", "remove"])
async def test_disabling_or_removing_cancels_what_waits_and_counts_neither_way(
    platform: Platform, sink: Sink, change: str
) -> None:
    name, event_type = unique_name("leaving"), unique_type("leaving")
    sink.script(Answer(503))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type], schedule=SOON_AGAIN)
    event_id = await platform.emit(event_type)
    await sink.wait_for(1)
    if change == "disable":
        await platform.gateway.subscribers.update(name, enabled=False)
    else:
        await platform.gateway.subscribers.remove(name)
    before = len(sink.received)
    ended = await platform.ended(event_id)
    assert ended[name]["state"] == "cancelled"
    assert len(sink.received) == before
    if change == "disable":
        health = await platform.gateway.health.get(name)
        assert (health.delivered, health.failed) == (0, 0)


async def test_a_resend_is_a_fresh_delivery_of_the_same_event(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("again"), unique_type("again")
    sink.script(Answer(400), Answer(200))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    event_id = await platform.emit(event_type)
    await platform.ended(event_id)
    ran = await platform.im("event", "resend", event_id, "--subscriber", name)
    assert ran.code == 0, ran.err
    first, second = await sink.wait_for(2)
    assert first.body == second.body
    assert first.headers["ce-id"] == second.headers["ce-id"] == event_id

    async def both_shown() -> Any:
        shown = (await platform.im("event", "show", event_id, "--format", "json")).json
        return shown if len(shown["runs"]) > 1 else None

    shown = await eventually(both_shown)
    assert [run["kind"] for run in shown["runs"]] == ["original", "resend"]
    assert shown["event"]["specversion"] == "1.0"

    async def both_listed() -> bool:
        listed = await platform.im("event", "list", "--type", event_type)
        return [" failed " in line for line in listed.out.splitlines()[1:]] == [
            False,
            True,
        ] and "resent " in listed.out

    await eventually(both_listed)


async def test_many_subscribers_are_tried_together(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("crowd")
    crowd = [unique_name("crowd") for _ in range(25)]
    sink.script(Answer(503), Answer(200), path="/crowd/0")
    await asyncio.gather(
        *(
            platform.gateway.subscribers.add(name, sink.url(f"/crowd/{place}"), types=[event_type])
            for place, name in enumerate(crowd)
        )
    )
    event_id = await platform.emit(event_type)
    ended = await platform.ended(event_id)
    assert {delivery["state"] for delivery in ended.values()} == {"delivered"}
    assert len(ended) == 25
    assert len(sink.received) == 26


async def test_a_slow_answer_is_adopted_and_not_asked_for_twice(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("slow"), unique_type("slow")
    sink.script(SlowAnswer(0.8))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=1)
    event_id = await platform.emit(event_type)
    ended = await platform.ended(event_id)
    assert len(sink.received) == 1
    assert len(ended[name]["attempts"]) == 1


async def test_a_burst_in_one_workflow_hands_over_what_is_unfinished(platform: Platform, sink: Sink) -> None:
    """Several events share a workflow; the one whose delivery fails goes on in a workflow of its own."""
    event_type, name = unique_type("burst"), unique_name("burst")
    sink.script(*[Answer(200)] * 4, Answer(503), Answer(200))
    await platform.gateway.subscribers.add(name, sink.url(), types=[event_type])
    events = [CloudEvent(id=unique_name("evt"), source="/tests", type=event_type, data={"n": n}) for n in range(5)]
    handle = await platform.client.start_workflow(
        "EventWorkflow",
        EventInput(events=events),
        id=unique_name("events/"),
        task_queue=names.EVENTS_QUEUE,
        memo=listed.event_memo(events),
        search_attributes=listed.event_attributes(events),
    )
    result = await handle.result()
    outcomes = [event["outcome"] for event in result["events"]]
    assert sorted(outcomes) == ["delivered"] * 4 + ["handed_over"]
    await sink.wait_for(6)
    unfinished = events[outcomes.index("handed_over")]

    async def finished() -> bool:
        view = await platform.gateway.events.get(unfinished.id)
        return len(view.runs) == 2 and view.runs[1].outcome == "delivered"

    await eventually(finished)
    health = await platform.gateway.health.get(name)
    assert (health.delivered, health.failed) == (5, 0)
