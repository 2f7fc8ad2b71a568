"""The processes of one run: Temporal on a database file, `im serve` and the sink."""

import asyncio
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from bench.processes import Used, used
from service.devserver import Synchronous, TemporalCli, dev_server, find_cli, free_port
from service.gateway import Gateway
from service.settings import Settings
from service.temporal import connect

HERE = Path(__file__).parent
IM = str(Path(sys.executable).parent / "im")
TOKEN = "bench-token-0123456789"  # noqa: S105 - of a server that lives for a minute on loopback
START_SECONDS = 30
STOP_SECONDS = 30  # longer than a drain


@dataclass
class Stage:
    """What runs, and how to reach it.

    Attributes:
        pids: the first process of each group.
        folder: the state of all, removed with the stage.
    """

    gateway: Gateway
    api_port: int
    sink: str
    folder: Path
    pids: dict[str, int] = field(default_factory=dict)

    def used(self) -> dict[str, Used]:
        """What each group has used so far; ``bench`` is this very process."""
        return {name: used(pid) for name, pid in self.pids.items()}


def temporal_cli() -> TemporalCli:
    """The Temporal CLI that is measured."""
    if (cli := find_cli()) is None:
        raise SystemExit("no Temporal CLI: run make install first")
    return cli


@asynccontextmanager
async def stage(*, workers: int = 1, synchronous: Synchronous = "NORMAL") -> AsyncIterator[Stage]:
    """Run everything for the duration of a block, on empty state.

    Args:
        workers: processes of `im serve`.
        synchronous: SQLite's pragma under Temporal.
    """
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        database = folder / "temporal.db"
        server = dev_server(temporal_cli(), database=database, port=0, ui_port=0, synchronous=synchronous)
        temporal = await stack.enter_async_context(server)
        os.environ |= {
            "TEMPORAL_ADDRESS": temporal.address,
            "IM_STATE_DIR": str(folder),
            "IM_API_TOKEN": TOKEN,
            "ENABLE_EVENT_PUBLISHING": "true",
        }
        api, sink = free_port(), free_port()
        more = ("--workers", str(workers)) if workers > 1 else ()
        serve = await _start(stack, IM, "serve", "--port", str(api), *more, log=folder / "serve.log")
        await _until_up(f"http://127.0.0.1:{api}/readyz", folder / "serve.log")
        receiver = await _start(stack, sys.executable, str(HERE / "sink.py"), str(sink), log=folder / "sink.log")
        await _until_up(f"http://127.0.0.1:{sink}/count", folder / "sink.log")
        gateway = Gateway(Settings(im_state_dir=folder, enable_event_publishing=True), await connect())
        pids = {"temporal": temporal.process.pid, "im": serve, "sink": receiver}
        yield Stage(gateway, api, f"http://127.0.0.1:{sink}", folder, pids)


async def _start(stack: AsyncExitStack, *command: str, log: Path) -> int:
    with log.open("wb") as output:
        process = await asyncio.create_subprocess_exec(*command, stdout=output, stderr=output)

    async def stop() -> None:
        if process.returncode is None:
            process.terminate()
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            process.kill()
            await process.wait()

    stack.push_async_callback(stop)
    return process.pid


async def _until_up(url: str, log: Path) -> None:
    async with httpx.AsyncClient() as client:
        for _ in range(START_SECONDS * 10):
            try:
                if (await client.get(url)).status_code == 200:
                    return
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.1)
    said = (await asyncio.to_thread(log.read_text, errors="replace"))[-2000:]
    raise SystemExit(f"{url} did not come up within {START_SECONDS} s; it said:\n{said}")
