"""One database has one `im dev`: a second one is refused at once, and one that was killed keeps nobody out."""

import asyncio
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from domain.errors import ConfigurationError
from service import sole_use as module
from service.devserver import dev_server, find_cli
from service.sole_use import is_open, sole_use
from tests.support.eventually import eventually
from tests.support.ports import free_port
from tests.support.started import started

HOLDER = """
import asyncio, pathlib, sys
from service.sole_use import sole_use
async def hold():
    async with sole_use(pathlib.Path(sys.argv[1])) as claim:
        claim.tell("http://127.0.0.1:1")
        print("held", flush=True)
        await asyncio.sleep(60)
asyncio.run(hold())
"""


async def test_a_second_im_dev_of_one_folder_is_told_of_the_first(tmp_path: Path) -> None:
    port = free_port()
    async with started(_dev(port), tmp_path, IM_STATE_DIR=str(tmp_path)):
        lock = tmp_path / "temporal.db.lock"
        await eventually(lambda: lock.exists() and lock.read_text() != "", 60, 0.1)
        (tmp_path / "second").mkdir()
        async with started(_dev(free_port()), tmp_path / "second", IM_STATE_DIR=str(tmp_path)) as second:
            await asyncio.wait_for(second.running.wait(), 30)
            assert second.running.returncode == 1
            said = second.log.read_text()
    database = tmp_path / "temporal.db"
    assert f"error: another im dev has {database} open: its API is http://127.0.0.1:{port}\n" in said
    assert "hint: Use that one, or give this one a folder of its own: IM_STATE_DIR=FOLDER im dev.\n" in said


async def test_who_was_killed_keeps_nobody_out(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    command = [sys.executable, "-c", HOLDER, str(database)]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=Path(module.__file__).parents[1])  # noqa: ASYNC220
    try:
        assert holder.stdout
        assert await asyncio.to_thread(holder.stdout.readline) == b"held\n"
        with pytest.raises(ConfigurationError, match=r"its API is http://127.0.0.1:1"):
            async with sole_use(database):
                pass
    finally:
        holder.send_signal(signal.SIGKILL)
        holder.communicate()
    async with sole_use(database):
        with pytest.raises(ConfigurationError, match=r"another im dev has \S+ open$"):  # the address is not the old one
            async with sole_use(database):
                pass
    async with sole_use(database):
        pass


async def test_a_server_that_was_left_behind_is_waited_for_and_then_told_of(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cli, database = find_cli(), tmp_path / "temporal.db"
    assert cli
    async with dev_server(cli, database=database, port=0, ui_port=0) as server:
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
        with pytest.raises(ConfigurationError, match=r"another process has .* open"):
            async with sole_use(database):
                pass
        assert server.process.returncode is None
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 30)
        asyncio.get_running_loop().call_later(0.5, os.kill, server.process.pid, signal.SIGKILL)
        async with sole_use(database):
            assert not is_open(database)


async def test_a_backup_that_takes_long_is_among_those_that_may_have_the_database_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "temporal.db"
    with closing(sqlite3.connect(database)) as made:
        made.execute("PRAGMA journal_mode=WAL")
        made.execute("CREATE TABLE history_node (id)")
        made.commit()
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.1)
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as read:  # as im backup opens it
        read.execute("SELECT * FROM history_node").fetchall()
        with pytest.raises(ConfigurationError, match=r"another process has .* open") as refused:
            async with sole_use(database):
                pass
    for holder in ("an im backup", "a database browser", "a Temporal that was left behind"):
        assert holder in refused.value.advice
    async with sole_use(database):
        pass


async def test_what_is_no_database_is_left_to_the_server_to_tell_of(tmp_path: Path) -> None:
    database = tmp_path / "temporal.db"
    database.write_text("no database at all, however long the text of it may be")
    async with sole_use(database):
        pass
    async with sole_use(None):
        pass


def _dev(port: int) -> list[str]:
    return ["dev", "--port", str(port), "--temporal-port", str(free_port()), "--ui-port", str(free_port())]
