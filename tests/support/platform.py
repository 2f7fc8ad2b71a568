"""The whole platform for end-to-end tests: a real dev server, `im serve` in its own process, the CLI and the API."""

import asyncio
import contextlib
import json
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
from temporalio.client import Client

import service.temporal
import service.turns
from domain.events import CloudEvent
from service.devserver import DevServer, dev_server, find_cli
from service.gateway import Gateway
from service.settings import Settings
from service.temporal import DATA_CONVERTER
from tests.support.eventually import LOADED, eventually, within
from tests.support.plain_http import is_ready
from tests.support.ports import free_port

IM = str(Path(sys.executable).parent / "im")
TOKEN = "test-token-0123456789"
AGAIN = 5  # times


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it printed, parsed."""
        return json.loads(self.out)


@dataclass
class Platform:
    """One namespace on one dev server, and the processes of ours that use it."""

    state: Path
    temporal: DevServer
    env: dict[str, str] = field(default_factory=dict)
    gateway: Gateway = field(init=False)
    client: Client = field(init=False)
    api: httpx.AsyncClient = field(init=False)

    @classmethod
    async def over(cls, temporal: DevServer, state: Path) -> "Platform":
        """A platform without any process yet."""
        platform = cls(state=state, temporal=temporal)
        platform.env = clean_environment() | {
            "TEMPORAL_ADDRESS": temporal.address,
            "IM_STATE_DIR": str(state),
            "IM_API_TOKEN": TOKEN,
            "ENABLE_EVENT_PUBLISHING": "true",
        }
        platform.client = await Client.connect(temporal.address, data_converter=DATA_CONVERTER)
        have_patience()
        settings = Settings(im_state_dir=state, enable_event_publishing=True)
        platform.gateway = Gateway(settings, platform.client)
        return platform

    async def im(self, *args: str, stdin: str | None = None, env: dict[str, str] | None = None) -> Ran:
        """Run the CLI to its end."""
        process = await asyncio.create_subprocess_exec(
            IM,
            *args,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=self.env | (env or {}),
            cwd=self.state,
        )
        out, err = await within(30, process.communicate((stdin or "").encode()))
        return Ran(process.returncode or 0, out.decode(), err.decode())

    @asynccontextmanager
    async def process(self, command: str, *options: str, **env: str) -> AsyncIterator["Process"]:
        """Run ``im serve`` or ``im worker`` for the duration of a block, and stop it with SIGTERM."""
        port = free_port()
        environment = self.env | {"IM_API_PORT": str(port)} | env
        log = self.state / f"{command}-{port}.stderr"
        with log.open("wb") as stderr:
            running = await asyncio.create_subprocess_exec(
                IM, command, *options, env=environment, stderr=stderr, stdout=stderr, cwd=self.state
            )
        process = Process(running, log, f"http://127.0.0.1:{port}")
        try:
            await process.up(needs_api=command == "serve")
            yield process
        finally:
            await process.stop()

    async def emit(self, event_type: str, data: Any = None, **parts: Any) -> str:
        """Publish an event over the API; returns its id."""
        event = CloudEvent(id=f"evt_{uuid.uuid4()}", source="/tests", type=event_type, data=data or {"n": 1}, **parts)
        answer = await self.post_event(event)
        assert answer.status_code == 202, answer.text
        return event.id

    async def post_event(self, event: CloudEvent) -> httpx.Response:
        """Publish an event over the API; again, as publishers do, when that has too much to do at the moment."""
        headers = {"Content-Type": "application/cloudevents+json"}
        for _ in range(AGAIN):
            answer = await self.api.post("/api/v1/events", content=event.body, headers=headers)
            if answer.status_code not in {httpx.codes.SERVICE_UNAVAILABLE, httpx.codes.TOO_MANY_REQUESTS}:
                break
            await asyncio.sleep(int(answer.headers.get("retry-after", "1")))
        return answer

    async def deliveries(self, event_id: str) -> dict[str, Any]:
        """The deliveries of an event, by subscriber, as the API shows them: its first run and what went on of it."""
        answer = await self.api.get(f"/api/v1/events/{event_id}")
        assert answer.status_code == 200, answer.text
        runs = [run for run in answer.json()["runs"] if run["kind"] != "resend"]
        return {delivery["subscriber"]: delivery for run in runs for delivery in run["deliveries"]}

    async def ended(self, event_id: str, timeout: float = 30) -> dict[str, Any]:
        """The same, once every delivery of the event has ended."""

        async def all_ended() -> dict[str, Any] | None:
            found = await self.deliveries(event_id)
            done = all(delivery["state"] in {"delivered", "failed", "cancelled"} for delivery in found.values())
            return found if found and done else None

        return await eventually(all_ended, timeout, interval=0.1)


@dataclass
class Process:
    """A running process of ours."""

    running: asyncio.subprocess.Process
    log: Path
    url: str

    async def up(self, *, needs_api: bool) -> None:
        """Wait until it serves, or works."""

        async def ready() -> bool:
            if self.running.returncode is not None:
                pytest_fail(f"the process ended with {self.running.returncode}: {self.said()}")
            if not needs_api:
                return "msg=working" in self.said() or 'msg="working"' in self.said()
            return await is_ready(self.url)

        await eventually(ready, 45, interval=0.1)

    def said(self) -> str:
        """Everything it wrote to its terminal."""
        return self.log.read_text()

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Signal it and wait; returns its exit status."""
        with contextlib.suppress(ProcessLookupError):
            self.running.send_signal(number)
        return await within(30, self.running.wait())


def have_patience() -> None:
    """Have gateways of this process wait for a loaded machine: a person is told soon, and comes again; no test does."""
    service.temporal.ANSWER_TIMEOUT = timedelta(seconds=3 * LOADED)
    service.turns.PATIENCE_SECONDS = 6 * LOADED


def pytest_fail(reason: str) -> None:
    """Fail outside of `eventually`, which would try again."""
    raise SystemExit(reason)


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of ours, of Temporal's or of OpenTelemetry's."""
    ours = ("IM_", "TEMPORAL_", "ENABLE_EVENT", "OUTBOX_", "OTEL_")
    return {name: value for name, value in os.environ.items() if not name.startswith(ours)}


@asynccontextmanager
async def temporal_dev_server(folder: Path, dynamic_config: Sequence[str] = ()) -> AsyncIterator[DevServer]:
    """A dev server on a database file, on free ports."""
    cli = find_cli()
    assert cli is not None, "the dev group brings a Temporal CLI"
    async with dev_server(
        cli, database=folder / "temporal.db", port=free_port(), ui_port=free_port(), dynamic_config=dynamic_config
    ) as server:
        yield server


@contextlib.contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Nothing is heard of a process for the duration of a block."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def unique_type(stem: str) -> str:
    """An event type that no other test uses."""
    return f"test.{stem}.{uuid.uuid4().hex[:8]}.v1"


def unique_name(stem: str) -> str:
    """A subscriber name that no other test uses."""
    return f"{stem}-{uuid.uuid4().hex[:8]}"
