"""How a process begins and ends. Light to import: every command does both here."""

import asyncio
import contextlib
import ctypes
import gc
import os
import resource
import signal
import sys
from collections.abc import Coroutine
from typing import Any, NoReturn, TypeVar

T = TypeVar("T")

MAX_FILES = 65_536
_PR_SET_PDEATHSIG = 1  # linux/prctl.h
# Until the collector looks at them; some 40 MB. Nearly everything of a delivery is freed by its count of references;
# with 50,000 a burst of 10,000 deliveries spent another tenth of the CPU on looking through those under way.
YOUNG_OBJECTS = 200_000


def collect_rarely() -> None:
    """Have Python look for cycles of garbage after 200,000 new objects instead of 700, from the start of a process on.

    Nearly nothing of what is loaded ever is garbage. Looking took a tenth of the time of a command, and of a server's
    until it serves.
    """
    gc.set_threshold(YOUNG_OBJECTS, 10, 10)


def run_server(main: Coroutine[Any, Any, T]) -> T:
    """Run a process that serves: on uvloop, which moves HTTP bytes at little more than half of asyncio's CPU."""
    _raise_file_limit()
    import uvloop  # noqa: PLC0415 - commands that serve nothing need not load it

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def keep_loaded() -> None:
    """What was loaded by now stays as long as the process: looking through it again and again cost a tenth of the CPU.

    Some 10 ms for each 10,000 objects that came since it was last called.
    """
    gc.collect()
    gc.freeze()


def _raise_file_limit() -> None:
    """Every connection is a file: the usual soft limit of 1,024 is soon met, the hard one is there to be used."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = min(hard, MAX_FILES) if hard != resource.RLIM_INFINITY else MAX_FILES
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def end_with_parent() -> None:
    """Have Linux send SIGTERM to this process when the one that started it is killed; elsewhere nothing is done."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def finish(code: int) -> NoReturn:
    """End the process now, output flushed.

    A process that used the Temporal SDK sometimes aborts while the interpreter shuts down, after correct work
    (sdk-python issue 300: 4 of 55 runs; ended like this, 0 of 30), so such processes skip that shutdown.
    """
    with contextlib.suppress(OSError, ValueError):
        sys.stdout.flush()
        sys.stderr.flush()
    os._exit(code)
