"""`im http-client`: files and secrets as they are read, and what is shown."""

import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import trustme

import cli.http_client
import cli.subscriber_trial
from cli.http_client_options import TokenAuthChoice
from cli.main import run
from domain.http_client_trials import HttpClientTrial
from domain.http_clients import HttpClient, TokenAuth
from domain.outcomes import Delivery, DeliveryState, Failure
from service.http_client_views import view
from service.trials import Trial
from tests.support.authorities import CLIENT_SECRET, PASSWORD, make_http_client, pem_of
from tests.support.gateways import serving

AUTHORITY = trustme.CA()


@pytest.fixture
def known(monkeypatch: pytest.MonkeyPatch) -> HttpClient:
    """The one client that there is: its certificate expires in 12 days."""
    soon = datetime.now(UTC) + timedelta(days=12, hours=1)
    return make_http_client("partner", certificate=AUTHORITY.issue_cert(common_name="im", not_after=soon))


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch, known: HttpClient) -> dict[str, Any]:
    """What the gateway was asked."""
    calls: dict[str, Any] = {}

    def change(name: str, **options: Any) -> Any:
        calls.clear()
        calls.update(options, name=name)
        return view(known, ["ops"])

    gateway = SimpleNamespace(
        http_clients=SimpleNamespace(
            add=change, update=change, get=change, remove=change, all=lambda: [view(known, ["ops"])]
        )
    )

    def with_gateway(work: Callable[[Any], Awaitable[Any]]) -> Any:
        return work(gateway)

    monkeypatch.setattr(cli.http_client, "with_gateway", with_gateway)
    return calls


def _typed(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(read=lambda: text, isatty=lambda: False))


def test_choices_are_those_of_the_domain() -> None:
    assert [*TokenAuthChoice] == [*TokenAuth]


def test_files_and_secrets_are_read_and_never_printed(
    asked: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chain, key = pem_of(AUTHORITY.issue_cert(common_name="im"))
    for name, text in (("c.pem", chain), ("c.key", key), ("secret.txt", f"{CLIENT_SECRET}\n"), ("pass.txt", "open\n")):
        (tmp_path / name).write_text(text)
    _typed(monkeypatch, f"{PASSWORD}\n")
    line = ["http-client", "add", "partner", "--cert", str(tmp_path / "c.pem"), "--key", f"@{tmp_path / 'c.key'}"]
    line += ["--key-passphrase", str(tmp_path / "pass.txt"), "--user", "im", "--password", "-"]
    line += ["--oauth2-client-secret", f"@{tmp_path / 'secret.txt'}", "--timeout", "5"]
    line += ["--oauth2-token-url", "https://login.example.com/token", "--oauth2-client-id", "im"]
    for output in ("table", "json"):
        assert run([*line, "--format", output]) == 0
        said = capsys.readouterr()
        for secret in (key.splitlines()[1], PASSWORD, CLIENT_SECRET, "sealed"):
            assert secret not in said.out + said.err
    assert (asked["certificate"], asked["key"], asked["key_passphrase"]) == (chain, key, "open")
    assert (asked["password"], asked["client_secret"], asked["total_seconds"]) == (PASSWORD, CLIENT_SECRET, 5)
    assert "trust" not in asked


@pytest.mark.parametrize(("typed", "seconds"), [("5", 5), ("5s", 5), ("2.5s", 2.5), ("500ms", 0.5), ("500MS", 0.5)])
def test_time_limits_are_durations(asked: dict[str, Any], typed: str, seconds: float) -> None:
    assert run(["http-client", "add", "partner", "--timeout", typed, "--connect-timeout", typed]) == 0
    assert (asked["total_seconds"], asked["connect_seconds"]) == (seconds, seconds)


@pytest.mark.parametrize("typed", ["5m", "five", "-1", "1e3", "s", ""])
def test_a_time_limit_that_is_none_is_refused_with_how_to_write_one(
    typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["http-client", "add", "partner", f"--timeout={typed}"]) == 2
    assert "write 5s, 2.5s or 500ms, or 5 for seconds" in " ".join(capsys.readouterr().err.replace("│", "").split())


def test_a_secret_on_the_command_line_is_refused_without_repeating_it(capsys: pytest.CaptureFixture[str]) -> None:
    for option in ("--password", "--oauth2-client-secret", "--proxy-credentials"):
        assert run(["http-client", "add", "a", option, "hunter2"]) == 2
        assert "hunter2" not in capsys.readouterr().err


def test_only_one_option_reads_standard_input(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("http-client add a --password - --proxy-credentials -".split()) == 2
    assert "--password and --proxy-credentials" in capsys.readouterr().err


SAFELY = "asks for it or reads standard input"


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ("--user im", f"--user goes with --password (--password - {SAFELY}, --password @FILE a file)"),
        ("--password -", "--password goes with --user"),
        (
            "--oauth2-client-id im",
            f"goes with --oauth2-token-url and --oauth2-client-secret (--oauth2-client-secret - {SAFELY}",
        ),
        ("--oauth2-scope a", "--oauth2-scope goes with --oauth2-token-url and --oauth2-client-id and"),
        ("--cert c.pem", "--cert goes with --key"),
        ("--key-passphrase -", "--key-passphrase goes with --cert and --key"),
        ("--proxy-credentials -", "--proxy-credentials goes with --proxy"),
    ],
)
def test_half_of_a_part_is_answered_with_the_options_that_it_lacks(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str], given: str, says: str
) -> None:
    assert run(["http-client", "add", "partner", *given.split()]) == 2
    assert says in " ".join(capsys.readouterr().err.split())
    assert asked == {}


def test_an_option_that_is_left_empty_was_not_given(asked: dict[str, Any]) -> None:
    assert run(["http-client", "add", "partner", "--oauth2-scope", "", "--oauth2-token-url", ""]) == 0


def test_a_client_that_is_changed_may_have_the_rest(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["http-client", "update", "partner", "--user", "im"]) == 0
    assert asked["user"] == "im"
    assert run(["http-client", "update", "partner", "--cert", "c.pem"]) == 2
    assert "--cert goes with --key" in capsys.readouterr().err


def test_parts_are_dropped_by_name(asked: dict[str, Any]) -> None:
    assert run(["http-client", "update", "partner", "--drop", "basic,proxy", "--drop", "trust"]) == 0
    assert asked["drop"] == ["basic", "proxy", "trust"]


def test_the_list_shows_days_left_and_users_and_warns(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["http-client", "list"]) == 0
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "NAME     AUTH        CERTIFICATE   USED BY",
        "partner  mutual_tls  12 days left  ops",
    ]
    assert "warning: the certificate of HTTP client 'partner' expires in 12 days" in said.err


def test_show_has_the_fingerprint(asked: dict[str, Any], known: HttpClient, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["http-client", "show", "partner"]) == 0
    said = capsys.readouterr().out
    assert known.certificate is not None
    assert known.certificate.facts.sha256 in said
    assert "used by:" in said


@pytest.mark.parametrize(
    ("error", "told"),
    [
        ("TLS verification failed: self-signed certificate in certificate chain", True),
        ("TLS verification failed: unable to get local issuer certificate", True),
        ("TLS verification failed: certificate has expired", False),
        ("connection refused", False),
    ],
)
def test_an_unknown_ca_is_answered_with_how_to_give_one(
    error: str, told: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def tried(name: str, url: str) -> HttpClientTrial:
        return HttpClientTrial(http_client=name, url=url, failure=Failure.TLS, error=error)

    async def run_one(name: str) -> Trial:
        delivery = Delivery(subscriber=name, state=DeliveryState.FAILED, error=error)
        return Trial(subscriber=name, event_id="evt_1", state=delivery.state, delivery=delivery)

    gateway = SimpleNamespace(http_clients=SimpleNamespace(test=tried), trials=SimpleNamespace(run=run_one))
    for module in (cli.http_client, cli.subscriber_trial):
        monkeypatch.setattr(module, "with_gateway", lambda work, **_: serving(gateway)(work))
    assert run(["http-client", "test", "partner", "https://a.example/"]) == 1
    assert ("im http-client update partner --ca FILE" in capsys.readouterr().err) is told
    assert run(["subscriber", "test", "ops"]) == 1
    assert ("im subscriber update ops --http-client CLIENT" in capsys.readouterr().err) is told
