"""Only by ``make torture``: a worker of the previous version beside the new one, a jumping clock, and a soak."""

import asyncio
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from bench.processes import used
from domain.heartbeats import Status
from tests.faults.load import Publishers, all_arrive, missing, tell
from tests.faults.scale import SCALE, TORTURE, chance
from tests.faults.stage import Stage, api_client, stage
from tests.support.eventually import eventually
from tests.support.platform import unique_name, unique_type
from tests.support.sink import Answer, Sink, SlowAnswer

ROOT = Path(__file__).parents[2]
SOAK_PUBLISHERS = 8
SOAK_PAUSE_SECONDS = 0.2
GROWTH = 1.15  # of resident memory, from the second minute to the last
REFUSED = 100  # requests, before the receiver answers 200
CLOCK_READ_SECONDS = 1
SILENCE_SECONDS = 12  # more than a heartbeat's period
LIBFAKETIME = Path(os.environ.get("LIBFAKETIME", "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1"))

pytestmark = [
    pytest.mark.skipif(not TORTURE, reason="make torture runs it"),
    pytest.mark.timeout(SCALE.soak_seconds + 600),
]


def previous_version() -> str:
    """The commit before the last one that changed a workflow; ``PREVIOUS`` in the environment names another."""
    given = os.environ.get("PREVIOUS")
    return given or _git("rev-parse", _git("rev-list", "-1", "HEAD", "--", "workflows") + "^")


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()


@asynccontextmanager
async def previous_worker(place: Stage, commit: str) -> AsyncIterator[Path]:
    """A worker of another version, in a worktree of its own; gives its log."""
    tree, log = place.folder / "previous", place.folder / "previous.log"
    await asyncio.to_thread(_git, "worktree", "add", "--detach", str(tree), commit)
    environment = place.platform.env | {"PYTHONPATH": str(tree)}
    with log.open("wb") as output:
        command = (sys.executable, "-c", "from cli.main import main; main()", "worker")
        process = await asyncio.create_subprocess_exec(
            *command, cwd=tree, env=environment, stdout=output, stderr=output
        )
        try:
            await eventually(lambda: "working" in log.read_text(), 40, 0.1)
            yield log
        finally:
            process.kill()
            await process.wait()
            await asyncio.to_thread(_git, "worktree", "remove", "--force", str(tree))


async def test_the_previous_version_works_beside_this_one(tmp_path: Path) -> None:
    commit = previous_version()
    async with stage(tmp_path, "serve") as place, Sink() as slow, Sink() as flaky:
        slow.script(SlowAnswer(0.5))
        flaky.script(*[Answer(503)] * 200, Answer(200))
        event_type, retried = unique_type("versions"), unique_name("flaky")
        for name, sink in ((unique_name("slow"), slow), (retried, flaky)):
            await place.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=12)
        publishers = Publishers(place, event_type)
        async with previous_worker(place, commit) as log:
            await publishers.publish(SCALE.publishes // 4)
            await place.kill("serve")  # the old one has it all
            await eventually(lambda: "Webhook delivered" in log.read_text(), 60, 0.1)
            await place.up("serve")
            await publishers.publish(SCALE.publishes // 4)
        await all_arrive(publishers.accepted, slow)  # the old one was killed: the new one has it all
        await place.idle()
        health = await place.gateway.health.get(retried)
        said = log.read_text() + place.processes["serve"].said()
    tell("previous version", commit=commit[:10], accepted=len(publishers.accepted), after_failures=health.delivered)
    assert (len(missing(publishers.accepted, slow)), health.failed) == (0, 0)
    assert "TMPRL1100" not in said, "a workflow did not replay"  # the SDK's code of non-determinism


@pytest.mark.skipif(not LIBFAKETIME.exists(), reason="needs Debian's libfaketime; LIBFAKETIME says where it is")
async def test_a_clock_that_jumps_neither_loses_nor_delays(tmp_path: Path) -> None:
    clock = tmp_path / "clock"
    clock.write_text("+0")
    faked = {
        "LD_PRELOAD": str(LIBFAKETIME),
        "FAKETIME_TIMESTAMP_FILE": str(clock),
        "FAKETIME_CACHE_DURATION": str(CLOCK_READ_SECONDS),  # read at each call of a clock, the file slows all down
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "FAKETIME_DONT_RESET": "1",
    }
    async with stage(tmp_path, "serve", **faked) as place, Sink() as sink:
        sink.script(*[Answer(503)] * REFUSED, Answer(200))
        event_type, name = unique_type("clock"), unique_name("clock")
        await place.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=9)
        beating = asyncio.create_task(beats(place, name))
        publishers, began = Publishers(place, event_type), time.monotonic()
        for offset in ("+3600", "-3600", "+86400", "-86400", "+0"):
            clock.write_text(offset)
            await asyncio.sleep(SILENCE_SECONDS)
            await publishers.publish(50, clients=8)
        await all_arrive(publishers.accepted, sink)
        await place.idle()
        days = {line[5:15] for line in place.processes["serve"].said().splitlines() if line.startswith("time=")}
        took, health = time.monotonic() - began, await place.gateway.health.get(name)
        beating.cancel()
        statuses = {change.status for change in (await place.gateway.heartbeats.get(name)).changes}
    assert statuses
    assert Status.DOWN not in statuses
    assert len(days) > 1, "the clock did not jump"
    repeated = len(sink.received) - REFUSED - len(publishers.accepted)
    tell("clock", accepted=len(publishers.accepted), repeats=repeated, seconds=round(took))
    assert (health.delivered - repeated, health.failed) == (len(publishers.accepted), 0)


async def beats(place: Stage, name: str) -> None:
    """Beat every second."""
    added = await place.gateway.heartbeats.add(name, every=timedelta(seconds=5), grace=timedelta(seconds=5))
    async with api_client(place.url) as api:
        while True:
            await api.get(added.ping_path)
            await asyncio.sleep(1)


async def test_memory_stays_flat(tmp_path: Path) -> None:
    async with stage(tmp_path, "serve") as place, Sink() as sink:
        event_type = unique_type("soak")
        for number in range(3):
            await place.gateway.subscribers.add(unique_name("soak"), sink.url(f"/{number}"), types=[event_type])
        publishers, resident, ends = Publishers(place, event_type), list[int](), time.monotonic() + SCALE.soak_seconds
        process, rng = place.processes["serve"].running.pid, chance("soak")

        async def publish() -> None:
            while time.monotonic() < ends:
                await publishers.publish(SOAK_PUBLISHERS, clients=SOAK_PUBLISHERS)
                sink.received.clear()
                await asyncio.sleep(SOAK_PAUSE_SECONDS * rng.random())

        publishing = asyncio.create_task(publish())
        while not publishing.done():
            await asyncio.wait([publishing], timeout=60)
            resident.append(used(process).rss_bytes >> 20)
            tell("soak", minute=len(resident), resident_megabytes=resident[-1], events=len(publishers.accepted))
        await publishing
        await place.idle()
    assert not publishers.odd
    assert resident[-1] <= resident[1] * GROWTH, resident
