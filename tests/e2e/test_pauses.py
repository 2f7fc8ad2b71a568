"""What comes for a paused subscriber waits, survives everything, and is sent at a pace when it is resumed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from domain.drains import DrainProgress
from domain.events import CloudEvent
from domain.health import Health
from domain.pause_errors import DeliveriesWaitingError
from service.replay_views import ReplayOptions
from service.subscribers import LEASE_WAIT_SECONDS
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Answer, RetryAfter, Sink
from tests.support.told import HELD_UP_SECONDS, Counted, Told, held_up

INCIDENT = {"imincidentid": "INC-1"}


@pytest_asyncio.fixture(loop_scope="session")
async def told(platform: Platform, sink: Sink) -> AsyncIterator[Told]:
    found = await Told.of(platform, sink)
    yield found
    await platform.gateway.subscribers.remove(found.name, cancel_waiting=True)


async def waits(told: Told, count: int) -> Health:
    """Health, once so many are seen to wait."""

    async def seen() -> Health | None:
        row = await told.platform.gateway.health.get(told.name)
        return row if row.waiting == count else None

    return await eventually(seen, 20, interval=0.2)


async def one_waits(platform: Platform, name: str) -> bool:
    return (await platform.gateway.health.get(name)).waiting == 1


async def drained(told: Told, timeout: float = 40) -> None:
    async def ended() -> bool:
        progress = await told.platform.gateway.subscribers.drain(told.name)
        return progress is not None and progress.ended

    await eventually(ended, timeout, interval=0.3)


async def test_nothing_is_sent_to_a_paused_subscriber_and_it_is_told_where_that_is_asked(told: Told) -> None:
    ran = await told.platform.im("subscriber", "pause", told.name, "--reason", "migration")
    assert (ran.code, "migration" in ran.err) == (0, True)
    again = await told.platform.im("subscriber", "pause", told.name, "--reason", "another")
    assert again.err.startswith(f"{told.name} is paused already, since ")
    assert again.err.endswith(": migration; nothing has changed\n")
    (event_id,) = await told.emit(1)
    row = await waits(told, 1)
    assert row.paused is not None
    assert (row.paused.reason, row.retrying) == ("migration", 0)
    assert row.oldest_waiting is not None
    assert timedelta() < datetime.now(UTC) - row.oldest_waiting < timedelta(minutes=1)
    (delivery,) = (await told.platform.deliveries(event_id)).values()
    assert (delivery["state"], delivery["error"]) == ("waiting", "the subscriber is paused: migration")
    listed = await told.platform.im("event", "list", "--type", told.type, "--format", "json")
    assert [(row["outcome"], row["troubled"]) for row in listed.json] == [("waiting", [f"waiting:{told.name}"])]
    assert not told.arrivals
    await told.platform.gateway.subscribers.resume(told.name)
    await told.got(1)


async def test_what_waited_arrives_once_and_in_order_after_a_restart_of_everything(tmp_path: Path, sink: Sink) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        platform = await Platform.over(temporal, tmp_path)
        async with platform.process("serve") as serve, api_of(serve.url) as platform.api:
            told = await Told.of(platform, sink)
            ordered = await Told.of(platform, sink, ordered=True)
            for each in (told, ordered):
                await platform.gateway.subscribers.pause(each.name)
            batch = [CloudEvent(id=unique_name("evt"), source="/tests", type=told.type) for _ in range(40)]
            await platform.api.post(
                "/api/v1/events",
                content=b"[" + b",".join(event.body for event in batch) + b"]",
                headers={"Content-Type": "application/cloudevents-batch+json"},
            )
            single = await told.emit(10)
            in_order = []
            for number in range(1, 11):  # events of a publisher are in the order in which they take their places
                in_order.append(await platform.emit(ordered.type, extensions=INCIDENT))
                await waits(ordered, number)
            await waits(told, 50)
        async with platform.process("serve"):
            counted = Counted(0.3)
            sink.script(counted, path=told.path)
            await asyncio.gather(*(platform.gateway.subscribers.resume(each.name) for each in (told, ordered)))
            await asyncio.gather(told.got(50, 60), ordered.got(10, 60))
    assert told.events == {*single, *(event.id for event in batch)}
    assert len(told.arrivals) == 50
    assert told.arrivals[1] - told.arrivals[0] > 0.25  # the probe was answered before the next was sent
    assert [request.headers["ce-id"] for request in sink.received if request.path == ordered.path] == in_order


async def test_more_paused_subscribers_than_a_search_attribute_can_name_are_all_found(
    platform: Platform, sink: Sink
) -> None:
    subscribers, event_type = platform.gateway.subscribers, unique_type("crowd")
    names = [f"{unique_name('crowd')}{'x' * 40}"[:60] for _ in range(40)]
    await asyncio.gather(*(subscribers.add(name, sink.url(f"/{name}"), types=[event_type]) for name in names))
    await asyncio.gather(*(subscribers.pause(name) for name in names))
    await platform.emit(event_type)
    first, last = min(names), max(names)
    with pytest.raises(DeliveriesWaitingError):  # also right after the event, which visibility does not show yet
        await subscribers.remove(last)
    for count, name in enumerate((first, last), 1):
        await eventually(lambda name=name: one_waits(platform, name), 20)  # type: ignore[misc]
        await subscribers.resume(name)
        await sink.wait_for(count, 30)
    assert [request.path for request in sink.received] == [f"/{first}", f"/{last}"]
    await asyncio.gather(*(subscribers.remove(name, cancel_waiting=True) for name in names))


@pytest.mark.parametrize("answer", [Answer(503), RetryAfter(429, "2")], ids=["503", "429"])
async def test_a_receiver_in_trouble_is_not_stampeded(platform: Platform, sink: Sink, answer: Answer) -> None:
    told = await Told.of(platform, sink, max_attempts=1)
    try:
        await platform.gateway.subscribers.pause(told.name)
        await told.emit(40)
        await waits(told, 40)
        counted = Counted(0.2, answer)
        sink.script(counted, path=told.path)
        await platform.gateway.subscribers.resume(told.name)
        first, second, third = (await told.got(3, 30))[:3]
        assert counted.most == 1
        wait = 1.9 if answer.status == 429 else 0.9
        assert second - first > wait
        assert third - second > 1.9

        async def held_back() -> DrainProgress | None:
            drain = await platform.gateway.subscribers.drain(told.name)
            return drain if drain and drain.holds_until else None

        assert (await eventually(held_back, 20)).at_once == 1
        assert counted.most == 1
        sink.script(Counted(0.0), path=told.path)
        await told.got(40, 60)
    finally:
        await platform.gateway.subscribers.remove(told.name, cancel_waiting=True)


async def test_what_is_older_is_dropped_and_counted(told: Told) -> None:
    subscribers = told.platform.gateway.subscribers
    await subscribers.pause(told.name)
    old = await told.emit_singly(3)
    await waits(told, 3)
    between = datetime.now(UTC)
    young = await told.emit_singly(2)
    await waits(told, 5)
    await asyncio.sleep(1)  # the least age there is
    resumed = await subscribers.resume(told.name, datetime.now(UTC) - between)
    assert resumed.waiting == 5
    await eventually(lambda: has_dropped(told, 3), 20)
    ran = await told.platform.im("subscriber", "resume", told.name, "--wait")
    assert ran.code == 0, ran.err
    assert ran.err.startswith(f"{told.name} is not paused: ")  # any more
    # of the one drain, if it goes on still; of the second resume, which finds nothing, if that was done with all
    assert ran.err.splitlines()[-1] in {"done; 2 delivered, 3 dropped", "done"}
    assert told.events == set(young)
    for event_id in old:
        (delivery,) = (await told.platform.ended(event_id)).values()
        assert delivery["state"] == "cancelled"
        assert delivery["error"].startswith("dropped: ")


async def has_dropped(told: Told, count: int) -> bool:
    progress = await told.platform.gateway.subscribers.drain(told.name)
    return progress is not None and progress.dropped == count


async def test_a_retry_waits_for_the_end_of_the_pause_and_keeps_its_attempts(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink, Answer(503), Answer(200), schedule="8", max_attempts=3)
    try:
        (event_id,) = await told.emit(1)
        await told.got(1)
        await platform.gateway.subscribers.pause(told.name)
        assert len(told.arrivals) == 1
        await waits(told, 1)
        assert len(told.arrivals) == 1
        await platform.gateway.subscribers.resume(told.name)
        (delivery,) = (await platform.ended(event_id)).values()
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2]
        assert delivery["state"] == "delivered"
    finally:
        await platform.gateway.subscribers.remove(told.name, cancel_waiting=True)


async def test_an_event_names_the_pause_before_its_retry_is_due(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink, Answer(503), schedule="60", max_attempts=2)
    try:
        (event_id,) = await told.emit(1)
        await told.got(1)
        await platform.gateway.subscribers.pause(told.name, "migration")

        async def named() -> bool:
            found = await platform.gateway.events.get(event_id)
            return [pause.reason for pause in found.paused.values()] == ["migration"]

        await eventually(named, 10, interval=0.2)
    finally:
        await platform.gateway.subscribers.remove(told.name, cancel_waiting=True)


async def test_pausing_again_stops_the_drain(told: Told) -> None:
    subscribers = told.platform.gateway.subscribers
    told.sink.script(Counted(2.0), path=told.path)  # and more at once with each answer: all of them in ten seconds
    await subscribers.pause(told.name)
    await told.emit(30)
    await waits(told, 30)
    await subscribers.resume(told.name)
    await told.got(1)
    await subscribers.pause(told.name)
    await drained(told)
    sent = len(told.arrivals)
    assert sent < 30
    await waits(told, 30 - sent)
    told.sink.script(Answer(200), path=told.path)
    await subscribers.resume(told.name)
    await told.got(30, 30)


@pytest.mark.parametrize("change", ["disable", "remove"])
async def test_what_waits_is_cancelled_when_the_subscriber_goes_and_whoever_does_it_says_so(
    platform: Platform, sink: Sink, change: str
) -> None:
    told = await Told.of(platform, sink)
    await platform.gateway.subscribers.pause(told.name)
    events = await told.emit_singly(3)
    await waits(told, 3)
    command = ["update", told.name, "--enabled=false"] if change == "disable" else ["remove", told.name]
    refused = await platform.im("subscriber", *command)
    assert (refused.code, "would not be delivered any more: 3" in refused.err) == (1, True), refused.err
    ran = await platform.im("subscriber", *command, "--cancel-waiting")
    assert (ran.code, "is not told of 3 events that waited" in ran.err) == (0, True), ran.err
    assert ("is not paused any more (it was since " in ran.err) is (change == "disable"), ran.err
    for event_id in events:
        (delivery,) = (await platform.ended(event_id)).values()
        assert delivery["state"] == "cancelled"
    assert not told.arrivals
    if change == "disable":
        await platform.gateway.subscribers.update(told.name, enabled=True)
        await eventually(lambda: undelivered(told, 3), 20)


async def test_a_retry_that_is_not_due_yet_is_held_by_a_pause_and_by_nothing_else(
    platform: Platform, sink: Sink
) -> None:
    told = await Told.of(platform, sink, schedule="60", max_attempts=2)
    sink.script(Answer(503), path=told.path)
    subscribers = platform.gateway.subscribers
    (event_id,) = await told.emit(1)
    await eventually(lambda: owes(told, 1), 20)
    await subscribers.pause(told.name)
    for command in (["update", told.name, "--enabled=false"], ["remove", told.name]):
        refused = await platform.im("subscriber", *command)
        assert (refused.code, "would not be delivered any more: 1" in refused.err) == (1, True), refused.err
    await subscribers.resume(told.name)
    assert (await subscribers.owed(told.name)).retrying == 1
    assert (await subscribers.remove(told.name)).owed.retrying == 1
    assert (await platform.deliveries(event_id))[told.name]["state"] == "retrying"


async def owes(told: Told, count: int) -> bool:
    return (await told.platform.gateway.subscribers.owed(told.name)).retrying == count


async def undelivered(told: Told, count: int) -> bool:
    replays, chosen = told.platform.gateway.replays, {"subscriber": told.name}
    failed = await replays.survey(ReplayOptions(**chosen, failed_only=True))
    return (failed.matched, (await replays.survey(ReplayOptions(**chosen, undelivered=True))).matched) == (0, count)


async def test_410_pauses_and_a_new_url_sends_what_waited(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink, Answer(410))
    try:
        (event_id,) = await told.emit(1)
        (delivery,) = (await platform.ended(event_id)).values()
        assert delivery["state"] == "failed"
        shown = await eventually(lambda: gone(told), 10)
        assert shown == "answered HTTP 410 Gone"
        await asyncio.sleep(LEASE_WAIT_SECONDS)  # nobody waited for the processes to hear of it
        kept = await told.emit(2)
        await waits(told, 2)
        sink.script(Answer(200), path="/moved")
        other = await platform.im("subscriber", "update", told.name, "--max-attempts", "3")
        assert "paused" not in other.err
        moved = await platform.im("subscriber", "update", told.name, "--url", sink.url("/moved"))
        assert "is not paused any more (it was since" in moved.err
        assert "answered HTTP 410 Gone); what waits is being sent" in moved.err
        await sink.wait_for(3, 20)
        assert {each.headers["ce-id"] for each in sink.received if each.path == "/moved"} == set(kept)
    finally:
        await platform.gateway.subscribers.remove(told.name, cancel_waiting=True)


async def gone(told: Told) -> str | None:
    found = await told.platform.gateway.subscribers.get(told.name)
    return found.paused.reason if found.paused and found.gone_at else None


async def test_a_limited_subscriber_waits_without_a_slot_and_keeps_its_rate_when_drained(
    platform: Platform, sink: Sink
) -> None:
    told = await Told.of(platform, sink, rate_limit="4/s")
    try:
        await platform.gateway.subscribers.pause(told.name)
        events = await told.emit(16)
        await waits(told, 16)
        (pending,) = (await platform.deliveries(events[0])).values()
        assert pending["state"] == "waiting"
        await platform.gateway.subscribers.resume(told.name)
        assert held_up(await told.got(16), 4) < HELD_UP_SECONDS
    finally:
        await platform.gateway.subscribers.remove(told.name, cancel_waiting=True)


async def test_a_test_reaches_a_paused_subscriber(told: Told) -> None:
    await told.platform.gateway.subscribers.pause(told.name)
    ran = await told.platform.im("subscriber", "test", told.name)
    assert ran.code == 0, ran.err
    assert len(told.arrivals) == 1


def api_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
