"""Lines of ours and of libraries: the same form, in the file as JSON and on the terminal as logfmt."""

import json
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
import structlog

from activities.logger import Logger
from service import logs


@pytest.fixture
def restored() -> Iterator[None]:
    """Logging as it was before."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    flags = logging.logThreads, logging.logProcesses, logging.logMultiprocessing
    source = logging._srcfile
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        yield
    logging.captureWarnings(False)
    for handler in root.handlers:
        handler.close()
    while logs._locks:
        logs._locks.pop().close()
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = flags
    logging._srcfile = source
    structlog.reset_defaults()


@pytest.mark.usefixtures("restored")
def test_an_entry_reads_alike_in_the_file_and_on_the_terminal(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = logs.configure_logs("info", folder=tmp_path)
    structlog.get_logger("outbox-worker").warning('it said "no"', subscriber_id="ops", error="a\nb\x1b", next=None)
    assert path is not None
    entry = json.loads(path.read_text())
    assert list(entry) == ["time", "level", "component", "msg", "subscriber_id", "error", "next"]
    assert (entry["level"], entry["component"], entry["msg"]) == ("WARN", "outbox-worker", 'it said "no"')
    shown = capsys.readouterr().err
    assert shown.startswith(f"time={entry['time']} level=WARN ")
    assert 'msg="it said \\"no\\"" subscriber_id=ops error="a\\nb\\u001b"\n' in shown


@pytest.mark.usefixtures("restored")
def test_our_own_lines_are_written_once_logs_are_set_up(capsys: pytest.CaptureFixture[str]) -> None:
    ours = Logger("outbox-worker")
    ours.error("too early", subscriber_id="ops")  # as in a command, whose standard output is data
    logs.configure_logs("warn")
    ours.info("too little", subscriber_id="ops")
    ours.warning("told", subscriber_id="ops")
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.partition(" level=")[2] for line in err.splitlines()] == ['WARN msg="told" subscriber_id=ops']


@pytest.mark.usefixtures("restored")
def test_what_libraries_log_has_its_extras_and_its_exception(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = logs.configure_logs("info", folder=tmp_path)
    try:
        int("boom")
    except ValueError:
        logging.getLogger("somebody").exception("%s failed", "it", extra={"queue": "im-events"})
    assert path is not None
    entry = json.loads(path.read_text())
    assert (entry["msg"], entry["component"], entry["queue"]) == ("it failed", "somebody", "im-events")
    assert "ValueError: invalid literal" in entry["exception"]
    assert "ValueError: invalid literal" in capsys.readouterr().err


@pytest.mark.usefixtures("restored")
def test_the_file_rotates_by_size_and_loses_no_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "MAX_BYTES", 1000)
    logs.configure_logs("info", folder=tmp_path, console=False)
    for number in range(40):
        structlog.get_logger("test").info("line", number=number)
    assert len(list(tmp_path.glob("im.jsonl*"))) > 2
    assert [json.loads(line)["number"] for line in logs.read_logs(tmp_path)] == list(range(40))


class _Unspeakable:
    def __repr__(self) -> str:
        raise ValueError


@pytest.mark.usefixtures("restored")
@pytest.mark.parametrize("value", [{("a", 1): 2}, _Unspeakable(), float("nan"), [object()]])
def test_no_line_is_lost_for_a_value_that_cannot_be_written(tmp_path: Path, value: object) -> None:
    path = logs.configure_logs("info", folder=tmp_path, console=False)
    structlog.get_logger("test").info("odd", value=value)
    logging.getLogger("test").info("%d", "x")
    assert path is not None
    assert [json.loads(line)["msg"] for line in path.read_text().splitlines()] == ["odd", "%d"]


@pytest.mark.usefixtures("restored")
def test_nothing_forges_a_line_or_its_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = logs.configure_logs("info", folder=tmp_path)
    structlog.get_logger("test").info("mine", time="2000", level="fake")
    try:
        raise_it = ValueError('\x1b[2J\nlevel=ERROR msg="forged"')
        int(raise_it)  # type: ignore[call-overload]
    except TypeError:
        logging.getLogger("test").exception("broken", exc_info=raise_it)
    assert path is not None
    entry = json.loads(path.read_text().splitlines()[0])
    assert entry["level"] == "INFO"
    assert not entry["time"].startswith("2000")
    shown = capsys.readouterr().err
    assert "\x1b" not in shown
    assert not any(line.startswith("level=") for line in shown.splitlines())


@pytest.mark.usefixtures("restored")
def test_a_warning_is_a_line_unless_it_only_says_that_an_activity_had_ended(tmp_path: Path) -> None:
    path = logs.configure_logs("info", folder=tmp_path, console=False)
    warnings.warn("Cannot find activity to cancel for token b'1'", stacklevel=1)
    warnings.warn("the disk is old", stacklevel=1)
    assert path is not None
    (line,) = path.read_text().splitlines()
    entry = json.loads(line)
    assert (entry["level"], entry["component"]) == ("WARN", "py.warnings")
    assert "the disk is old" in entry["msg"]
