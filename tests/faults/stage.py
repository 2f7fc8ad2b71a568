"""A platform whose parts can be killed, frozen and started again on the same ports and files."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx

from service.devserver import DevServer, dev_server, find_cli
from service.gateway import Gateway
from tests.faults.scale import SETTLE_SECONDS
from tests.support.eventually import eventually
from tests.support.plain_http import is_ready
from tests.support.platform import TOKEN, Platform, Process
from tests.support.ports import free_port
from tests.support.started import started

TEMPORAL = "temporal"
UP_SECONDS = 90  # for a process to work, on a machine that is busy


class Stage:
    """Temporal and processes of ours, by name: ``serve``, ``worker``, ``temporal``.

    Args:
        folder: of the database, the state and the logs.
        dynamic_config: settings of the Temporal server.
        environment: of our processes, on top.
    """

    def __init__(self, folder: Path, dynamic_config: Sequence[str] = (), **environment: str) -> None:
        self.folder = folder
        self.api_port, self.temporal_port = free_port(), free_port()
        self.environment = environment
        self.processes: dict[str, Process] = {}
        self._dynamic_config = dynamic_config
        self._contexts: dict[str, AbstractAsyncContextManager[object]] = {}
        self._platform: Platform

    @property
    def url(self) -> str:
        """Of the API."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def gateway(self) -> Gateway:
        """A gateway of this test's own process."""
        return self._platform.gateway

    @property
    def platform(self) -> Platform:
        """The same platform, as other tests use it; it has no process."""
        return self._platform

    async def up(self, *names: str, file_limit: int | None = None) -> None:
        """Start what is named, and wait until it works."""
        for name in names:
            await (self._temporal_up() if name == TEMPORAL else self._process_up(name, file_limit))

    async def kill(self, name: str) -> None:
        """SIGKILL."""
        await self._ended(name, signal.SIGKILL)

    async def stop(self, name: str) -> int:
        """SIGTERM; the exit status."""
        return await self._ended(name, signal.SIGTERM)

    def send(self, name: str, number: signal.Signals) -> None:
        """Send a signal and wait for nothing."""
        os.kill(self._pid(name), number)

    async def _ended(self, name: str, number: signal.Signals) -> int:
        context = self._contexts.pop(name)
        if name == TEMPORAL:
            server = self._temporal.process
            server.send_signal(number)
            code = await server.wait()
        else:
            code = await self.processes[name].stop(number)
        await context.__aexit__(None, None, None)
        return code

    def _pid(self, name: str) -> int:
        return self._temporal.process.pid if name == TEMPORAL else self.processes[name].running.pid

    async def _temporal_up(self) -> None:
        cli = find_cli()
        assert cli is not None, "the dev group brings a Temporal CLI"
        database, config = self.folder / "temporal.db", self._dynamic_config
        context = dev_server(
            cli, database=database, port=self.temporal_port, ui_port=free_port(), dynamic_config=config
        )
        self._temporal: DevServer = await context.__aenter__()
        self._contexts[TEMPORAL] = context
        if not hasattr(self, "_platform"):
            self._platform = await Platform.over(self._temporal, self.folder)

    async def _process_up(self, name: str, file_limit: int | None) -> None:
        environment = self._platform.env | self.environment | {
            "IM_API_PORT": str(self.api_port)
        }  # fmt: skip
        log = self.folder / f"{name}.log"
        before = log.read_text().count("working") if log.exists() else 0
        context = started([name], self.folder, file_limit, **environment)
        self.processes[name] = process = await context.__aenter__()
        self._contexts[name] = context
        if name == "serve":
            await eventually(lambda: is_ready(self.url), UP_SECONDS, 0.05)
        else:
            await eventually(lambda: process.said().count("working") > before, UP_SECONDS, 0.05)

    async def idle(self, within: float = SETTLE_SECONDS) -> None:
        """Wait until no event workflow runs."""

        async def closed() -> bool:
            query = "WorkflowType = 'EventWorkflow' AND ExecutionStatus = 'Running'"
            return (await self._platform.client.count_workflows(query)).count == 0

        await eventually(closed, within, 0.2)

    async def aclose(self) -> None:
        """End everything, Temporal last."""
        async with AsyncExitStack() as stack:
            for name in (TEMPORAL, *(name for name in self._contexts if name != TEMPORAL)):
                if name in self._contexts:
                    stack.push_async_exit(self._contexts[name])
            self._contexts = {}


@asynccontextmanager
async def stage(folder: Path, *names: str, dynamic_config: Sequence[str] = (), **env: str) -> AsyncIterator[Stage]:
    """A stage on which so much runs, for the duration of a block."""
    made = Stage(folder, dynamic_config, **env)
    try:
        await made.up(TEMPORAL, *names)
        yield made
    finally:
        await asyncio.shield(made.aclose())


def api_client(url: str) -> httpx.AsyncClient:
    """A client of the API, with the token."""
    limits = httpx.Limits(max_connections=None)
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=15, limits=limits)
