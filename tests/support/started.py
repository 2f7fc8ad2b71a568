"""One process of ours with its output in a file, killed at the end of a block whatever happened."""

import asyncio
import contextlib
import resource
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.platform import IM, Process, clean_environment


@asynccontextmanager
async def started(
    command: Sequence[str], folder: Path, file_limit: int | None = None, **environment: str
) -> AsyncIterator[Process]:
    """Run ``im COMMAND`` for the duration of a block; SIGTERM ends it, SIGKILL where that does not.

    Args:
        command: what to run.
        folder: where it runs, and where its output goes.
        file_limit: bytes past which it can write no file, as if the disk were full there.
        environment: its settings.
    """

    def limit() -> None:
        if file_limit is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (file_limit, file_limit))

    log = folder / f"{command[0]}.log"
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            IM,
            *command,
            env=clean_environment() | environment,
            stdout=output,
            stderr=output,
            cwd=folder,
            preexec_fn=limit,
        )
    process = Process(running, log, "")
    try:
        yield process
    finally:
        with contextlib.suppress(TimeoutError):
            await process.stop()
        if running.returncode is None:
            await process.stop(signal.SIGKILL)
