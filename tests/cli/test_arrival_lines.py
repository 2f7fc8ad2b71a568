"""How `im listen` prints what arrived."""

import errno
import json
import sys
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from cli.listener import _Lines
from cli.listener_server import Arrival
from cli.render_arrivals import printer
from cli.run import Format

REFUSED = {"status": 405, "refused": True, "remark": "GET /\x1b[31mred: im listen takes POST"}
UNSIGNED = {"verified": False, "problems": ["not from im: unsigned"], "event": {"a": 1}}
STOPPED = {"status": 503, "event": {"type": "a.b", "id": "1"}, "remark": "im listen was stopped"}


def arrival(given: dict[str, Any]) -> Arrival:
    made: dict[str, Any] = {
        "attempt": 1,
        "verified": None,
        "problems": [],
        "status": 200,
        "forwarded": None,
        "event": None,
    }
    return Arrival(at=datetime.now(UTC), **(made | given))


@pytest.mark.parametrize(
    ("given", "lines"),
    [
        (REFUSED, ["refused with 405: GET /red: im listen takes POST"]),
        (UNSIGNED, ["(no CloudEvent)  not from im: unsigned  answered 200", "{", '"a": 1', "}"]),
        (
            STOPPED,
            ["a.b  1  not verified  answered 503  im listen was stopped", "{", '"type": "a.b",', '"id": "1"', "}"],
        ),
    ],
)
def test_a_line_says_what_was_refused_is_not_ours_or_was_stopped(
    capsys: pytest.CaptureFixture[str], given: dict[str, Any], lines: list[str]
) -> None:
    printer(Format.TABLE)(arrival(given))
    first, *others = capsys.readouterr().out.splitlines()
    assert [first[10:], *(line.strip() for line in others)] == lines


@pytest.mark.parametrize("output", [Format.TABLE, Format.JSON])
@pytest.mark.parametrize("fault", [errno.ENOSPC, errno.EPIPE])
def test_what_cannot_be_written_is_told_to_whoever_listens_and_kept_from_the_sender(
    monkeypatch: pytest.MonkeyPatch, output: Format, fault: int
) -> None:
    def full(_: str) -> int:
        raise OSError(fault, "no")

    monkeypatch.setattr(sys, "stdout", SimpleNamespace(write=full, flush=lambda: None, encoding="utf-8"))
    lines = _Lines(printer(output))
    for _ in range(2):
        lines(arrival(STOPPED))
    assert lines.lost.is_set()
    assert lines.fault is not None
    assert lines.fault.errno == fault


def test_json_has_the_reason(capsys: pytest.CaptureFixture[str]) -> None:
    printer(Format.JSON)(arrival(REFUSED))
    shown = json.loads(capsys.readouterr().out)
    assert (shown["refused"], shown["status"], shown["event"]) == (True, 405, None)
    assert shown["remark"] == REFUSED["remark"]
