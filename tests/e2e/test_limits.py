"""Limits of subscribers hold over all processes, and what waits for them is safe and is in nobody's way."""

import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, Process, temporal_dev_server, unique_name
from tests.support.sink import Answer, RetryAfter, Sink
from tests.support.told import HELD_UP_SECONDS, Counted, Told, held_up
from workflows import names


def api_of(serve: Process) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=serve.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """A platform with two processes that deliver."""
    async with temporal_dev_server(tmp_path_factory.mktemp("temporal")) as temporal:
        platform = await Platform.over(temporal, tmp_path_factory.mktemp("state"))
        async with platform.process("serve") as serve, platform.process("worker"), api_of(serve) as platform.api:
            yield platform


async def test_a_rate_is_kept_over_two_processes(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="5/s")
    await told.emit(30)
    assert held_up(await told.got(30), 5) < HELD_UP_SECONDS


async def test_retries_count_towards_the_rate(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, Answer(503), rate_limit="2/s", max_attempts=2)
    events = await told.emit(5)
    assert held_up(await told.got(10), 2) < HELD_UP_SECONDS
    for event_id in events:
        (delivery,) = (await two.ended(event_id)).values()
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2]


async def test_no_more_requests_at_once_than_allowed_over_two_processes(two: Platform, sink: Sink) -> None:
    slow = Counted(1.0)  # long enough for three to meet
    told = await Told.of(two, sink, slow, max_concurrency=3)
    await told.emit(18)
    await told.got(18)
    assert slow.most == 3


async def test_others_do_not_wait_for_a_limited_one(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="6/m")
    other = unique_name("other")
    await two.gateway.subscribers.add(other, sink.url("/other"), types=[told.type])
    began, events = time.monotonic(), await told.emit(40)
    await eventually(lambda: sum(request.path == "/other" for request in sink.received) == 40, 15)
    others = [request.at for request in sink.received if request.path == "/other"]
    assert len([at for at in told.arrivals if at <= max(others)]) <= 2 + (max(others) - began) / 10

    async def waits() -> bool:
        found = {event_id: (await two.deliveries(event_id))[told.name] for event_id in events[-3:]}
        said = "waits for its turn: the subscriber is limited to 6/m"
        return any(each["error"] == said and each["attempts"] == [] for each in found.values())

    await eventually(waits)
    await two.gateway.subscribers.remove(told.name)


async def test_a_change_reaches_what_waits(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="1/s")
    await told.emit(50)
    await told.got(2)
    await two.gateway.subscribers.update(told.name, rate_limit="10/s")
    changed = time.monotonic()
    arrivals = await told.got(50, 20)
    assert held_up([at for at in arrivals if at > changed], 10) < HELD_UP_SECONDS


async def test_what_waits_goes_at_once_when_the_limit_is_removed(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="0.2/s")
    await told.emit(20)
    await two.gateway.subscribers.update(told.name, rate_limit="")
    await told.got(20, 15)
    assert (await two.gateway.subscribers.get(told.name)).rate_limit is None


async def test_what_waits_is_cancelled_at_once_when_the_subscriber_is_removed(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="0.2/s")
    began, events = time.monotonic(), await told.emit(20)
    await two.gateway.subscribers.remove(told.name)
    took = time.monotonic() - began
    for event_id in events:
        (delivery,) = (await two.ended(event_id, 15)).values()
        assert delivery["state"] in {"cancelled", "delivered"}
    assert len(told.arrivals) <= 1 + took / 5


async def test_a_limit_reaches_retries_that_wait_elsewhere_and_costs_them_no_attempt(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, Answer(503), max_attempts=3)
    events = await told.emit(6)
    await told.got(6)
    await two.gateway.subscribers.update(told.name, rate_limit="2/s", max_concurrency=1)
    since = time.monotonic()
    for event_id in events:
        (delivery,) = (await two.ended(event_id)).values()
        assert (delivery["state"], delivery["error"]) == ("failed", "Max retries exceeded: HTTP 503")
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3]
    assert held_up([at for at in told.arrivals if at > since + 1], 2) < HELD_UP_SECONDS
    assert len(told.arrivals) == 18


async def test_retry_after_is_kept_beside_a_limit(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, RetryAfter(429, "3"), Answer(200), rate_limit="10/s")
    await told.emit(1)
    first, second = await told.got(2)
    assert 2.9 < second - first < 15


async def test_ordered_deliveries_stay_in_order(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, Answer(503), rate_limit="5/s", ordered=True, schedule=",".join("1" * 45))
    lane, events = two.client.get_workflow_handle(names.lane_workflow_id(told.name, told.name)), []

    async def in_line(count: int) -> bool:
        return len(await lane.query("line")) == count

    for place in range(5):  # events of a publisher are in the order in which they take their places
        events.append(await two.emit(told.type, {"place": place}, extensions={"imincidentid": told.name}))
        await eventually(lambda count=place + 1: in_line(count))  # type: ignore[misc]
    await eventually(lambda: told.events)
    assert told.events == {events[0]}
    sink.script(Answer(200), path=told.path)
    await eventually(lambda: told.events == set(events), 30)
    seen = [request.headers["ce-id"] for request in sink.received if request.path == told.path]
    assert list(dict.fromkeys(seen)) == events


async def test_limits_are_set_shown_and_taken_away(two: Platform) -> None:
    name = unique_name("shown")
    url = "https://example.com/hook"
    added = await two.im("subscriber", "add", "--name", name, "--url", url, "--rate-limit", "100/M", "--enabled=false")
    assert added.code == 0, added.err
    path = f"/api/v1/subscribers/{name}"
    assert (await two.api.get(path)).json()["rate_limit"] == "100/m"
    changed = await two.api.patch(path, json={"rate_limit": 2.5, "max_concurrency": 4})
    subscriber = changed.json()["subscriber"]
    assert (subscriber["rate_limit"], subscriber["max_concurrency"]) == ("2.5/s", 4)
    shown = await two.im("subscriber", "show", name)
    assert "2.5/s" in shown.out
    refused = await two.api.patch(path, json={"rate_limit": "5/m"})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_limit")
    assert (await two.im("subscriber", "update", name, "--no-rate-limit", "--no-max-concurrency")).code == 0
    listed = (await two.api.get(path)).json()
    assert (listed["rate_limit"], listed["max_concurrency"]) == (None, None)


async def test_what_waits_survives_the_kill_of_the_process_that_serves_it(tmp_path: Path, sink: Sink) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        platform = await Platform.over(temporal, tmp_path)
        async with platform.process("serve") as serve, api_of(serve) as platform.api:
            told = await Told.of(platform, sink, rate_limit="4/s")
            events = await told.emit(40)
            await told.got(3)  # by the only process there is
            await serve.stop(signal.SIGKILL)
            assert told.events < set(events)
            async with platform.process("worker"):
                await eventually(lambda: told.events == set(events), 50)
    assert held_up(told.arrivals, 4) < HELD_UP_SECONDS
    assert len(told.arrivals) <= 40 + 2  # a repeat of what the killed one had in hand
