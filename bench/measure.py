"""One run of one case on a stage."""

import asyncio
import contextlib
import json
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import httpx

from bench.cases import Case
from bench.figures import PLATFORM, Arrival, Figures, History, Published, Seen, figures, healthy_of
from bench.processes import reset_peaks
from bench.stage import HERE, TOKEN, Stage
from domain.errors import UnavailableError
from domain.subscriber_errors import SubscriberExistsError, SubscriberNotFoundError
from workflows.names import EVENT_TYPES

PATIENCE_SECONDS = 120
POLL_SECONDS = 0.25
REMOVED_AT_ONCE, CHANGE_TRIES = 10, 5
QUIET_WITHIN_SECONDS = 15
QUIET_WINDOW_SECONDS = 0.5
QUIET_SHARE = 0.15  # of a core
PUBLISH_PATH = "/api/v1/events"


async def measure(found: Stage, case: Case, scale: float = 1.0) -> Figures:
    """Run a case and give its figures.

    Args:
        found: what runs.
        case: what to do.
        scale: share of the case's events; never fewer than 10, or a batch.
    """
    event_type, events = f"bench.{uuid.uuid4().hex[:8]}.v1", max(case.batch, round(case.events * scale), 10)
    subscribers = await subscribe(found, case, event_type)
    await quiet(found)
    reset_peaks(found.pids.values())
    before = found.used()
    published = await publish(found, case, event_type, events)
    arrivals = await arrivals_of(found, published, case.subscribers)
    arrived = found.used()
    if not case.control:  # a neighbour in trouble keeps its workflows open
        await settled(found, event_type)
    after = found.used()
    await unsubscribe(found, subscribers)
    await settled(found, event_type)
    history = await history_of(found, event_type)
    return figures(Seen(case, events, published, arrivals, before, arrived, after, history))


async def subscribe(found: Stage, case: Case, event_type: str) -> list[str]:
    """Add the subscribers of a case; their names."""
    kinds = ["ok"] * case.subscribers + ([case.beside] if case.beside else [])
    urls = {f"{kind}-{uuid.uuid4().hex[:8]}": kind for kind in kinds}
    await add_subscribers(found, {name: f"{found.sink}/{kind}/{name}" for name, kind in urls.items()}, event_type)
    return list(urls)


async def add_subscribers(found: Stage, urls: dict[str, str], event_type: str) -> None:
    """Add signed subscribers of one event type, by name."""
    add = partial(found.gateway.subscribers.add, types=[event_type], generate_secret=True)
    await asyncio.gather(*(_patiently(partial(add, name, url)) for name, url in urls.items()))


async def unsubscribe(found: Stage, names: list[str]) -> None:
    """Remove subscribers, a few at once: what waits for each is counted first, and Temporal limits such questions."""
    turns = asyncio.Semaphore(REMOVED_AT_ONCE)

    async def remove(name: str) -> None:
        async with turns:
            await _patiently(partial(found.gateway.subscribers.remove, name))

    await asyncio.gather(*map(remove, names))


async def _patiently(change: Callable[[], Awaitable[Any]]) -> None:
    """Make a change, again where it was not answered in time: the directory pauses for a second to begin a new run."""
    for _ in range(CHANGE_TRIES):
        with contextlib.suppress(UnavailableError):
            with contextlib.suppress(SubscriberExistsError, SubscriberNotFoundError):  # it was made all the same
                await change()
            return
    raise SystemExit(f"a subscriber was not changed in {CHANGE_TRIES} attempts")


async def publish(found: Stage, case: Case, event_type: str, events: int) -> Published:
    """Have a process of its own publish everything."""
    wanted: dict[str, Any] = {"host": "127.0.0.1", "port": found.api_port, "path": PUBLISH_PATH, "token": TOKEN}
    wanted |= {"type": event_type, "events": events, "publishers": case.publishers, "batch": case.batch}
    wanted |= {"rate": case.rate, "patience": PATIENCE_SECONDS}
    # Into a file: with PYTHONUNBUFFERED set, Python drops what a pipe does not take at once.
    said = found.folder / "load.json"
    with said.open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(HERE / "load.py"), stdin=asyncio.subprocess.PIPE, stdout=output
        )
        await process.communicate(json.dumps(wanted).encode())
    if process.returncode:
        raise SystemExit(f"the load process ended with status {process.returncode}; what it said is above")
    return Published.model_validate_json(await asyncio.to_thread(said.read_bytes))


async def arrivals_of(found: Stage, published: Published, subscribers: int) -> list[Arrival]:
    """Every arrival, once each healthy subscriber has every event, or patience has ended."""
    seen: list[Arrival] = []
    missing, deadline = len(published.accepted) * subscribers, time.monotonic() + PATIENCE_SECONDS
    async with httpx.AsyncClient(timeout=60, base_url=found.sink) as client:
        while missing:
            late = time.monotonic() > deadline
            if late or int((await client.get("/count")).text) >= missing:
                seen += (tuple(arrival) for arrival in (await client.get("/seen")).json())
                here = {(event, path) for event, path, _ in healthy_of(seen, published.accepted)}
                missing = len(published.accepted) * subscribers - len(here)
            if late:
                break
            await asyncio.sleep(POLL_SECONDS if missing else 0)
    return seen


async def settled(found: Stage, event_type: str) -> None:
    """Wait until every workflow of a case has closed, or patience has ended.

    Visibility is written a moment after the fact, so it must say so twice.
    """
    client, query = found.gateway.connection.client, f"{EVENT_TYPES.name} = '{event_type}'"
    deadline, closed = time.monotonic() + PATIENCE_SECONDS, 0
    while closed < 2 and time.monotonic() < deadline:
        running = await client.count_workflows(f"{query} AND ExecutionStatus = 'Running'")
        closed = 0 if running.count else closed + 1
        await asyncio.sleep(POLL_SECONDS)


async def quiet(found: Stage) -> None:
    """Wait until what came before has died down, so that its CPU is not counted for what comes next."""
    deadline, before = time.monotonic() + QUIET_WITHIN_SECONDS, _platform_cpu(found)
    while time.monotonic() < deadline:
        await asyncio.sleep(QUIET_WINDOW_SECONDS)
        now = _platform_cpu(found)
        if now - before < QUIET_SHARE * QUIET_WINDOW_SECONDS:
            return
        before = now


def _platform_cpu(found: Stage) -> float:
    spent = found.used()
    return sum(spent[name].cpu_seconds for name in PLATFORM)


async def history_of(found: Stage, event_type: str) -> History:
    """The histories of a case's workflows, which visibility knows once they have closed."""
    total = History()
    async for run in found.gateway.connection.client.list_workflows(f"{EVENT_TYPES.name} = '{event_type}'"):
        total.workflows += 1
        total.events += run.history_length
        total.bytes += run.raw_info.history_size_bytes
    return total
