"""The end of a process. Light to import: every command ends here."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")


def run_server(main: Coroutine[Any, Any, T]) -> T:
    """Run a process that serves: on uvloop, which moves HTTP bytes at little more than half of asyncio's CPU."""
    import uvloop  # noqa: PLC0415 - commands that serve nothing need not load it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def finish(code: int) -> NoReturn:
    """End the process now, output flushed.

    A process that used the Temporal SDK sometimes aborts while the interpreter shuts down, after correct work
    (sdk-python issue 300: 4 of 55 runs; ended like this, 0 of 30), so such processes skip that shutdown.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
