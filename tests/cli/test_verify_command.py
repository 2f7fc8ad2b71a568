"""`im verify` as people call it: where request and secret come from, exit statuses, and no secret in what it says."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from cli.main import run
from domain.events import CloudEvent
from domain.headers import delivery_headers

SECRET, OTHER = "correct-horse-battery", "wrong-horse-battery"
SENT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)
AT = ("--at", "2026-11-21T09:31:00Z")
EVENT = CloudEvent(id="evt_1", source="/s", type="a.b.v1", data={"title": "Zürich"})


@pytest.fixture
def captured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a request, its body, and the secret in a file."""
    headers = delivery_headers(EVENT, [SECRET], int(SENT.timestamp()))
    head = "\r\n".join(["POST /hook HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())])
    (tmp_path / "request.http").write_bytes(head.encode() + b"\r\n\r\n" + EVENT.body)
    (tmp_path / "body.json").write_bytes(EVENT.body)
    (tmp_path / "secret.txt").write_text(SECRET + "\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WEBHOOK_SECRET", raising=False)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "stdin", "variable"),
    [
        (("--secret", "@secret.txt"), "", "X"),
        (("--secret", "-"), SECRET + "\n", "X"),
        (("--secret-env", "HOOK"), "", "HOOK"),
        ((), "", "WEBHOOK_SECRET"),
    ],
)
def test_the_secret_comes_from_anywhere_but_an_argument(
    captured: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    *,
    options: tuple[str, ...],
    stdin: str,
    variable: str,
) -> None:
    monkeypatch.setenv(variable, SECRET)
    monkeypatch.setattr("sys.stdin", io.StringIO(stdin))
    assert run(["verify", "request.http", *AT, *options]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines()[-1] == "verified"
    assert SECRET not in said.out + said.err


def test_a_wrong_secret_is_exit_1_and_in_no_output(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (captured / "secret.txt").write_text(OTHER)
    assert run(["verify", "request.http", *AT, "--secret", "@secret.txt", "--format", "json"]) == 1
    said = capsys.readouterr()
    found = json.loads(said.out)
    assert (found["verified"], [check["state"] for check in found["checks"]]) == (False, ["wrong", "wrong"])
    assert OTHER not in said.out + said.err


def test_a_body_and_headers_are_a_request_too(captured: Path, capsys: pytest.CaptureFixture[str]) -> None:
    headers = delivery_headers(EVENT, [SECRET], int(SENT.timestamp()))
    given = [word for name, value in headers.items() for word in ("--header", f"{name}: {value}")]
    assert run(["verify", "--body", "body.json", *given, "--secret", "@secret.txt", *AT]) == 0
    (captured / "body.json").write_bytes(EVENT.body + b"\n")
    assert run(["verify", "--body", "body.json", *given, "--secret", "@secret.txt", *AT]) == 1
    assert "trailing line break" in capsys.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "",
        "request.http --body body.json",
        "request.http --header a:b --secret @secret.txt",
        "--body body.json --secret @secret.txt",
        f"request.http --secret {SECRET}",
        "request.http --secret @nowhere.txt",
        "request.http --secret-env NOT_SET",
        "- --secret -",
        "nowhere.http --secret @secret.txt",
        "request.http --secret @secret.txt --at yesterday",
    ],
)
def test_wrong_use_is_exit_2_and_repeats_no_secret(
    captured: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    assert run(["verify", *line.split()]) == 2
    assert SECRET not in capsys.readouterr().err


def test_no_secret_at_all_is_said(
    captured: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert run(["verify", "request.http"]) == 2
    assert "WEBHOOK_SECRET" in capsys.readouterr().err
