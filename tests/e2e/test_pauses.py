"""What comes for a paused subscriber waits, survives everything, and is sent at a pace when it is resumed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from domain.events import CloudEvent
from domain.health import Health
from service.subscribers import LEASE_WAIT_SECONDS
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_name
from tests.support.sink import Answer, RetryAfter, Sink
from tests.support.told import Counted, Told

INCIDENT = {"imincidentid": "INC-1"}


@pytest_asyncio.fixture(loop_scope="session")
async def told(platform: Platform, sink: Sink) -> AsyncIterator[Told]:
    found = await Told.of(platform, sink)
    yield found
    await platform.gateway.subscribers.remove(found.name)


async def waits(told: Told, count: int) -> Health:
    """Health, once so many are seen to wait."""

    async def seen() -> Health | None:
        row = await told.platform.gateway.health.get(told.name)
        return row if row.waiting == count else None

    return await eventually(seen, 20, interval=0.2)


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
        row = await waits(told, 37)
        assert row.drain is not None
        assert (row.drain.at_once, row.drain.holds_until is not None) == (1, True)
        sink.script(Counted(0.0), path=told.path)
        await told.got(40, 60)
    finally:
        await platform.gateway.subscribers.remove(told.name)


async def test_what_is_older_is_dropped_and_counted(told: Told) -> None:
    subscribers = told.platform.gateway.subscribers
    await subscribers.pause(told.name)
    old = await told.emit(3)
    await waits(told, 3)
    between = datetime.now(UTC)
    young = await told.emit(2)
    await waits(told, 5)
    await asyncio.sleep(1)  # the least age there is
    resumed = await subscribers.resume(told.name, datetime.now(UTC) - between)
    assert resumed.waiting == 5
    await eventually(lambda: has_dropped(told, 3), 20)
    ran = await told.platform.im("subscriber", "resume", told.name, "--wait")
    assert ran.code == 0, ran.err
    assert ran.err.startswith(f"{told.name} is not paused: ")  # any more
    assert ran.err.splitlines()[-1] == "done; 2 delivered, 3 dropped"
    assert told.events == set(young)
    for event_id in old:
        (delivery,) = (await told.platform.ended(event_id)).values()
        assert delivery["state"] == "cancelled"
        assert delivery["error"].startswith("dropped: ")


async def has_dropped(told: Told, count: int) -> bool:
    progress = await told.platform.gateway.subscribers.drain(told.name)
    return progress is not None and progress.dropped == count


async def test_a_retry_waits_for_the_end_of_the_pause_and_keeps_its_attempts(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink, Answer(503), Answer(200), schedule="2", max_attempts=3)
    try:
        (event_id,) = await told.emit(1)
        await told.got(1)
        await platform.gateway.subscribers.pause(told.name)
        await waits(told, 1)
        assert len(told.arrivals) == 1
        await platform.gateway.subscribers.resume(told.name)
        (delivery,) = (await platform.ended(event_id)).values()
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2]
        assert delivery["state"] == "delivered"
    finally:
        await platform.gateway.subscribers.remove(told.name)


async def test_pausing_again_stops_the_drain(told: Told) -> None:
    subscribers = told.platform.gateway.subscribers
    told.sink.script(Counted(0.5), path=told.path)
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
    await subscribers.resume(told.name)
    await told.got(30, 30)


@pytest.mark.parametrize("change", ["disable", "remove"])
async def test_what_waits_is_cancelled_when_the_subscriber_goes(platform: Platform, sink: Sink, change: str) -> None:
    told = await Told.of(platform, sink)
    await platform.gateway.subscribers.pause(told.name)
    events = await told.emit(3)
    await waits(told, 3)
    if change == "disable":
        await platform.gateway.subscribers.update(told.name, enabled=False)
    else:
        await platform.gateway.subscribers.remove(told.name)
    for event_id in events:
        (delivery,) = (await platform.ended(event_id)).values()
        assert delivery["state"] == "cancelled"
    assert not told.arrivals


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
        await platform.gateway.subscribers.update(told.name, url=sink.url("/moved"))
        await sink.wait_for(3, 20)
        assert {each.headers["ce-id"] for each in sink.received if each.path == "/moved"} == set(kept)
    finally:
        await platform.gateway.subscribers.remove(told.name)


async def gone(told: Told) -> str | None:
    found = await told.platform.gateway.subscribers.get(told.name)
    return found.paused.reason if found.paused and found.gone_at else None


async def test_a_limited_subscriber_waits_without_a_slot_and_keeps_its_rate_when_drained(
    platform: Platform, sink: Sink
) -> None:
    told = await Told.of(platform, sink, rate_limit="4/s")
    try:
        await platform.gateway.subscribers.pause(told.name)
        events = await told.emit(8)
        await waits(told, 8)
        (pending,) = (await platform.deliveries(events[0])).values()
        assert pending["state"] == "waiting"
        await platform.gateway.subscribers.resume(told.name)
        arrivals = await told.got(8)
        assert arrivals[-1] - arrivals[0] >= 7 / 4 - 0.4
    finally:
        await platform.gateway.subscribers.remove(told.name)


async def test_a_test_reaches_a_paused_subscriber(told: Told) -> None:
    await told.platform.gateway.subscribers.pause(told.name)
    ran = await told.platform.im("subscriber", "test", told.name)
    assert ran.code == 0, ran.err
    assert len(told.arrivals) == 1


def api_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)
