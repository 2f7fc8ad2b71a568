"""``make bench``: throughput, latency and isolation of the whole platform, every part a process of its own.

Starts a Temporal dev server on a database file (WAL, synchronous NORMAL), ``im serve``, a sink and a load process;
runs each case several times; checks that every event arrived; prints medians with their range and the CPU of each
process; writes JSON. ``python -m bench.run --help`` lists the options. Compare figures within one run only.
"""

import argparse
import asyncio
import json
import os
import statistics
import sys
import tempfile
import uuid
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from service.devserver import dev_server, find_cli, free_port
from service.gateway import Gateway, make_gateway
from service.settings import Settings
from service.temporal import connect

HERE = Path(__file__).parent
IM = str(Path(sys.executable).parent / "im")
TOKEN = "bench-token-0123456789"  # noqa: S105 - of a server that lives for a minute on loopback
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE_SECONDS = 90


@dataclass(frozen=True)
class Case:
    """One thing measured.

    Attributes:
        subscribers: healthy ones, which the figures are about.
        beside: kind of one more subscriber, ``fail`` or ``slow``.
    """

    name: str
    events: int
    subscribers: int
    publishers: int = 32
    batch: int = 0
    rate: float = 0
    beside: str = ""


CASES = (
    Case("5000x1", 5000, 1),
    Case("batch100", 20000, 1, batch=100),
    Case("500x10", 500, 10),
    Case("100x100", 100, 100),
    Case("20/s", 200, 1, rate=20),
    Case("burst", 1000, 1),
    Case("burst-fail", 1000, 1, beside="fail"),
    Case("burst-slow", 1000, 1, beside="slow"),
)


@dataclass
class Stage:
    """The processes of one run."""

    gateway: Gateway
    url: str
    sink: str
    pids: dict[str, int] = field(default_factory=dict)


async def main() -> None:
    """Run what was asked for and print the table."""
    options = _options()
    figures: dict[str, list[dict[str, float]]] = {}
    for number in range(options.repeat):
        async with stage() as found:
            for case in CASES:
                if not options.case or case.name in options.case:
                    figures.setdefault(case.name, []).append(await measure(found, case, options.scale))
                    _progress(number, case, figures[case.name][-1])
    _print(figures)
    await asyncio.to_thread(Path(options.json).write_text, json.dumps(figures, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--case", action="append", choices=[case.name for case in CASES], help="only these")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each case, on fresh servers (default 3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of each case's events (default 1)")
    parser.add_argument("--json", default="bench-results.json", help="where the figures go")
    return parser.parse_args()


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Temporal, `im serve` and a sink."""
    cli = find_cli()
    if cli is None:
        raise SystemExit("no Temporal CLI: run make install first")
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        temporal = await stack.enter_async_context(dev_server(cli, database=folder / "temporal.db", port=0, ui_port=0))
        os.environ |= {
            "TEMPORAL_ADDRESS": temporal.address,
            "IM_STATE_DIR": str(folder),
            "IM_API_TOKEN": TOKEN,
            "ENABLE_EVENT_PUBLISHING": "true",
        }
        api, sink = free_port(), free_port()
        pids = {
            "temporal": temporal.process.pid,
            "im": await _start(stack, IM, "serve", "--port", str(api), log=folder / "serve.log"),
            "sink": await _start(stack, sys.executable, str(HERE / "sink.py"), str(sink), log=folder / "sink.log"),
        }
        await _until_up(f"http://127.0.0.1:{api}/readyz")
        await _until_up(f"http://127.0.0.1:{sink}/count")
        gateway = make_gateway(Settings(im_state_dir=folder, enable_event_publishing=True), await connect())
        yield Stage(gateway, f"http://127.0.0.1:{api}/api/v1/events", f"http://127.0.0.1:{sink}", pids)


async def _start(stack: AsyncExitStack, *command: str, log: Path) -> int:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)

    async def stop() -> None:
        process.terminate()
        await process.wait()

    stack.push_async_callback(stop)
    return process.pid


async def _until_up(url: str) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(300):
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    raise SystemExit(f"{url} did not come up")


async def measure(found: Stage, case: Case, scale: float) -> dict[str, float]:
    """One run of one case."""
    event_type, events = f"bench.{uuid.uuid4().hex[:8]}.v1", max(case.batch, round(case.events * scale), 10)
    names = await _subscribe(found, case, event_type)
    before = {name: _cpu_seconds(pid) for name, pid in found.pids.items()}
    load = await _load(found, case, event_type, events)
    seen = await _arrivals(found, events * case.subscribers)
    spent = {name: _cpu_seconds(pid) - before[name] for name, pid in found.pids.items()}
    for name in names:
        await found.gateway.subscribers.remove(name)
    return _figures(case, load, seen, spent, events)


async def _subscribe(found: Stage, case: Case, event_type: str) -> list[str]:
    kinds = ["ok"] * case.subscribers + ([case.beside] if case.beside else [])
    names = [f"{kind}-{uuid.uuid4().hex[:6]}" for kind in kinds]
    for first in range(0, len(names), 8):
        await asyncio.gather(
            *(
                found.gateway.subscribers.add(
                    name, f"{found.sink}/{kind}/{name}", types=[event_type], generate_secret=True
                )
                for name, kind in list(zip(names, kinds, strict=True))[first : first + 8]
            )
        )
    return names


async def _load(found: Stage, case: Case, event_type: str, events: int) -> dict[str, Any]:
    wanted = {
        "url": found.url,
        "token": TOKEN,
        "type": event_type,
        "events": events,
        "publishers": case.publishers,
        "batch": case.batch,
        "rate": case.rate,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(HERE / "load.py"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate(json.dumps(wanted).encode())
    result: dict[str, Any] = json.loads(out)
    return result


async def _arrivals(found: Stage, expected: int) -> list[tuple[str, str, float]]:
    """Every arrival, once the healthy subscribers have all of theirs (or patience ends)."""
    seen: list[tuple[str, str, float]] = []
    async with httpx.AsyncClient(timeout=60) as client:
        for _ in range(PATIENCE_SECONDS * 4):
            seen += (await client.get(f"{found.sink}/seen")).json()
            if len({(event, path) for event, path, _ in seen if path.startswith("/ok/")}) >= expected:
                break
            await asyncio.sleep(0.25)
    return seen


def _figures(
    case: Case, load: dict[str, Any], seen: list[tuple[str, str, float]], spent: dict[str, float], events: int
) -> dict[str, float]:
    # Repeats of an earlier case may still arrive: they are not of this one.
    mine = load["accepted"]
    healthy = [arrival for arrival in seen if arrival[1].startswith("/ok/") and arrival[0] in mine]
    expected = events * case.subscribers
    unique = len({(event, path) for event, path, _ in healthy})
    waits = sorted((at - mine[event][0]) * 1000 for event, _, at in healthy)
    lasted = max(at for *_, at in healthy) - load["began"]
    figures = {
        "accepted/s": events / (load["ended"] - load["began"]),
        "deliveries/s": unique / lasted,
        "p50 ms": _percentile(waits, 0.50),
        "p99 ms": _percentile(waits, 0.99),
        "lost": expected - unique,
        "repeats": len(healthy) - unique,
        "refused": load["refused"],
        "CPU ms/delivery": sum(spent[name] for name in ("temporal", "im")) * 1000 / unique,
    }
    return figures | {f"CPU {name} %": seconds * 100 / lasted for name, seconds in spent.items()}


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def _cpu_seconds(pid: int) -> float:
    user, system = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / TICKS


def _progress(number: int, case: Case, figures: dict[str, float]) -> None:
    brief = "  ".join(f"{name} {value:.4g}" for name, value in figures.items())
    print(f"run {number + 1}  {case.name:<11} {brief}", flush=True)


def _print(figures: dict[str, list[dict[str, float]]]) -> None:
    print()
    for case, runs in figures.items():
        print(case)
        for name in runs[0]:
            values = [run[name] for run in runs]
            print(f"  {name:<18} {statistics.median(values):>9.4g}   ({min(values):.4g} to {max(values):.4g})")


if __name__ == "__main__":
    asyncio.run(main())
    sys.stdout.flush()
    os._exit(0)
