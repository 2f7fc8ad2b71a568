"""One process of ours with its output in a file, killed at the end of a block whatever happened."""

import asyncio
import contextlib
import signal
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from tests.support.platform import IM, Process, clean_environment


@asynccontextmanager
async def started(command: Sequence[str], folder: Path, **environment: str) -> AsyncIterator[Process]:
    """Run ``im COMMAND`` for the duration of a block; SIGTERM ends it, SIGKILL where that does not."""
    log = folder / f"{command[0]}.log"
    with log.open("ab") as output:
        running = await asyncio.create_subprocess_exec(
            IM, *command, env=clean_environment() | environment, stdout=output, stderr=output, cwd=folder
        )
    process = Process(running, log, "")
    try:
        yield process
    finally:
        with contextlib.suppress(TimeoutError):
            await process.stop()
        if running.returncode is None:
            await process.stop(signal.SIGKILL)
