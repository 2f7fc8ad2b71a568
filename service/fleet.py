"""Several processes behind one port: forked from one that has loaded everything, and kept going by it.

The parent neither serves nor works: it starts the processes, starts one anew that died, hands on a request to stop, and
ends when the last of them has drained. Where it is killed itself, they drain and end too.
"""

import contextlib
import mmap
import os
import shutil
import signal
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NoReturn

from activities.logger import Logger
from service.process import end_with_parent

RESTART_SECONDS = 1.0  # before a process that died is started anew
LONGEST_PAUSE_SECONDS = 30.0  # where one cannot begin time after time, the pause doubles up to this
SHARED_METRICS = "PROMETHEUS_MULTIPROC_DIR"  # the Prometheus client's own variable, read when it is imported

_log = Logger("server")

Ready = Callable[[], None]
Serve = Callable[[int, Ready], NoReturn]


class Fleet:
    """The processes.

    Args:
        count: how many.
        serve: what each does, given its place from 1 and what to call when it serves; it ends its process.
    """

    def __init__(self, count: int, serve: Serve) -> None:
        self._count = count
        self._serve = serve
        self._places: dict[int, int] = {}
        self._served = mmap.mmap(-1, 1)  # shared: whether any of them ever did
        self._stopping = False
        self._status = 0
        self._pause = RESTART_SECONDS

    def run(self) -> int:
        """Run until SIGINT or SIGTERM; returns the exit status: that of a process that could not begin, else 0.

        A second SIGINT is handed on too, and ends them at once.
        """
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda number, _: self._stop(signal.Signals(number)))
        for place in range(1, self._count + 1):
            self._start(place)
        while self._places:
            ended, status = os.wait()
            self._ended(ended, os.waitstatus_to_exitcode(status))
        return self._status

    def _start(self, place: int) -> None:
        pid = os.fork()
        if pid == 0:
            _become_own_process()
            self._serve(place, self._note_service)
        self._places[pid] = place
        if self._stopping:  # asked for between the loss of one and this start
            _tell(pid, signal.SIGTERM)

    def _note_service(self) -> None:
        self._served[0] = 1

    def _ended(self, pid: int, code: int) -> None:
        place = self._places.pop(pid)
        forget_metrics_of(pid)
        if self._stopping:
            return
        if code > 0 and not self._served[0]:  # it says itself what keeps it from serving; the others would say the same
            self._status = code
            self._stop(signal.SIGTERM)
            return
        _log.error("a serving process ended and is started anew", process=place, pid=pid, status=code)
        self._wait()
        self._pause = min(2 * self._pause, LONGEST_PAUSE_SECONDS) if code > 0 else RESTART_SECONDS
        if not self._stopping:
            self._start(place)

    def _wait(self) -> None:
        ends_at = time.monotonic() + self._pause
        while time.monotonic() < ends_at and not self._stopping:
            time.sleep(0.1)

    def _stop(self, number: signal.Signals) -> None:
        again, self._stopping = self._stopping, True
        for pid in list(self._places):
            if not again:
                _tell(pid, signal.SIGTERM)
            elif number == signal.SIGINT:
                _tell(pid, signal.SIGINT)


def _tell(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):  # it has just ended
        os.kill(pid, number)


def _become_own_process() -> None:
    """Have signals of a terminal go to the parent alone, and the parent's death come here as a request to stop."""
    parent = os.getppid()
    os.setpgid(0, 0)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    end_with_parent()
    if os.getppid() != parent:
        os._exit(0)


@contextlib.contextmanager
def shared_metrics() -> Iterator[None]:
    """Have the processes' metrics added up, for the duration of a block that imports and forks what has any."""
    folder = Path(tempfile.mkdtemp(prefix="im-metrics-"))
    os.environ[SHARED_METRICS] = str(folder)
    try:
        yield
    finally:
        os.environ.pop(SHARED_METRICS, None)
        shutil.rmtree(folder, ignore_errors=True)


def forget_metrics_of(pid: int) -> None:
    """Count what a process that ended had in hand no longer; what it had counted stays."""
    if SHARED_METRICS in os.environ:
        from prometheus_client.multiprocess import mark_process_dead  # noqa: PLC0415 - only here

        mark_process_dead(pid)  # type: ignore[no-untyped-call]
