"""What work costs as things grow: subscribers of an event, the directory, visibility, the ledger.

Each on servers of its own, from small to large, with the same probes at each size. Some minutes in all.
"""

import asyncio
import contextlib
import statistics
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime

import httpx
from temporalio.client import WorkflowQueryFailedError
from temporalio.service import RPCError

from bench.cases import WARM_UP, Case
from bench.figures import Figures, percentile
from bench.measure import add_subscribers, measure, publish, settled
from bench.results import Options
from bench.stage import TOKEN, Stage, stage
from domain.directory import stored_size
from domain.health import LedgerBatch, LedgerEntry, Report, summed
from service.subscribers import LEASE_WAIT_SECONDS
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.names import LEDGER_ID

MATCHING = {1: 500, 10: 200, 100: 30, 1000: 10}  # subscribers an event: events
IN_DIRECTORY = (10, 100, 1000, 2000)
EVENTS_IN_VISIBILITY = (0, 10_000, 30_000, 100_000)
OUTCOMES = (0, 10_000, 100_000, 1_000_000)
LEDGER_SUBSCRIBERS = 100
ENTRIES = 500  # a signal, as many as a group commit holds
UNCOUNTED = 10_000  # at most so many wait to be counted: a process waits for its signals too, and sends fewer at once
COUNTED_WITHIN_SECONDS = 60
FILLED_AT_ONCE = 10_000  # events
ASKED = 20  # times each question is put

AT_RATE = Case("at-rate", "", 100, 1, rate=20)
BURST = Case("burst-1", "", 1000, 1)
FILL = Case("fill", "", 0, 0, publishers=4, batch=100)

Rows = AsyncIterator[Figures]


async def run(options: Options, names: Sequence[str] = ()) -> dict[str, list[Figures]]:
    """Tables of growth, a row for each size; the sizes shrink with the scale.

    Args:
        options: of the whole call.
        names: of `GROWING`; all for none.
    """
    found: dict[str, list[Figures]] = {}
    for name, rows in GROWING.items():
        if names and name not in names:
            continue
        found[name] = []
        async with stage(workers=options.workers, synchronous=options.synchronous) as servers:
            await measure(servers, WARM_UP, options.scale)
            async for row in rows(servers, options.scale):
                found[name].append(row)
                print(f"{name}  " + "  ".join(f"{figure} {value:.4g}" for figure, value in row.items()), flush=True)
    return found


def sizes(all_sizes: tuple[int, ...], scale: float) -> list[int]:
    """Sizes at a scale; those that become equal are one."""
    return sorted({round(size * scale) for size in all_sizes})


async def _subscribers(found: Stage, scale: float) -> Rows:
    """More and more subscribers want each event."""
    for number, events in MATCHING.items():
        subscribers = max(1, round(number * scale))
        figures = await measure(found, Case(f"1x{subscribers}", "", events, subscribers))
        wanted = ("deliveries_per_s", "cpu_ms_per_delivery", "p50_ms", "p99_ms", "history_bytes_per_event", "lost")
        yield {"size": subscribers} | {name: figures[name] for name in wanted}


async def _directory(found: Stage, scale: float) -> Rows:
    """More and more subscribers are known, and one of them wants each event."""
    known = 0
    for size in sizes(IN_DIRECTORY, scale):
        began = time.perf_counter()
        await _add_others(found, size - known)
        adding = (time.perf_counter() - began - LEASE_WAIT_SECONDS) * 1000 / max(1, size - known)
        known = size
        snapshot = await found.gateway.subscribers.snapshot(None)
        held = sum(stored_size(each) for each in (snapshot.subscribers or {}).values())
        row = {"size": size, "add_ms": max(0.0, adding), "directory_kb": held / 1000}
        row["snapshot_ms"] = await _asked(lambda: found.gateway.subscribers.snapshot(None))
        row |= await _got(found, "list_ms", "/api/v1/subscribers?limit=100")
        yield row | await _probes(found)


async def _add_others(found: Stage, number: int) -> None:
    others = {f"other-{uuid.uuid4().hex[:8]}": found.sink for _ in range(number)}
    await add_subscribers(found, {name: f"{sink}/ok/{name}" for name, sink in others.items()}, "bench.others.v1")


async def _visibility(found: Stage, scale: float) -> Rows:
    """More and more events lie in visibility, a hundred a workflow; nobody wanted them."""
    held, known = 0, ""
    for size in sizes(EVENTS_IN_VISIBILITY, scale):
        began, new = time.perf_counter(), size - held
        while held < size:
            published = await publish(found, FILL, "bench.fill.v1", min(FILLED_AT_ONCE, size - held))
            held, known = held + len(published.accepted), next(iter(published.accepted))
        await settled(found, "bench.fill.v1")
        row = {"size": size, "fill_per_s": new / (time.perf_counter() - began)}
        row |= await _got(found, "list_ms", "/api/v1/events?limit=100")
        row |= await _got(found, "failed_ms", "/api/v1/events?limit=100&failed=true")
        if known:
            row |= await _got(found, "find_ms", f"/api/v1/events/{known}")
        yield row | await _probes(found)


async def _ledger(found: Stage, scale: float) -> Rows:
    """More and more outcomes were recorded, of a hundred subscribers."""
    client = found.gateway.connection.client
    ledger = client.get_workflow_handle(LEDGER_ID)
    recorded = 0
    for size in sizes(OUTCOMES, scale):
        began, before, times = time.perf_counter(), recorded, list[float]()
        while recorded + ENTRIES <= size:
            signalled = time.perf_counter()
            await ledger.signal(DeliveryLedgerWorkflow.record, _batch())
            times.append((time.perf_counter() - signalled) * 1000)
            recorded += ENTRIES
            if recorded % UNCOUNTED == 0 and await _counted(found, recorded) < recorded:
                break  # it does not come round any more: the row shows how far it got
        row: Figures = {"size": size, "counted": await _counted(found, recorded)}
        row["outcomes_per_s"] = (recorded - before) / (time.perf_counter() - began)
        row["health_ms"] = await _asked(lambda: ledger.query(DeliveryLedgerWorkflow.health, None))
        row["health_one_ms"] = await _asked(lambda: ledger.query(DeliveryLedgerWorkflow.health, "subscriber-1"))
        times.sort()
        if times:
            row |= {"signal_p50_ms": percentile(times, 50), "signal_p99_ms": percentile(times, 99)}
            row["signal_max_ms"] = times[-1]
        row["runs"] = (await client.count_workflows(f"WorkflowId = '{LEDGER_ID}'")).count
        yield row


def _batch() -> LedgerBatch:
    now = datetime.now(UTC)
    names = [f"subscriber-{number % LEDGER_SUBSCRIBERS}" for number in range(ENTRIES)]
    return summed(LedgerEntry(subscriber=name, report=Report.DELIVERED, at=now, duration_ms=12) for name in names)


async def _counted(found: Stage, expected: int) -> float:
    """What the ledger has counted, once that is all, or after a minute."""
    ledger = found.gateway.connection.client.get_workflow_handle(LEDGER_ID)
    total, deadline = 0, time.monotonic() + COUNTED_WITHIN_SECONDS
    while total < expected and time.monotonic() < deadline:
        with contextlib.suppress(RPCError, WorkflowQueryFailedError):  # too busy to answer: asked again
            counters = await ledger.query(DeliveryLedgerWorkflow.health, None)
            total = sum(each.delivered for name, each in counters.items() if name.startswith("subscriber-"))
        await asyncio.sleep(0.05)
    return total


async def _probes(found: Stage) -> Figures:
    """What one subscriber's events are like now."""
    slow, fast = await measure(found, AT_RATE), await measure(found, BURST)
    figures = {name: slow[name] for name in ("p50_ms", "p99_ms")}
    return figures | {"deliveries_per_s": fast["deliveries_per_s"], "lost": slow["lost"] + fast["lost"]}


async def _asked(question: Callable[[], Awaitable[object]]) -> float:
    """Median milliseconds of an answer."""
    times = []
    for _ in range(ASKED):
        began = time.perf_counter()
        await question()
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


async def _got(found: Stage, figure: str, path: str) -> Figures:
    """Median milliseconds of a GET at the API, as a figure; none when it is refused, which is said."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{found.api_port}", headers=headers, timeout=60) as client:

        async def get() -> None:
            (await client.get(path)).raise_for_status()

        try:
            return {figure: await _asked(get)}
        except httpx.HTTPStatusError as error:
            print(f"GET {path} answered {error.response.status_code}: {error.response.text[:200]}", flush=True)
            return {}


GROWING: dict[str, Callable[[Stage, float], Rows]] = {
    "subscribers": _subscribers,
    "directory": _directory,
    "visibility": _visibility,
    "ledger": _ledger,
}
