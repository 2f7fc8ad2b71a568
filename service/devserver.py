"""The Temporal dev server of `im dev`: finds a Temporal CLI, starts it on a database file, stops it cleanly."""

import asyncio
import contextlib
import re
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from temporalio.client import Client
from temporalio.testing import WorkflowEnvironment

from domain.errors import ConfigurationError
from service.listeners import internal_port
from service.process import end_with_parent
from service.search_attributes import dev_server_arguments
from service.sole_use import OWN_FOLDER
from service.versions import OLDEST_SERVER, version_of

START_SECONDS = 60  # a busy machine has taken over half of it
STOP_SECONDS = 10
STARTS = 3  # each with other ports for what nobody asked a port for
PORT_TAKEN = "address already in use"  # of Go's net package

# SQLite's: with NORMAL a power cut can take the last moments, with FULL nothing that was accepted; a killed process
# costs nothing either way.
Synchronous = Literal["NORMAL", "FULL"]
# One partition a queue makes fairness exact; a laptop needs no more throughput than one gives. A dev server reads its
# search attributes from the database for every start and every question, unless it is told to keep them as others do:
# that is a tenth of its CPU (docs/performance.md).
_DYNAMIC_CONFIG = (
    "system.forceSearchAttributesCacheRefreshOnRead=false",
    "matching.enableFairness=true",
    "matching.numTaskqueueReadPartitions=1",
    "matching.numTaskqueueWritePartitions=1",
)


@dataclass(frozen=True)
class TemporalCli:
    """A Temporal CLI and, where it matters, why it was chosen."""

    path: Path
    remark: str = ""


@dataclass(frozen=True)
class DevServer:
    """A running dev server."""

    address: str
    ui_url: str
    process: asyncio.subprocess.Process


def find_cli() -> TemporalCli | None:
    """A Temporal CLI: on PATH if its server is 1.31 or later, else in this environment's own bin folder."""
    remark = ""
    if on_path := shutil.which("temporal"):
        version = _server_version(on_path)
        if version >= OLDEST_SERVER:
            return TemporalCli(Path(on_path))
        shown = ".".join(map(str, version)) or "unknown"
        remark = f"{on_path} is passed over: its server is {shown}, and {OLDEST_SERVER[0]}.{OLDEST_SERVER[1]} is needed"
    bundled = Path(sys.executable).parent / "temporal"
    return TemporalCli(bundled, remark) if bundled.exists() else None


def _server_version(path: str) -> tuple[int, ...]:
    try:
        said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=10, check=False).stdout  # noqa: S603
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = re.search(r"[Ss]erver (\d+\.\d+)", said)
    return version_of(found[1]) if found else ()


async def download_cli(folder: Path) -> TemporalCli:
    """Have the SDK download a Temporal CLI into a folder; raises `ConfigurationError` when it cannot."""
    await asyncio.to_thread(folder.mkdir, parents=True, exist_ok=True)
    try:
        server = await WorkflowEnvironment.start_local(download_dest_dir=str(folder))
    except RuntimeError as error:
        raise ConfigurationError(
            reason=f"no Temporal CLI was found, and none could be downloaded ({str(error)[:200]})",
            fix="Install the Temporal CLI (https://docs.temporal.io/cli) so that 'temporal' is on PATH.",
        ) from None
    await server.shutdown()
    return TemporalCli(await asyncio.to_thread(_newest_file, folder))


def _newest_file(folder: Path) -> Path:
    return max((path for path in folder.iterdir() if path.is_file()), key=lambda path: path.stat().st_mtime)


@asynccontextmanager
async def dev_server(
    cli: TemporalCli,
    *,
    database: Path | None,
    port: int,
    ui_port: int,
    dynamic_config: Sequence[str] = (),
    synchronous: Synchronous = "NORMAL",
) -> AsyncIterator[DevServer]:
    """Run a dev server for the duration of a block.

    Args:
        cli: which binary.
        database: the SQLite file; None keeps everything in memory.
        port: of the frontend; 0 takes a free one.
        ui_port: of the Web UI; 0 takes a free one.
        dynamic_config: further server settings, each ``key=json``.
        synchronous: when SQLite waits for the disk.

    Raises:
        ConfigurationError: a port is taken, or the server does not come up within 30 s.
    """
    port, ui_port = port or free_port(), ui_port or free_port()
    for taken in (port, ui_port):
        _require_free(taken)
    more = [*_storage(database, synchronous), *_settings(dynamic_config)]
    process = await _started(lambda: [*_command(cli.path, port, ui_port), *more], f"127.0.0.1:{port}")
    try:
        yield DevServer(address=f"127.0.0.1:{port}", ui_url=f"http://127.0.0.1:{ui_port}", process=process)
    finally:
        await _stop(process)


async def _started(command: Callable[[], list[str]], address: str, starts: int = STARTS) -> asyncio.subprocess.Process:
    """A server that answers. One that finds another port than the frontend's taken meanwhile is started again."""
    process = await asyncio.create_subprocess_exec(
        *command(),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
        start_new_session=True,  # Ctrl-C in the terminal is for us: the server goes last
        preexec_fn=end_with_parent,  # an orphan would keep the port and the database
    )
    said = _Tail(process)
    try:
        await _await_start(process, address, said)
    except BaseException as error:
        await _stop(process)
        if isinstance(error, ConfigurationError) and starts > 1 and PORT_TAKEN in str(said):
            return await _started(command, address, starts - 1)
        raise
    return process


def _command(cli: Path, port: int, ui_port: int) -> list[str]:
    command = [str(cli), "server", "start-dev", "--ip", "127.0.0.1", "--port", str(port), "--ui-port", str(ui_port)]
    command += ["--http-port", str(internal_port()), "--metrics-port", str(internal_port())]
    return [*command, "--log-level", "error", "--ui-disable-news-fetch", *dev_server_arguments()]


def _settings(dynamic_config: Sequence[str]) -> list[str]:
    return [argument for value in (*_DYNAMIC_CONFIG, *dynamic_config) for argument in ("--dynamic-config-value", value)]


def _storage(database: Path | None, synchronous: Synchronous) -> list[str]:
    if database is None:
        return []
    pragmas = ("--sqlite-pragma", "journal_mode=WAL", "--sqlite-pragma", f"synchronous={synchronous}")
    return ["--db-filename", str(database), *pragmas]


class _Tail:
    """Keeps the last of what the server says, for the error when it does not come up."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._lines: list[str] = []
        self._reader = asyncio.create_task(self._read(process))

    async def _read(self, process: asyncio.subprocess.Process) -> None:
        while process.stderr is not None and (line := await process.stderr.readline()):
            self._lines = [*self._lines[-9:], line.decode(errors="replace").strip()]

    def __str__(self) -> str:
        return " | ".join(self._lines) or "it said nothing"


async def _await_start(process: asyncio.subprocess.Process, address: str, said: _Tail) -> None:
    deadline = asyncio.get_running_loop().time() + START_SECONDS
    while asyncio.get_running_loop().time() < deadline:
        if process.returncode is not None:
            await asyncio.sleep(0.1)
            break
        with contextlib.suppress(RuntimeError):
            await Client.connect(address)
            return
        await asyncio.sleep(0.1)
    how_long = "" if process.returncode is not None else f" within {START_SECONDS} s"
    raise ConfigurationError(
        reason=f"the Temporal dev server did not come up at {address}{how_long}: {said}",
        fix="Another version of the CLI may have made its database; move temporal.db in the state folder aside.",
    )


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGINT)
    try:
        await asyncio.wait_for(process.wait(), STOP_SECONDS)
    except TimeoutError:
        process.kill()
        await process.wait()


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise ConfigurationError(
                reason=f"port {port} is in use",
                fix="Stop what uses it, or choose others: im dev --temporal-port --ui-port --port. If another "
                f"im dev does, give this one {OWN_FOLDER}.",
            ) from None
