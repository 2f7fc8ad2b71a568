"""Backup and restore of the development database, which is one SQLite file with its write-ahead log."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from domain.errors import ConfigurationError, InvalidRequestError
from service.settings import Settings
from service.sole_use import is_open, locked
from service.state_files import DATABASE_FILE

PAGES_AT_ONCE = 1000  # of 4 KiB; between them the server writes on
_BESIDE = ("", "-wal", "-shm")  # a database and what SQLite keeps beside it


def back_up(settings: Settings, target: Path) -> int:
    """Copy the database into a new file by SQLite's own backup, while `im dev` runs or not; returns its bytes.

    The copy is of one moment. A plain copy of the file is none: what was written last is in the log beside it.

    Raises:
        InvalidRequestError: the target exists, or cannot be written.
        ConfigurationError: there is no database.
    """
    source = _database(settings)
    if target.exists():
        raise InvalidRequestError(reason=f"{target} exists; a backup does not replace a file")
    part = target.with_name(f".{target.name}-{os.getpid()}")
    try:
        os.close(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        try:
            with closing(_opened(source)) as one, closing(sqlite3.connect(part)) as other:
                one.backup(other, pages=PAGES_AT_ONCE)
                other.execute("PRAGMA journal_mode=DELETE")  # one file, complete in itself
            _check(part)
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise InvalidRequestError(reason=f"the backup to {target} failed: {error}") from None
    return target.stat().st_size


def restore(settings: Settings, backup: Path) -> Path | None:
    """Put a backup in the place of the database, which is kept beside it; returns where, if there was one.

    Raises:
        InvalidRequestError: the file is no backup, or `im dev` runs.
        ConfigurationError: an `im dev` begins.
    """
    place = settings.im_state_dir / DATABASE_FILE
    part = place.with_name(f".{DATABASE_FILE}-{os.getpid()}")
    try:
        _check(backup)
        _check_closed(place)  # before a copy that takes minutes; what begins meanwhile is looked for after it
        settings.im_state_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            with closing(_opened(backup)) as one, closing(sqlite3.connect(part)) as other:
                one.backup(other)
            part.chmod(0o600)
            return _put(part, place)
        finally:
            part.unlink(missing_ok=True)
    except (OSError, sqlite3.Error) as error:
        raise InvalidRequestError(reason=f"{backup} was not restored: {error}") from None


def _put(part: Path, place: Path) -> Path | None:
    """Put a database in the place of another; no `im dev` begins between the question and the answer."""
    with locked(place, "Stop it first.") as claim:
        _check_closed(place)
        claim.tell("")
        aside = _set_aside(place)
        part.replace(place)
    return aside


def _check_closed(place: Path) -> None:
    if is_open(place):
        raise InvalidRequestError(reason=f"{place} is in use: stop im dev first")


def _database(settings: Settings) -> Path:
    path = settings.im_state_dir / DATABASE_FILE
    if not path.exists():
        raise ConfigurationError(
            reason=f"there is no development database at {path}",
            fix="Set IM_STATE_DIR as im dev has it. A Temporal of your own is backed up with its database's tools.",
        )
    return path


def _opened(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)


def _check(path: Path) -> None:
    """Raise `InvalidRequestError` for what is no sound database of Temporal's."""
    if not path.is_file():
        raise InvalidRequestError(reason=f"there is no file {path}")
    try:
        with closing(_opened(path)) as opened:
            tables = opened.execute("SELECT count(*) FROM sqlite_master WHERE name = 'history_node'").fetchone()[0]
            sound = opened.execute("PRAGMA quick_check").fetchone()[0]
    except sqlite3.DatabaseError as error:
        raise InvalidRequestError(reason=f"{path} is no database that can be read: {error}") from None
    if not tables or sound != "ok":
        raise InvalidRequestError(
            reason=f"{path} is no sound database of Temporal's: {sound if tables else 'no tables'}"
        )


def _set_aside(place: Path) -> Path | None:
    if not place.exists():
        return None
    named = f"{place.name}.before-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    aside = next(path for path in _numbered(place, named) if not any(_parts(path)))
    for path in _parts(place):
        path.rename(aside.with_name(aside.name + path.name.removeprefix(place.name)))
    return aside


def _numbered(place: Path, name: str) -> Iterator[Path]:
    """Names to choose from: that one, and with numbers for restores of the same second."""
    return (place.with_name(f"{name}-{number}" if number > 1 else name) for number in count(1))


def _parts(database: Path) -> list[Path]:
    """What there is of a database."""
    return [path for end in _BESIDE if (path := database.with_name(database.name + end)).exists()]
