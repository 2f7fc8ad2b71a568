"""`im heartbeat`: what is asked of the gateway, and how heartbeats are written."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any

import pytest

import cli.heartbeat
from cli.local_api import local_api
from cli.main import run
from cli.render_heartbeats import ahead, heartbeat_table, heartbeat_text
from domain.heartbeats import BeatKind, PingReport, Status, StatusChange
from domain.incidents import Severity
from service.heartbeat_views import HeartbeatAdded, HeartbeatView

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


def row(**parts: Any) -> HeartbeatView:
    known = {
        "name": "backup",
        "status": Status.NEW,
        "every_seconds": 60,
        "grace_seconds": 30,
        "severity": Severity.SEV_1,
        "created_at": NOW - timedelta(days=3),
        "updated_at": NOW - timedelta(days=3),
    }
    return HeartbeatView.model_validate(known | parts)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the gateway was asked; it answers as the real one does, which e2e tests use."""
    calls: dict[str, Any] = {}

    def add(name: str, **options: Any) -> HeartbeatAdded:
        calls.update(options, name=name)
        return HeartbeatAdded(heartbeat=row(name=name), ping_path="/api/v1/ping/key")

    def update(name: str, **options: Any) -> HeartbeatView:
        calls.update(options, name=name)
        return row(name=name)

    gateway = SimpleNamespace(
        heartbeats=SimpleNamespace(
            add=add, update=update, all=list, pause=lambda name: row(name=name), get=lambda name: row(name=name)
        )
    )

    def with_gateway(work: Callable[[Any], Any]) -> Any:
        return work(gateway)

    monkeypatch.setattr(cli.heartbeat, "with_gateway", with_gateway)
    return calls


def test_add_shows_the_ping_path_on_standard_output_and_never_the_ping_url(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    line = "heartbeat add backup --every 24h --grace 1h --severity sev-2 --ping-url https://hc-ping.com/hush"
    assert run(line.split()) == 0
    said = capsys.readouterr()
    assert said.out == "http://localhost:8080/api/v1/ping/key\n"
    assert said.err.startswith("added backup: a beat every 60s, grace 30s\n")
    assert "hush" not in said.out + said.err
    assert asked == {
        "name": "backup",
        "every": timedelta(hours=24),
        "grace": timedelta(hours=1),
        "severity": Severity.SEV_2,
        "zeebe_process": None,
        "cluster": None,
        "ping_url": "https://hc-ping.com/hush",
    }


@pytest.mark.parametrize(
    ("answer", "is_lost"),
    [(b'{"status":"alive"}', False), (b"<html>another program</html>", True), (b'{"status":"up"}', True), (None, True)],
)
def test_add_says_where_the_ping_url_begins_and_warns_where_no_api_of_ours_answers(
    asked: dict[str, Any],
    answer: bytes | None,
    *,
    is_lost: bool,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    with answering(answer) as port:
        monkeypatch.setenv("IM_API_PORT", str(port))
        assert run("heartbeat add backup --every 60s".split()) == 0
    said = capsys.readouterr()
    base = f"http://localhost:{port}"
    assert said.out == f"{base}/api/v1/ping/key\n"
    assert f"it begins with {base}, which is where this terminal's settings have the API" in said.err
    assert "set IM_API_PORT" in said.err
    assert (f"warning: no API answers at {base}: beats that are sent there are lost" in said.err) is is_lost


@pytest.mark.parametrize(
    ("host", "base"),
    [
        ("fd00::5", "http://[fd00::5]:8080"),
        ("::", "http://localhost:8080"),
        ("10.0.0.5", "http://10.0.0.5:8080"),
        ("im.internal", "http://im.internal:8080"),
    ],
)
def test_the_address_of_the_api_is_written_as_a_url_has_it(
    host: str, base: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IM_API_HOST", host)
    assert local_api() == base


@contextmanager
def answering(body: bytes | None) -> Iterator[int]:
    """A server of this machine with that answer to whatever is asked, or the port of none."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(body or b"")

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        port = server.server_port
        if body is not None:
            Thread(target=server.serve_forever, args=(0.01,)).start()
            try:
                yield port
            finally:
                server.shutdown()
            return
    yield port


@pytest.mark.parametrize(
    ("options", "change"),
    [
        ("--every 12h --grace 0s", {"every": timedelta(hours=12), "grace": timedelta()}),
        ("--severity sev-3", {"severity": Severity.SEV_3}),
        ("--ping-url https://hc-ping.com/hush", {"ping_url": "https://hc-ping.com/hush"}),
        ("--no-ping-url", {"ping_url": ""}),
        ("--zeebe-process canary --cluster prod", {"zeebe_process": "canary", "cluster": "prod"}),
        ("--no-zeebe-process", {"zeebe_process": "", "cluster": ""}),
    ],
)
def test_a_change_has_what_was_given_alone(
    asked: dict[str, Any], options: str, change: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["heartbeat", "update", "backup", *options.split()]) == 0
    said = capsys.readouterr()
    assert (asked, said.out, said.err) == ({"name": "backup"} | change, "", "updated backup\n")


@pytest.mark.parametrize(
    ("line", "status"),
    [
        ("heartbeat update backup", 2),
        ("heartbeat update backup --every soon", 2),
        ("heartbeat update backup --ping-url https://hc-ping.com/hush --no-ping-url", 2),
        ("heartbeat update backup --zeebe-process canary --no-zeebe-process", 2),
        ("heartbeat update backup --cluster prod --no-zeebe-process", 2),
        ("heartbeat update backup --name other", 2),
        ("heartbeat add backup", 2),
        ("heartbeat add backup --every soon", 2),
        ("heartbeat add backup --every 60s --cluster prod", 2),
        ("heartbeat add backup --every 60s --zeebe-process canary", 2),
    ],
)
def test_what_cannot_be_meant_is_refused(
    asked: dict[str, Any], line: str, status: int, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == status
    assert (asked, capsys.readouterr().out) == ({}, "")


def test_an_empty_list_says_how_to_add_one(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["heartbeat", "list"]) == 0
    said = capsys.readouterr()
    assert said.out == "NAME  STATUS  LAST_BEAT  NEXT_DUE  INCIDENT\n"
    assert said.err == "no heartbeats yet; add one: im heartbeat add NAME --every 60s\n"


def test_a_change_is_said_on_standard_error(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["heartbeat", "pause", "backup"]) == 0
    said = capsys.readouterr()
    assert (said.out, said.err) == ("", "paused backup\n")


@pytest.mark.parametrize(
    ("seconds", "text"), [(40, "in 40s"), (0, "in 0s"), (-5, "5s late"), (7300, "in 2h"), (-90, "1m late")]
)
def test_how_far_ahead(seconds: int, text: str) -> None:
    assert ahead(NOW + timedelta(seconds=seconds), NOW) == text


def test_the_table_has_times_as_seen_from_now() -> None:
    up = row(status=Status.UP, last_beat_at=NOW - timedelta(seconds=20), due_at=NOW + timedelta(seconds=40))
    down = row(name="job", status=Status.DOWN, last_beat_at=NOW - timedelta(hours=2), incident_id="INC-7")
    assert heartbeat_table([row(name="a"), up, down], NOW).splitlines() == [
        "NAME    STATUS  LAST_BEAT  NEXT_DUE  INCIDENT",
        "a       new     never      -         -",
        "backup  up      20s ago    in 40s    -",
        "job     down    2h ago     -         INC-7",
    ]


def test_one_is_shown_with_its_last_changes_and_no_control_character() -> None:
    shown = row(
        status=Status.UNKNOWN,
        last_beat_at=NOW - timedelta(seconds=100),
        due_at=NOW + timedelta(seconds=50),
        deadline=NOW + timedelta(seconds=80),
        unknown_since=NOW - timedelta(seconds=10),
        last_run_seconds=12.34,
        last_note="red\x1b[31m",
        ping_url="https://hc-ping.com/…",
        last_ping=PingReport(kind=BeatKind.SUCCESS, at=NOW - timedelta(seconds=99), error="HTTP 503"),
        updated_at=NOW - timedelta(days=1),
        changes=[
            StatusChange(at=NOW - timedelta(days=1), status=Status.UP, reason="beat received"),
            StatusChange(at=NOW - timedelta(seconds=10), status=Status.UNKNOWN, reason="restarted"),
        ],
    )
    assert heartbeat_text(shown, NOW).splitlines() == [
        "name:           backup",
        "status:         unknown",
        "every:          60s",
        "grace:          30s",
        "severity:       SEV-1",
        "last beat:      2025-12-26T14:28:20Z (1m ago)",
        "next due:       2025-12-26T14:30:50Z (in 50s)",
        "deadline:       2025-12-26T14:31:20Z",
        "unknown since:  2025-12-26T14:29:50Z (10s ago)",
        "last run:       12.3 s",
        "last note:      red",
        "pings on:       https://hc-ping.com/…",
        "last ping:      success 1m ago: failed: HTTP 503",
        "created:        2025-12-23T14:30:00Z",
        "updated:        2025-12-25T14:30:00Z",
        "",
        "AT                    STATUS   REASON",
        "2025-12-26T14:29:50Z  unknown  restarted",
        "2025-12-25T14:30:00Z  up       beat received",
    ]


def test_the_url_that_takes_beats_is_called_otherwise_than_the_one_that_is_told_of_them(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["heartbeat", "add", "backup", "--every", "60s", "--ping-url", "https://hc-ping.com/a"]) == 0
    told = capsys.readouterr().err
    assert asked["ping_url"] == "https://hc-ping.com/a"
    assert ("the beat URL is a key" in told, "ping URL" in told) == (True, False)
