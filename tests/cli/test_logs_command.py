"""`im logs` over real files, rotated ones and new ones."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cli.logs import LogTail
from cli.main import run


def line(second: int, level: str = "INFO", component: str = "outbox-worker", **more: Any) -> str:
    entry = {
        "time": f"2025-12-26T14:30:{second:02}.000Z",
        "level": level,
        "component": component,
        "msg": "Said",
        **more,
    }
    return json.dumps(entry) + "\n"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("IM_STATE_DIR", str(tmp_path))
    (tmp_path / "logs").mkdir()
    return tmp_path / "logs"


def test_lines_of_all_files_are_in_order_in_the_guides_logfmt(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    msg, error = "Webhook delivery failed, scheduling retry", "HTTP 503 Service \x1b[31mUnavailable"
    warned = line(3, "WARN", msg=msg, attempt=2, error=error)
    (folder / "serve.jsonl").write_text(line(2) + warned + '{"time": "cut o')
    (folder / "serve.jsonl.1").write_text(line(1))
    assert run(["logs"]) == 0
    plain, other, warning = capsys.readouterr().out.splitlines()
    assert plain == 'time=2025-12-26T14:30:01.000Z level=INFO msg="Said"'
    assert other == 'time=2025-12-26T14:30:02.000Z level=INFO msg="Said"'
    assert warning == (
        'time=2025-12-26T14:30:03.000Z level=WARN msg="Webhook delivery failed, scheduling retry" attempt=2 '
        r'error="HTTP 503 Service \u001b[31mUnavailable"'
    )


@pytest.mark.parametrize(
    ("options", "seconds"),
    [
        ("", [1, 2, 3]),
        ("--component outbox-worker", [1, 3]),
        ("--level warn", [2, 3]),
        ("--level ERROR --component outbox-worker", [3]),
        ("--since 2025-12-26T14:30:02Z", [2, 3]),
        ("--since 1m", []),
        ("--lines 1", [3]),
        ("--lines 0", [1, 2, 3]),
    ],
)
def test_lines_are_chosen(folder: Path, capsys: pytest.CaptureFixture[str], options: str, seconds: list[int]) -> None:
    (folder / "serve.jsonl").write_text(line(1) + line(2, "WARN", "server") + line(3, "ERROR"))
    assert run(["logs", "--format", "json", *options.split()]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [int(json.loads(each)["time"][17:19]) for each in shown] == seconds


def test_nothing_that_matches_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "serve.jsonl").write_text(line(1))
    assert run(["logs", "--level", "error"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", f"nothing in {folder} matches\n")
    (folder / "serve.jsonl").write_text("")
    assert run(["logs"]) == 0
    assert capsys.readouterr().err == f"nothing was logged in {folder} yet\n"


def test_a_reader_that_has_seen_enough_is_no_error(folder: Path) -> None:
    (folder / "serve.jsonl").write_text("".join(line(1, number=number) for number in range(20_000)))
    script = f"set -o pipefail; {sys.executable} -m cli.main logs --lines 0 | head -1"
    ended = subprocess.run(
        ["bash", "-c", script],
        env=os.environ | {"IM_STATE_DIR": str(folder.parent)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (0, "")
    assert len(ended.stdout.splitlines()) == 1


def test_without_log_files_the_folder_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("IM_STATE_DIR", str(tmp_path))
    assert run(["logs"]) == 1
    said = capsys.readouterr().err
    assert f"error: there are no log files in {tmp_path / 'logs'}" in said
    assert "im serve and im worker" in said
    assert "IM_STATE_DIR" in said


def test_a_tail_reads_each_line_once_through_rotation_and_new_files(tmp_path: Path) -> None:
    current, older = tmp_path / "serve.jsonl", tmp_path / "serve.jsonl.1"
    tail = LogTail(tmp_path)
    assert tail.read() == []
    current.write_text(line(1) + line(2)[:20])
    assert tail.read() == [line(1).strip()]
    with current.open("a") as file:
        file.write(line(2)[20:] + line(3))
    current.rename(older)
    current.write_text(line(4))
    (tmp_path / "worker.jsonl").write_text(line(5))
    assert tail.read() == [line(second).strip() for second in (2, 3, 4, 5)]
    assert tail.read() == []


def test_a_tail_reads_a_new_file_that_got_the_inode_of_a_deleted_one(tmp_path: Path) -> None:
    path = tmp_path / "serve.jsonl"
    path.write_text(line(1))
    tail = LogTail(tmp_path)
    tail.read()
    with path.open("r+") as file:  # the same inode, other content
        file.write(line(2) + line(3))
    assert tail.read() == [line(2).strip(), line(3).strip()]


@pytest.fixture
def following(folder: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "cli.main", "logs", "--follow", "--format", "json"]
    environment = os.environ | {"IM_STATE_DIR": str(folder.parent), "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # a shell in the background hands its children an ignored SIGINT, which Python then leaves ignored
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),  # noqa: PLW1509
    ) as process:
        yield process
        process.kill()


def test_follow_waits_for_files_survives_rotation_and_ends_with_ctrl_c(
    folder: Path, following: subprocess.Popen[str]
) -> None:
    assert following.stdout
    assert following.stderr
    assert "no log files" in following.stderr.readline()
    current = folder / "serve.jsonl"
    current.write_text(line(1))
    assert following.stdout.readline() == line(1)
    with current.open("a") as file:
        file.write(line(2))
    current.rename(folder / "serve.jsonl.1")
    current.write_text(line(3))
    assert [following.stdout.readline() for _ in range(2)] == [line(2), line(3)]
    following.send_signal(signal.SIGINT)
    assert following.wait(60) == 130


def test_a_component_that_logged_nothing_is_answered_with_those_that_did(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "serve.jsonl").write_text(line(1) + line(2, "WARN", "server"))
    assert run(["logs", "--component", "worker"]) == 0
    said = f"nothing in {folder} matches"
    assert capsys.readouterr().err.splitlines() == [
        said,
        "no component is 'worker' there; there are outbox-worker, server",
    ]
    assert run(["logs", "--component", "server", "--level", "error"]) == 0
    assert capsys.readouterr().err.splitlines() == [said]
