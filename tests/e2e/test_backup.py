"""A backup of the running database, restored, continues what waited."""

import base64
import shutil
import signal
import sqlite3
from contextlib import closing, suppress
from pathlib import Path

import httpx
import pytest

from cli.main import run
from domain.errors import ConfigurationError, InvalidRequestError
from service import backup as module
from service.backup import back_up, restore
from service.settings import Settings
from service.sole_use import locked, sole_use
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_type
from tests.support.sink import Answer, Sink


async def test_a_restored_platform_continues_retries(tmp_path: Path, sink: Sink) -> None:
    event_type, backup = unique_type("restored"), tmp_path / "backup.db"
    sink.script(Answer(503), Answer(503), Answer(200))
    headers = {"Authorization": f"Bearer {TOKEN}"}
    state = tmp_path / "state"
    state.mkdir()
    async with temporal_dev_server(state) as temporal:
        first = await Platform.over(temporal, state)
        async with (
            first.process("serve") as serve,
            httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=20) as first.api,
        ):
            body = {
                "name": "ops",
                "url": sink.url(),
                "types": [event_type],
                "schedule": "2,30",
                "secret": "a-secret-1234",
            }
            assert (await first.api.post("/api/v1/subscribers", json=body)).status_code == 201
            event_id = await first.emit(event_type)
            await sink.wait_for(2)
            ran = await first.im("backup", str(backup))
            assert ran.code == 0, ran.err
            assert "keep the keys" in ran.err
            await serve.stop(signal.SIGKILL)  # before the third request, whoever is slow
            assert len(sink.received) == 2
            assert backup.stat().st_mode & 0o777 == 0o600
            assert (await first.im("backup", str(backup))).code == 1  # it does not replace a file
            refused = await first.im("restore", str(backup))
            assert (refused.code, "stop im dev first" in refused.err) == (1, True)
    after = tmp_path / "after"
    after.mkdir()
    shutil.copy(state / "secret-keys", after)
    assert restore(Settings(im_state_dir=after), backup) is None
    async with temporal_dev_server(after) as temporal:
        second = await Platform.over(temporal, after)
        async with (
            second.process("serve") as serve,
            httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=20) as second.api,
        ):
            ended = await second.ended(event_id, timeout=60)
            assert ended["ops"]["state"] == "delivered"
            assert [attempt["status"] for attempt in ended["ops"]["attempts"]] == [503, 503, 200]
    assert len(sink.received) == 3


def test_a_restore_keeps_what_was_there_and_refuses_what_is_no_backup(tmp_path: Path) -> None:
    settings, junk = Settings(im_state_dir=tmp_path), tmp_path / "junk.db"
    junk.write_text("no database at all, however long the text of it may be")
    (tmp_path / "temporal.db").write_bytes(b"")
    for wrong in (junk, tmp_path / "missing.db", tmp_path / "temporal.db"):
        with pytest.raises(InvalidRequestError):
            restore(settings, wrong)
    assert (tmp_path / "temporal.db").read_bytes() == b""
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]
    with pytest.raises(InvalidRequestError):
        back_up(settings, tmp_path / "no" / "folder" / "x.db")


def test_restores_within_a_second_keep_what_each_of_them_replaced(tmp_path: Path) -> None:
    settings = Settings(im_state_dir=tmp_path)
    for number in range(3):
        with closing(sqlite3.connect(tmp_path / f"{number}.db")) as backup:
            backup.execute("CREATE TABLE history_node (number)")
            backup.execute("INSERT INTO history_node VALUES (?)", [number])
            backup.commit()
    asides = [restore(settings, tmp_path / f"{number}.db") for number in range(3)]
    assert asides[0] is None
    assert [_number(aside) for aside in asides[1:] if aside] == [0, 1]
    assert _number(tmp_path / "temporal.db") == 2


def test_a_backup_takes_the_place_of_a_database_that_is_broken(tmp_path: Path) -> None:
    broken = b"no database at all, however long the text of it may be"
    (tmp_path / "temporal.db").write_bytes(broken)
    with closing(sqlite3.connect(tmp_path / "backup.db")) as backup:
        backup.execute("CREATE TABLE history_node (number)")
        backup.execute("INSERT INTO history_node VALUES (7)")
        backup.commit()
    aside = restore(Settings(im_state_dir=tmp_path), tmp_path / "backup.db")
    assert aside
    assert aside.read_bytes() == broken
    assert _number(tmp_path / "temporal.db") == 7


async def test_a_restore_leaves_alone_what_an_im_dev_that_began_meanwhile_has(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = tmp_path / "temporal.db"
    for place in (database, tmp_path / "backup.db"):
        with closing(sqlite3.connect(place)) as made:
            made.execute("CREATE TABLE history_node (id)")
            made.commit()
    before = database.stat().st_ino
    async with sole_use(database) as claim:  # its server has not opened the file yet
        claim.tell("http://127.0.0.1:1")
        with pytest.raises(ConfigurationError, match=r"its API is http://127.0.0.1:1"):
            restore(Settings(im_state_dir=tmp_path), tmp_path / "backup.db")
    answers = iter([False, True])  # it began while the backup was copied
    monkeypatch.setattr(module, "is_open", lambda _place: next(answers))
    with pytest.raises(InvalidRequestError, match="stop im dev first"):
        restore(Settings(im_state_dir=tmp_path), tmp_path / "backup.db")
    assert database.stat().st_ino == before
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


async def test_no_im_dev_begins_while_a_restore_replaces_its_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with closing(sqlite3.connect(tmp_path / "backup.db")) as made:
        made.execute("CREATE TABLE history_node (id)")
        made.commit()
    begun: list[str] = []

    def begin(place: Path) -> None:
        with suppress(ConfigurationError), locked(place, "Wait."):
            begun.append("im dev")

    monkeypatch.setattr(module, "_set_aside", begin)
    restore(Settings(im_state_dir=tmp_path), tmp_path / "backup.db")
    assert not begun
    begin(tmp_path / "temporal.db")
    assert begun


def _number(database: Path) -> int:
    with closing(sqlite3.connect(database)) as opened:
        return int(opened.execute("SELECT number FROM history_node").fetchone()[0])


def test_a_restore_where_the_keys_are_not_says_so_before_others_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    backup, state = tmp_path / "backup.db", tmp_path / "state"
    with closing(sqlite3.connect(backup)) as made:
        made.execute("CREATE TABLE history_node (id)")
        made.commit()
    monkeypatch.setenv("IM_STATE_DIR", str(state))
    asks = f"there is no secret-keys in {state}: put the one of the backup there before you start im dev"
    assert run(["restore", str(backup)]) == 0
    assert asks in capsys.readouterr().err
    assert not (state / "secret-keys").exists()
    monkeypatch.setenv("IM_SECRET_KEYS", f"k1:{base64.b64encode(bytes(32)).decode()}")
    assert run(["restore", str(backup)]) == 0
    assert "no secret-keys" not in capsys.readouterr().err
    monkeypatch.delenv("IM_SECRET_KEYS")
    (state / "secret-keys").write_text("k1:")
    assert run(["restore", str(backup)]) == 0
    assert "no secret-keys" not in capsys.readouterr().err
