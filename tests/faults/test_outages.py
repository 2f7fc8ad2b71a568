"""Temporal frozen, processes asked to stop under load, a disk that is full: what was accepted arrives."""

import asyncio
import signal
import time
from collections.abc import AsyncIterator

import httpx
import pytest
import pytest_asyncio

from service.queues import DRAIN
from tests.faults.load import Publishers, all_arrive, arrivals, assert_repeats_were_in_flight, missing, repeats, tell
from tests.faults.scale import CLIENTS, SCALE, TORTURE, chance
from tests.faults.stage import TEMPORAL, Stage, stage
from tests.support.platform import unique_name, unique_type
from tests.support.sink import Sink, SlowAnswer

PADDING = 4_000_000
ANSWER_SECONDS = 15  # a publisher hears within 5 s that Temporal is away; more on a machine that is very busy

pytestmark = pytest.mark.timeout(600 if TORTURE else 300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("outages"), "serve") as found:
        yield found


async def test_publishers_hear_that_temporal_is_away_and_nothing_is_lost(place: Stage) -> None:
    async with Sink() as sink, httpx.AsyncClient(base_url=place.url, timeout=20) as anybody:
        event_type = unique_type("frozen")
        await place.gateway.subscribers.add(unique_name("frozen"), sink.url(), types=[event_type])
        publishers = Publishers(place, event_type)
        publishing = asyncio.create_task(publishers.publish(SCALE.publishes))
        await publishers.until_accepted(chance("frozen").randrange(1, SCALE.publishes // 2))
        place.send(TEMPORAL, signal.SIGSTOP)
        frozen_at, accepted = time.monotonic(), len(publishers.accepted)
        while_away = asyncio.create_task(publishers.publish(CLIENTS))
        try:
            await asyncio.sleep(1)
            assert (await anybody.get("/healthz")).status_code == 200
            unready = await anybody.get("/readyz")
            assert (unready.status_code, unready.json()["code"]) == (503, "temporal_unavailable")
            await asyncio.sleep(max(0.0, frozen_at + SCALE.away_seconds - time.monotonic()))
            refused = publishers.tried_again
        finally:
            place.send(TEMPORAL, signal.SIGCONT)
        back = time.monotonic()
        await asyncio.gather(publishing, while_away)
        await all_arrive(publishers.accepted, sink)
        first = min(times[0] for times in arrivals(sink).values() if times[0] > back)
        await place.idle()
    tell(
        f"Temporal frozen for {SCALE.away_seconds:.0f} s",
        accepted=len(publishers.accepted),
        before=accepted,
        refused=refused,
        lost=len(missing(publishers.accepted, sink)),
        repeats=repeats(sink),
        redelivery_seconds=round(first - back, 1),
    )
    assert len(publishers.accepted) == SCALE.publishes + CLIENTS
    assert not publishers.odd
    assert refused
    assert publishers.slowest < ANSWER_SECONDS
    assert repeats(sink) == 0


async def test_a_process_that_is_asked_to_stop_loses_nothing_and_repeats_nothing(place: Stage) -> None:
    async with Sink() as fast, Sink() as slow:
        slow.script(SlowAnswer(0.5))
        event_type = unique_type("stopped")
        for sink in (fast, slow):
            await place.gateway.subscribers.add(unique_name("stopped"), sink.url(), types=[event_type])
        publishers = Publishers(place, event_type)
        publishing = asyncio.create_task(publishers.publish(SCALE.publishes))
        await publishers.until_accepted(chance("stopped").randrange(1, SCALE.publishes // 2))
        began = time.monotonic()
        assert await place.stop("serve") == 0
        stopped = time.monotonic()
        await place.up("serve")
        await publishing
        await all_arrive(publishers.accepted, fast, slow)
        await place.idle()
    tell(
        "SIGTERM of serve",
        accepted=len(publishers.accepted),
        lost=len(missing(publishers.accepted, fast) | missing(publishers.accepted, slow)),
        repeats=f"{repeats(fast)}+{repeats(slow)}",
        drain_seconds=round(stopped - began, 1),
    )
    assert len(publishers.accepted) == SCALE.publishes
    assert not publishers.odd
    if stopped - began < DRAIN.total_seconds():  # else the machine was too slow to end what was under way
        assert (repeats(fast), repeats(slow)) == (0, 0)
    for sink in (fast, slow):
        assert_repeats_were_in_flight(sink, [began])


async def test_a_full_disk_under_the_logs_stops_no_delivery(place: Stage) -> None:
    await place.stop("serve")
    log, room, before = place.folder / "logs" / "serve.jsonl", 2000, len(place.processes["serve"].said())
    with log.open("a") as file:
        file.write("x" * PADDING + "\n")  # its terminal goes to a file as well, which stays well below the limit
    limit = log.stat().st_size + room
    await place.up("serve", file_limit=limit)
    async with Sink() as sink:
        event_type = unique_type("full")
        await place.gateway.subscribers.add(unique_name("full"), sink.url(), types=[event_type])
        publishers = Publishers(place, event_type)
        await publishers.publish(50)
        await all_arrive(publishers.accepted, sink)
    said = place.processes["serve"].said()[before:]
    assert log.stat().st_size <= limit
    assert 1 <= said.count("the log file takes no more") <= 3, "once a minute"
    assert said.count("File too large") == said.count("the log file takes no more")
    assert "Logging error" not in said  # as Python itself says it, with a traceback
    assert await place.stop("serve") == 0
    tell("no room for logs", accepted=len(publishers.accepted), lost=len(missing(publishers.accepted, sink)))
    await place.up("serve")
