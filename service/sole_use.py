"""One `im dev` for a database: SQLite lets two servers open the same file, and they starve each other."""

import asyncio
import contextlib
import fcntl
import os
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path

from domain.errors import ConfigurationError
from service.state_files import unusable

PATIENCE_SECONDS = 15.0  # a server whose im dev was killed takes some to end, and has the file open until then
PAUSE_SECONDS = 0.2
LOCK_END = ".lock"
OWN_FOLDER = "a folder of its own: IM_STATE_DIR=FOLDER im dev"
_MOST = 200  # bytes of an address
_LEFT_OPEN = (
    "It is an im backup, a database browser, or a Temporal that was left behind: let the backup end, stop the others, "
    f"or give this one {OWN_FOLDER}."
)


class Claim:
    """The right to a database, for as long as the process lives: the system takes it from one that was killed.

    Args:
        descriptor: of the lock file, which tells others where the API is; None where there is no file to claim.
    """

    def __init__(self, descriptor: int | None = None) -> None:
        self._descriptor = descriptor

    def tell(self, address: str) -> None:
        """Let whoever comes later know where the API is; a disk that is full keeps nobody from starting."""
        if self._descriptor is not None:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, 0)
                os.pwrite(self._descriptor, address.encode(), 0)


@asynccontextmanager
async def sole_use(database: Path | None) -> AsyncIterator[Claim]:
    """Have a database to oneself for the duration of a block; None is in memory, which nobody else can open.

    Raises:
        ConfigurationError: another `im dev` has it, or another process has it open.
    """
    if database is None:
        yield Claim()
        return
    with locked(database, f"Use that one, or give this one {OWN_FOLDER}.") as claim:
        await _await_idle(database)
        claim.tell("")
        yield claim


@contextmanager
def locked(database: Path, fix: str) -> Iterator[Claim]:
    """Keep every other `im dev` and `im restore` from a database for the duration of a block.

    Args:
        database: it need not exist, its folder must.
        fix: what to do where an `im dev` has it.

    Raises:
        ConfigurationError: another one has it, or the lock file cannot be opened.
    """
    place = database.with_name(database.name + LOCK_END)
    try:
        descriptor = os.open(place, os.O_RDWR | os.O_CREAT, 0o600)  # not passed on to the server, which would keep it
    except OSError as error:
        raise unusable(place, error) from None
    try:
        _take(descriptor, database, fix)
        yield Claim(descriptor)
    finally:
        os.close(descriptor)  # the file stays: removing it would let two hold the lock of one name


def is_open(database: Path) -> bool:
    """Whether a server has a database open: it holds locks as long as that."""
    if not database.exists():
        return False
    with closing(sqlite3.connect(database, timeout=0, isolation_level=None)) as opened:
        try:
            opened.execute("PRAGMA locking_mode=EXCLUSIVE")
            opened.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            return error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
        except sqlite3.DatabaseError:
            return False  # it is broken, or no database: no server could open it
        return False


def _take(descriptor: int, database: Path, fix: str) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        address = os.pread(descriptor, _MOST, 0).decode(errors="replace").strip()
        at = f": its API is {address}" if address else ""
        raise ConfigurationError(reason=f"another im dev has {database} open{at}", fix=fix) from None
    except OSError:
        pass  # a file system without such locks: SQLite's own are looked at all the same


async def _await_idle(database: Path) -> None:
    deadline = asyncio.get_running_loop().time() + PATIENCE_SECONDS
    with contextlib.suppress(sqlite3.DatabaseError):  # what is no database, the server says itself
        while await asyncio.to_thread(is_open, database):
            if asyncio.get_running_loop().time() > deadline:
                raise ConfigurationError(reason=f"another process has {database} open", fix=_LEFT_OPEN)
            await asyncio.sleep(PAUSE_SECONDS)
