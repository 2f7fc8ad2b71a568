"""`im logs`: the JSON log files that `im serve` and `im worker` write, all of them as one."""

import json
import os
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, BinaryIO

import typer

from cli import render
from cli.run import moment, one_of, put, say
from domain.errors import ConfigurationError

POLL_SECONDS = 0.2

_NEVER = "0001-01-01T00:00:00Z"

Entry = dict[str, Any]
Selection = Callable[[Entry], bool]


class LogFormat(StrEnum):
    """How a log line is printed."""

    LOGFMT = "logfmt"
    JSON = "json"


class Level(StrEnum):
    """`service.settings.LogLevel`, which takes pydantic to import; a test compares both."""

    DEBUG = "debug"
    INFO = "info"
    WARN = "warn"
    ERROR = "error"


def logs(
    *,
    component: Annotated[
        str | None, typer.Option("--component", help="Only this part of im; outbox-worker is the delivery.")
    ] = None,
    level: Annotated[Level | None, typer.Option("--level", help="This level and above.", **one_of(Level))] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on with new lines until Ctrl-C.")] = False,
    lines: Annotated[int, typer.Option("--lines", "-n", metavar="N", min=0, help="Only the last N; 0 is all.")] = 1000,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only since 15m, 1h, 5d ago, or an RFC 3339 time.")
    ] = None,
    output: Annotated[
        LogFormat, typer.Option("--format", help="logfmt, or the raw JSON lines.", **one_of(LogFormat))
    ] = LogFormat.LOGFMT,
) -> None:
    """Show what was logged on this machine.

    By im serve, im worker and im dev, in the state folder (IM_STATE_DIR).
    """
    from service.logs import level_number, read_logs  # noqa: PLC0415 - heavy
    from service.settings import load_settings  # noqa: PLC0415 - heavy
    from service.state_files import LOG_FOLDER  # noqa: PLC0415 - heavy

    folder = load_settings().im_state_dir / LOG_FOLDER
    _require_files(folder, follow=follow)
    oldest = moment("--since", since, datetime.now(UTC)) if since else None
    wanted = _selection(component, level_number(level) if level else 0, oldest)
    tail = LogTail(folder)
    found = list(_wanted(tail.read() if follow else read_logs(folder), wanted))
    shown = found[-lines:] if lines else found
    if len(shown) < len(found):
        say(f"the last {len(shown)} of {len(found)} lines; --lines 0 shows all")
    if not found and not follow:
        say(f"nothing in {folder} matches" if component or level or since else f"nothing was logged in {folder} yet")
        if component and component not in (known := _components(read_logs(folder))):
            say(f"no component is {component!r} there; there are {', '.join(known)}")
    _print(shown, output)
    while follow:
        time.sleep(POLL_SECONDS)
        _print(_wanted(tail.read(), wanted), output)


def _require_files(folder: Path, *, follow: bool) -> None:
    if any(folder.glob("*.jsonl*")):
        return
    if follow:
        say(f"no log files in {folder} yet; waiting for im serve or im worker to write there")
        return
    raise ConfigurationError(
        reason=f"there are no log files in {folder}",
        fix="im serve and im worker write them there; set IM_STATE_DIR to the folder that they use.",
    )


class LogTail:
    """Reads a folder's log files piece by piece: each complete line once, through rotation and new files.

    A file is known by its inode, which a rotation keeps, so that a renamed file is read on from where it was; and by
    its first line, because the inode of a deleted file is soon given to another one.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read_up_to: dict[tuple[int, bytes], int] = {}

    def read(self) -> list[str]:
        """The lines that are new since the last call (at first: all), ordered by time."""
        lines: list[str] = []
        for path in self._folder.glob("*.jsonl*"):
            try:
                with path.open("rb") as file:
                    lines += self._read_on(file)
            except FileNotFoundError:  # rotated since it was listed; it is there next time, under another name
                continue
        return sorted(lines, key=lambda line: line[:40])  # like `read_logs`: each begins {"time": "...

    def _read_on(self, file: BinaryIO) -> list[str]:
        first = file.readline()
        if not first.endswith(b"\n"):
            return []
        key = (os.fstat(file.fileno()).st_ino, first)
        start = self._read_up_to.get(key, 0)
        file.seek(start)
        whole, newline, _ = file.read().rpartition(b"\n")
        self._read_up_to[key] = start + len(whole) + len(newline)
        return [line for line in whole.decode(errors="replace").split("\n") if line.startswith("{")]


def _wanted(lines: Iterable[str], wanted: Selection) -> Iterator[tuple[str, Entry]]:
    for line in lines:
        try:
            entry = json.loads(line)
        except json.JSONDecodeError:  # the end of a file whose process was killed
            continue
        if wanted(entry):
            yield line, entry


def _components(lines: Iterable[str]) -> list[str]:
    entries = (entry for _, entry in _wanted(lines, lambda _: True))
    return sorted({str(entry["component"]) for entry in entries if "component" in entry})


def _selection(component: str | None, least: int, since: datetime | None) -> Selection:
    from service.logs import level_number  # noqa: PLC0415 - heavy

    def wanted(entry: Entry) -> bool:
        if component is not None and entry.get("component") != component:
            return False
        if since is not None and datetime.fromisoformat(entry.get("time", _NEVER)) < since:
            return False
        return level_number(entry.get("level", Level.INFO)) >= least

    return wanted


def _print(found: Iterable[tuple[str, Entry]], output: LogFormat) -> None:
    from service.logs import logfmt  # noqa: PLC0415 - heavy

    for line, entry in found:
        for part in [line] if output is LogFormat.JSON else logfmt(entry).splitlines():
            put(render.clean(part.rstrip()))  # flushes, so that a pipe is as quick as a terminal
