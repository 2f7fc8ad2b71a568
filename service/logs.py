"""Logs: JSON lines to a rotated file in the state folder, and the guide's logfmt on the terminal."""

import fcntl
import logging
import logging.handlers
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, Any

import structlog

from domain.errors import ConfigurationError

MAX_BYTES = 10 * 1024 * 1024
KEPT_FILES = 5
MAX_PROCESSES = 32  # of one role on one machine
_LEVELS = {"debug": 10, "info": 20, "warn": 30, "warning": 30, "error": 40, "critical": 50}
_NAMES = {10: "DEBUG", 20: "INFO", 30: "WARN", 40: "ERROR", 50: "ERROR"}

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
        file = logging.handlers.RotatingFileHandler(path, maxBytes=MAX_BYTES, backupCount=KEPT_FILES, encoding="utf-8")
        file.setFormatter(_formatter(structlog.processors.JSONRenderer()))
        handlers.append(file)
    if console:
        stream = logging.StreamHandler(sys.stderr)
        stream.setFormatter(_formatter(lambda _logger, _name, event: logfmt(dict(event))))
        handlers.append(stream)
    logging.raiseExceptions = False  # a full disk must not turn every line into a traceback
    logging.basicConfig(level=_LEVELS[level], handlers=handlers, force=True)
    for noisy in ("aiohttp", "asyncio", "httpx", "temporalio", "uvicorn"):
        logging.getLogger(noisy).setLevel(max(logging.WARNING, _LEVELS[level]))
    structlog.configure(
        processors=[
            structlog.stdlib.add_logger_name,
            *_shared(),
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        cache_logger_on_first_use=True,
    )
    return path


def _shared() -> list[structlog.typing.Processor]:
    return [_stamp, structlog.stdlib.ExtraAdder(), structlog.processors.format_exc_info]


def _stamp(logger: Any, method: str, event: structlog.typing.EventDict) -> structlog.typing.EventDict:
    record = event.get("_record")
    at = datetime.fromtimestamp(record.created, UTC) if record else datetime.now(UTC)
    level = record.levelno if record else _LEVELS[method]
    name = record.name if record else event.pop("logger", getattr(logger, "name", "im"))
    head = {
        "time": at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": _NAMES.get(level, "INFO"),
        "component": name,
        "msg": event.pop("event"),
    }
    return {**head, **event}


def _formatter(renderer: structlog.typing.Processor) -> logging.Formatter:
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_shared(),
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
    )


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
    shown = {"time": entry.get("time"), "level": entry.get("level"), "msg": entry.get("msg")}
    rest = {key: value for key, value in entry.items() if key not in {*shown, "component", "exception"}}
    line = " ".join(f"{key}={_value(key, value)}" for key, value in (shown | rest).items() if value is not None)
    return f"{line}\n{entry['exception']}" if entry.get("exception") else line


def _value(key: str, value: object) -> str:
    text = str(value)
    if key not in {"msg", "error"} and text and text.isprintable() and not any(char in ' "=\\' for char in text):
        return text
    quoted = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return '"' + "".join(char if char.isprintable() else f"\\u{ord(char):04x}" for char in quoted) + '"'


def read_logs(folder: Path) -> Iterator[str]:
    """Every line of every log file in a folder, rotated ones included, ordered by time within and between files."""
    lines: list[str] = []
    for path in folder.glob("*.jsonl*"):
        with path.open(encoding="utf-8", errors="replace") as file:
            lines.extend(line for line in file if line.startswith("{"))
    return iter(sorted(lines, key=lambda line: line[:40]))  # each begins {"time": "...


def level_number(name: str) -> int:
    """The rank of a level name; KeyError for an unknown one."""
    return _LEVELS[name.lower()]
