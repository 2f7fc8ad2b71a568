"""Logs: JSON lines to a rotated file in the state folder, and the guide's logfmt on the terminal."""

import contextlib
import fcntl
import json
import logging
import logging.handlers
import re
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import structlog

from domain.errors import ConfigurationError

MAX_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5
TOLD_EVERY_SECONDS = 60  # that the file cannot be written
MAX_PROCESSES = 100  # of one role on one machine
_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 50}
_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "ERROR"}

_BARE = re.compile(r"[!#-<>-\[\]-~]+")  # printable ASCII but space, quote, = and backslash: needs no quotes

_UNSHOWN = frozenset({"component", "exception"})  # on the terminal; an exception follows its line

_locks: list[IO[str]] = []  # held open as long as the process lives: each holds one file's lock


def configure_logs(level: str, *, folder: Path | None = None, role: str = "im", console: bool = True) -> Path | None:
    """Set up structlog and the standard library's logging alike; returns the file written to.

    Args:
        level: debug, info, warn or error.
        folder: where the JSON file goes; None writes none.
        role: names the file: ``serve.jsonl``, or ``serve-2.jsonl`` when another process holds that.
        console: also write logfmt to standard error.
    """
    handlers: list[logging.Handler] = []
    path = None
    if folder is not None:
        path = _own_file(folder, role)
        file = _RotatingFile(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        file.setFormatter(_Lines(_as_json))
        handlers.append(file)
    if console:
        stream = logging.StreamHandler(sys.stderr)
        stream.setFormatter(_Lines(logfmt))
        handlers.append(stream)
    logging.raiseExceptions = False  # a full disk must not turn every line into a traceback
    # Which thread and line of code logged is in no line of ours, and looking it up costs half of a record.
    logging.logThreads = logging.logProcesses = logging.logMultiprocessing = False
    logging._srcfile = None  # noqa: SLF001 - the documented switch
    logging.basicConfig(level=_LEVELS[level], handlers=handlers, force=True)
    for noisy in ("asyncio", "httpx", "temporalio", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, _LEVELS[level]))
    logging.captureWarnings(True)
    warnings.filterwarnings("ignore", "Cannot find activity to cancel")  # of the SDK: it had just ended
    structlog.configure(
        processors=[_stamp, structlog.processors.format_exc_info, _whole],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    return path


def _stamp(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    """An entry of structlog, as it is written: what every line has comes first."""
    head = _head(time.time(), _LEVELS[method], getattr(logger, "name", "im"), event.pop("event"))
    return {**head, **event, **head}  # in this order, and nobody else says when and how grave


def _whole(_logger: Any, _method: str, entry: structlog.typing.EventDict) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The entry as the message of a log record: nothing is left to be done to it but to write it down."""
    return (entry,), {}


def _head(created: float, level: int, name: str, message: str) -> dict[str, Any]:
    at = datetime.fromtimestamp(created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"time": at, "level": _NAMES.get(level, "INFO"), "component": name, "msg": message}


class _Lines(logging.Formatter):
    """Writes entries of structlog, and records of the standard library, by one of the two renderings.

    structlog's own formatter copies record and entry for each handler, at twice the CPU.
    """

    def __init__(self, render: Callable[[dict[str, Any]], str]) -> None:
        super().__init__()
        self._render = render

    def format(self, record: logging.LogRecord) -> str:
        """One line, or several where there is an exception."""
        entry = record.msg if isinstance(record.msg, dict) else _foreign(record)
        try:
            return self._render(entry)
        except Exception:  # noqa: BLE001 - whatever a value does when it is written: its line must not be lost
            return self._render({str(key): _in_any_case(value) for key, value in entry.items()})


def _in_any_case(value: object) -> str:
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - see above
        return f"<{type(value).__name__}>"


def _foreign(record: logging.LogRecord) -> dict[str, Any]:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit the text
        message = str(record.msg)
    entry = _head(record.created, record.levelno, record.name, message)
    added = _extras(logging.getLogger(), record.levelname.lower(), {"_record": record, "exc_info": record.exc_info})
    del added["_record"]
    return entry | dict(structlog.processors.format_exc_info(logging.getLogger(), "", added))


_extras = structlog.stdlib.ExtraAdder()


_as_json = json.JSONEncoder(
    default=repr, allow_nan=False
).encode  # made once: `json.dumps` would make one for each line


class _RotatingFile(logging.handlers.RotatingFileHandler):
    """Rotates by how much was written: the standard one renders every entry a second time to know its size."""

    _told_at = float("-inf")

    def shouldRollover(self, _record: logging.LogRecord) -> bool:  # noqa: N802 - the library's name
        """Whether the file has its size."""
        return self.stream is not None and self.stream.tell() >= self.maxBytes

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - likewise
        """Go on without the file, and say so once a minute on the terminal.

        It is opened anew for the next line: what could not be written would else stay in its buffer, and grow.
        """
        stream, self.stream = self.stream, None
        with contextlib.suppress(OSError, ValueError):
            if stream is not None:
                stream.close()
        if time.monotonic() - self._told_at >= TOLD_EVERY_SECONDS and sys.stderr is not None:
            self._told_at = time.monotonic()
            entry = _head(record.created, logging.ERROR, "logs", "the log file takes no more")
            with contextlib.suppress(OSError, ValueError):
                error = sys.exc_info()[1]
                sys.stderr.write(logfmt(entry | {"file": self.baseFilename, "error": str(error)}) + "\n")


def _own_file(folder: Path, role: str) -> Path:
    """A log file that no other process rotates: the first whose lock is free."""
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for place in range(1, MAX_PROCESSES + 1):
            stem = role if place == 1 else f"{role}-{place}"
            lock = (folder / f".{stem}.lock").open("w")
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                lock.close()
                continue
            _locks.append(lock)
            return folder / f"{stem}.jsonl"
    except OSError as error:
        raise ConfigurationError(
            reason=f"cannot write logs to {folder}: {error.strerror}",
            fix="Set IM_STATE_DIR to a folder that you may write to.",
        ) from None
    raise ConfigurationError(reason=f"{MAX_PROCESSES} processes log to {folder} already", fix="Set IM_STATE_DIR.")


def logfmt(entry: dict[str, Any]) -> str:
    """A log entry in the guide's form: ``level=WARN msg="..." subscriber_id=... error="..."``."""
    line = " ".join(
        [f"{key}={_value(key, value)}" for key, value in entry.items() if value is not None and key not in _UNSHOWN]
    )
    told = str(entry.get("exception") or "").splitlines()
    return "\n".join([line, *(f"  {_escaped(text)}" for text in told)])


def _value(key: str, value: object) -> str:
    text = str(value)
    if key not in {"msg", "error"} and _BARE.fullmatch(text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{_escaped(quoted)}"'


def _escaped(text: str) -> str:
    """A text in which nothing can move the cursor of a terminal."""
    return text if text.isprintable() else "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in text)


def read_logs(folder: Path) -> Iterator[str]:
    """Every line of every log file in a folder, rotated ones included, ordered by time within and between files."""
    lines: list[str] = []
    for path in sorted(folder.glob("*.jsonl*"), reverse=True):  # of one process, those rotated first come first
        with path.open(encoding="utf-8", errors="replace") as file:
            lines.extend(line for line in file if line.startswith("{"))
    return iter(sorted(lines, key=lambda line: line[:40]))  # each begins {"time": "...


def level_number(name: str) -> int:
    """The rank of a level name; KeyError for an unknown one."""
    return _LEVELS[name.lower()]
