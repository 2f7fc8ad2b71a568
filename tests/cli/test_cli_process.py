"""The CLI as a process of its own, with no Temporal to talk to."""

import base64
import errno
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from domain.event_types import KNOWN_TYPES

ROOT = Path(__file__).parents[2]


def im(*arguments: str, state: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    known = {name: value for name, value in os.environ.items() if not name.startswith(("IM_", "TEMPORAL_"))}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", *arguments],
        cwd=state,
        env=known
        | {"PYTHONPATH": str(ROOT), "IM_STATE_DIR": str(state), "TEMPORAL_ADDRESS": "127.0.0.1:1"}
        | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    "line",
    [
        "subscriber list",
        "subscriber health",
        "subscriber remove x",
        "incident list",
        "incident acknowledge 7",
        "event list",
        "zeebe cluster list",
        "event emit --type a.b",
        "event show evt_1",
        "heartbeat list",
    ],
)
def test_without_temporal_a_command_says_so_and_does_not_go_on_trying(tmp_path: Path, line: str) -> None:
    began = time.monotonic()
    ended = im(*line.split(), state=tmp_path)
    assert time.monotonic() - began < 40  # of which most is Python that starts on a loaded machine
    assert ended.returncode == 3
    assert ended.stdout == ""
    assert ended.stderr.startswith("error: Temporal at 127.0.0.1:1")
    hint = "hint: Start it (on a laptop: im dev), or set TEMPORAL_ADDRESS; if it runs, it is busy: try again."
    assert hint in ended.stderr
    assert "Traceback" not in ended.stderr


def test_match_needs_no_temporal(tmp_path: Path) -> None:
    ended = im("subscriber", "match", "im.incident.*", "im.incident.declared.*", state=tmp_path)
    assert ended.returncode == 0
    assert ended.stdout.splitlines()[:3] == [
        "TYPE                             MATCHES  DESCRIPTION",
        "im.incident.declared.v1          yes      New incident created",
        "im.incident.acknowledged.v1      no       Incident acknowledged by responder",
    ]
    assert ended.stderr.startswith("warning: pattern 'im.incident.*' matches none")
    assert "did you mean 'im.incident.**'?" in ended.stderr


def test_match_as_json(tmp_path: Path) -> None:
    ended = im("subscriber", "match", "im.**", "--format", "json", state=tmp_path)
    assert [row["matches"] for row in json.loads(ended.stdout)] == [True] * len(KNOWN_TYPES)


def test_a_bad_pattern_exits_2(tmp_path: Path) -> None:
    ended = im("subscriber", "match", "im..x", state=tmp_path)
    assert ended.returncode == 2
    assert "PATTERNS: 'im..x' is not a pattern" in ended.stderr


def test_an_unknown_setting_exits_1(tmp_path: Path) -> None:
    ended = im("subscriber", "list", state=tmp_path, IM_NONSENSE="1")
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: unknown setting IM_NONSENSE")


@pytest.mark.parametrize("command", ["serve", "worker", "dev"])
def test_keys_that_cannot_be_used_are_refused_before_anything_is_begun(tmp_path: Path, command: str) -> None:
    short = base64.b64encode(b"x" * 16).decode()
    ended = im(command, state=tmp_path, IM_SECRET_KEYS=f"k1:{short}")
    assert ended.returncode == 1
    assert "error: IM_SECRET_KEYS, key 1 (k1): 16 bytes; 32 are needed\n" in ended.stderr
    assert short not in ended.stderr
    assert not [path.name for path in tmp_path.iterdir() if path.name.startswith(("temporal.db", "secret-keys"))]


def test_a_setting_that_there_is_not_is_a_finding_of_its_own(tmp_path: Path) -> None:
    ended = im("doctor", "--format", "json", state=tmp_path, IM_API_PROT="1")
    (finding,) = json.loads(ended.stdout)["findings"]
    assert (ended.returncode, finding["check"], finding["level"]) == (1, "settings", "error")
    assert finding["message"] == "unknown setting IM_API_PROT (did you mean IM_API_PORT?)"


def test_help_imports_nothing_heavy(tmp_path: Path) -> None:
    ended = im("--help", state=tmp_path, PYTHONPROFILEIMPORTTIME="1")
    assert ended.returncode == 0
    for heavy in ("pydantic", "temporalio", "rich", "structlog", "uvicorn"):
        assert f" {heavy}\n" not in ended.stderr


@pytest.mark.parametrize(
    ("line", "unbuffered"),
    [
        ("types", ""),
        ("types", "1"),
        ("--version", "1"),
        ("subscriber match im.** --format json", ""),
        ("--help", ""),
        ("--help", "1"),
    ],
)
@pytest.mark.parametrize(
    ("target", "reason"), [("/dev/full", "No space left on device"), ("&-", "Bad file descriptor")]
)
def test_output_that_cannot_be_written_is_an_error_of_two_lines(
    tmp_path: Path, line: str, unbuffered: str, target: str, reason: str
) -> None:
    ended = subprocess.run(
        ["sh", "-c", f'"$0" -m cli.main "$@" >{target}', sys.executable, *line.split()],
        env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"error: standard output cannot be written: {reason}; what was written is incomplete",
        "hint: What the command changed stays changed; replace a token or secret that it was to show.",
    ]


@pytest.mark.parametrize("line", ["--help", "types"])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_reader_who_has_gone_is_no_error(tmp_path: Path, line: str, unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone:
        ended = subprocess.run(
            [sys.executable, "-m", "cli.main", line],
            env=os.environ | {"PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": unbuffered},
            cwd=tmp_path,
            stdout=gone,
            stderr=subprocess.PIPE,
            text=True,
            timeout=120,
            check=False,
        )
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize(("fault", "status"), [(errno.ENOSPC, 1), (errno.EPIPE, 0)])
def test_a_command_that_hosts_a_worker_ends_like_others_where_it_cannot_write(fault: int, status: int) -> None:
    target = "/dev/full" if fault == errno.ENOSPC else "/proc/self/fd/1"
    code = (
        "import sys; from cli.run import end_after; from cli.screen import Screen\n"
        "end_after(lambda: [Screen().print('line') for _ in range(1000)])"
    )
    shell = f"""( sleep 0.3; "$0" -c "$1" > {target}; echo "status $?" >&2 ) | true"""
    ended = subprocess.run(
        ["sh", "-c", shell, sys.executable, code], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    said = ended.stderr.splitlines()
    assert said[-1] == f"status {status}"
    assert len(said) == (3 if status else 1)


INTERRUPT = "os.kill(os.getpid(), signal.SIGINT)"


@pytest.mark.parametrize(
    ("interrupted", "status"),
    [
        (f"cli.main._flushed = lambda status: {INTERRUPT} or status", 130),
        (f"sys.modules['temporalio'] = None; cli.main.finish = lambda status: {INTERRUPT}", -signal.SIGINT),
    ],
)
def test_a_second_interrupt_ends_a_command_without_a_traceback(interrupted: str, status: int) -> None:
    first = f"cli.main.app = lambda *_, **__: {INTERRUPT}"
    said = f"import cli.main, os, signal, sys; {first}; {interrupted}; cli.main.main()"
    ended = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.stderr == ""
    assert ended.returncode == status


def test_python_hardly_looks_for_garbage_in_what_is_loaded() -> None:
    """Looking through it again and again takes a tenth of a command's time."""
    said = "import cli.main, gc; cli.main.run = lambda: print(gc.get_threshold()[0]) or 0; cli.main.main()"
    ended = subprocess.run([sys.executable, "-c", said], cwd=ROOT, capture_output=True, text=True, check=True)
    assert int(ended.stdout) >= 100_000
