"""Limits of subscribers hold over all processes, and what waits for them is safe and is in nobody's way."""

import asyncio
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
from tests.support.told import Counted, Told


def api_of(serve: Process) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=serve.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=20)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def two(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Platform]:
    """A platform with two processes that deliver."""
    async with temporal_dev_server(tmp_path_factory.mktemp("temporal")) as temporal:
        platform = await Platform.over(temporal, tmp_path_factory.mktemp("state"))
        async with platform.process("serve") as serve, platform.process("worker"), api_of(serve) as platform.api:
            yield platform


def most_within(arrivals: list[float], seconds: float) -> int:
    """The most arrivals that any window of so many seconds saw."""
    ordered = sorted(arrivals)
    return max(sum(begin <= at < begin + seconds for at in ordered) for begin in ordered)


async def test_a_rate_is_kept_over_two_processes(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="5/s")
    began = time.monotonic()
    await told.emit(30)
    arrivals = await told.got(30)
    assert most_within(arrivals, 2) <= 12  # two of them may have been held up on their way, by a loaded machine
    assert arrivals[-1] - arrivals[0] >= 29 / 5 - 0.4
    assert arrivals[0] - began < 5


async def test_retries_count_towards_the_rate(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, Answer(503), rate_limit="2/s", max_attempts=2)
    events = await told.emit(4)
    arrivals = await told.got(8)
    assert most_within(arrivals, 2) <= 5
    for event_id in events:
        (delivery,) = (await two.ended(event_id)).values()
        assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2]


async def test_no_more_requests_at_once_than_allowed_over_two_processes(two: Platform, sink: Sink) -> None:
    slow = Counted(0.3)
    told = await Told.of(two, sink, slow, max_concurrency=3)
    await told.emit(30)
    await told.got(30)
    assert slow.most == 3


async def test_others_do_not_wait_for_a_limited_one(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="6/m")
    other = unique_name("other")
    await two.gateway.subscribers.add(other, sink.url("/other"), types=[told.type])
    events = await told.emit(40)
    await eventually(lambda: sum(request.path == "/other" for request in sink.received) == 40, 15)
    assert len(told.arrivals) <= 2
    waiting = (await two.deliveries(events[-1]))[told.name]
    assert waiting["error"] == "waits for its turn: the subscriber is limited to 6/m"
    assert waiting["attempts"] == []
    await two.gateway.subscribers.remove(told.name)


async def test_a_change_reaches_what_waits(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="1/s")
    await told.emit(40)
    await told.got(2)
    await two.gateway.subscribers.update(told.name, rate_limit="20/s")
    changed = time.monotonic()
    arrivals = await told.got(40, 15)
    assert most_within([at for at in arrivals if at > changed], 1) <= 21


async def test_what_waits_goes_at_once_when_the_limit_is_removed(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="0.2/s")
    await told.emit(20)
    await two.gateway.subscribers.update(told.name, rate_limit="")
    await told.got(20, 15)
    assert (await two.gateway.subscribers.get(told.name)).rate_limit is None


async def test_what_waits_is_cancelled_at_once_when_the_subscriber_is_removed(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, rate_limit="0.2/s")
    events = await told.emit(20)
    await two.gateway.subscribers.remove(told.name)
    for event_id in events:
        (delivery,) = (await two.ended(event_id, 15)).values()
        assert delivery["state"] in {"cancelled", "delivered"}
    assert len(told.arrivals) <= 1


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
    assert most_within([at for at in told.arrivals if at > since + 1], 1) <= 3
    assert len(told.arrivals) == 18


async def test_retry_after_is_kept_beside_a_limit(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, RetryAfter(429, "3"), Answer(200), rate_limit="10/s")
    await told.emit(1)
    first, second = await told.got(2)
    assert 2.9 < second - first < 6


async def test_ordered_deliveries_stay_in_order(two: Platform, sink: Sink) -> None:
    told = await Told.of(two, sink, Answer(503), Answer(200), rate_limit="5/s", ordered=True)
    events = []
    for place in range(5):
        events.append(await two.emit(told.type, {"place": place}, extensions={"imincidentid": told.name}))
        await asyncio.sleep(0.1)  # each workflow begins after the one before
    await told.got(6)
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
            events = await told.emit(24)
            await told.got(3)  # by the only process there is
            await serve.stop(signal.SIGKILL)
            assert told.events < set(events)
            async with platform.process("worker"):
                await eventually(lambda: told.events == set(events), 50)
    assert most_within(told.arrivals, 1) <= 5
    assert len(told.arrivals) <= 24 + 2  # a repeat of what the killed one had in hand
