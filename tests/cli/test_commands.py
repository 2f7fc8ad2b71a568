"""Arguments, exit statuses, messages, help."""

import json
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
import typer
from typer.main import get_command

import cli.subscriber
from cli import render_replays
from cli.alarm_options import AlarmSeverityChoice
from cli.app import app
from cli.incident import SeverityChoice, StatusChoice
from cli.logs import Level
from cli.main import normalised, run
from cli.run import exit_status, incident_id, moment, one_of, report
from domain.alarms import AlarmSeverity
from domain.error_codes import KINDS
from domain.errors import NoWorkerError, TemporalUnavailableError, UnavailableError
from domain.health import Health
from domain.incidents import Severity, Status
from domain.pauses import Pause
from domain.replays import Selection
from service.replay_views import ReplayView
from service.settings import LogLevel
from service.subscriber_views import Changed, SubscriberDetail, SubscriberView

NOW = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
SECRET = "your-webhook-secret"


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("subscriber update x --enabled=false", "subscriber update x --no-enabled"),
        ("subscriber update x --enabled=TRUE", "subscriber update x --enabled"),
        ("subscriber update x --no-enabled", "subscriber update x --no-enabled"),
        ("subscriber update x --enabled=maybe", "subscriber update x --enabled=maybe"),
        ("subscriber show -- --enabled=false", "subscriber show -- --enabled=false"),
        ("incident note 7 --enabled=false", "incident note 7 --enabled=false"),
        ("", ""),
    ],
)
def test_enabled_with_a_value_becomes_a_plain_flag(given: str, meant: str) -> None:
    assert normalised(given.split()) == meant.split()


def test_every_error_has_an_exit_status() -> None:
    for kind in KINDS.values():
        error = kind.__new__(kind)
        assert exit_status(error) == (3 if issubclass(kind, UnavailableError) else 1), kind


def test_an_error_is_a_sentence_and_a_hint(capsys: pytest.CaptureFixture[str]) -> None:
    assert report(TemporalUnavailableError(address="a:1", namespace="n", reason="refused")) == 3
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == [
        "error: Temporal at a:1 (namespace n) does not answer: refused",
        "hint: Start it (on a laptop: im dev), or set TEMPORAL_ADDRESS; if it runs, it is busy: try again.",
    ]


def test_a_hint_names_the_option_of_a_command_and_not_the_header_of_the_api(
    capsys: pytest.CaptureFixture[str],
) -> None:
    report(NoWorkerError(queue="im-control", seconds=3).in_doubt())
    said = capsys.readouterr().err
    assert "with the same --idempotency-key where it takes one" in said
    assert "Idempotency-Key" not in said


def test_a_temporal_that_has_no_such_address_is_said_to_be_away(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TEMPORAL_ADDRESS", "127.0.0.1:99999")
    assert run(["event", "list"]) == 3
    assert "127.0.0.1:99999 (namespace default) does not answer: that is not host:port" in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--temporal-port", "--ui-port", "--port"])
def test_a_port_is_one_before_anything_is_started(option: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dev", option, "99999"]) == 2
    assert option in capsys.readouterr().err


@pytest.mark.parametrize("command", ["replay show rpl_3f9c2a7b10de --follow", "replay cancel rpl_3f9c2a7b10de"])
def test_a_replay_that_handed_over_all_does_not_read_as_if_it_had_arrived(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    chosen = Selection(to="ops", until=NOW)
    found = ReplayView(
        id="rpl_3f9c2a7b10de",
        stage="done",
        selection=chosen,
        rate="10/s",
        matched=6,
        sent=6,
        under_way=6,
        started_at=NOW,
        ended_at=NOW,
    )
    monkeypatch.setattr("cli.replay.with_gateway", lambda _: found)
    assert run(command.split()) == 0
    said = capsys.readouterr().err
    assert "6 of these have no outcome yet; look again: im replay show rpl_3f9c2a7b10de" in said
    of_all = "6 of 6 handed over (0 delivered, 0 failed, 6 without an outcome yet)"
    assert render_replays.outcome(found) == f"rpl_3f9c2a7b10de done: {of_all}"
    assert render_replays.look_again(found.model_copy(update={"under_way": 0, "delivered": 6})) is None
    assert render_replays.look_again(found.model_copy(update={"ended_at": None})) is None


def test_choices_are_those_of_the_domain() -> None:
    assert [*SeverityChoice] == [*Severity]
    assert [*AlarmSeverityChoice] == [*AlarmSeverity]
    assert [*StatusChoice] == [*Status]
    assert [*Level] == [*LogLevel]


@pytest.mark.parametrize("text", ["INC-7", "inc-7", "7"])
def test_incident_ids_are_read_in_each_form(text: str) -> None:
    assert incident_id(text) == "INC-7"


@pytest.mark.parametrize("text", ["", "0", "INC-", "INC-7x", "evt_7", "-7", "007", " 7"])
def test_other_incident_ids_are_a_usage_error(text: str) -> None:
    with pytest.raises(typer.BadParameter):
        incident_id(text)


def test_since_is_a_duration_or_a_time() -> None:
    assert moment("--since", "1h", NOW) == NOW - timedelta(hours=1)
    assert moment("--since", "2025-12-26T12:00:00z", NOW) == NOW - timedelta(hours=2, minutes=30)
    assert moment("--since", "2025-12-26T12:00:00", NOW).tzinfo is UTC
    for wrong in ("yesterday", "", "999999999d"):
        with pytest.raises(typer.BadParameter, match="--since: "):
            moment("--since", wrong, NOW)


def _commands(command: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Any]]:
    below = getattr(command, "commands", {})
    return [(path, command), *(found for name, sub in below.items() for found in _commands(sub, (*path, name)))]


@pytest.mark.parametrize(
    ("path", "command"), [pytest.param(*found, id="-".join(("im", *found[0]))) for found in _commands(get_command(app))]
)
def test_help_names_every_option_and_has_an_example(
    path: tuple[str, ...], command: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*path, "--help"]) == 0
    shown = capsys.readouterr().out
    for parameter in command.params:
        for option in (*parameter.opts, *parameter.secondary_opts):
            assert option in shown or not option.startswith("-")
    if not getattr(command, "commands", None):
        assert "Example" in shown
        assert f"im {' '.join(path)}" in shown


@pytest.mark.parametrize(
    "line",
    [
        "nonsense",
        "subscriber add",
        "subscriber update x",
        "subscriber update x --enabled false",
        "subscriber update x --header novalue",
        "subscriber update x --header a=b --clear-headers",
        "subscriber add --name a --url https://a.example --hostname a.example",
        "subscriber update x --http-client a --no-http-client",
        "subscriber update x --rate-limit 5 --no-rate-limit",
        "subscriber update x --max-concurrency 5 --no-max-concurrency",
        "subscriber update x --max-concurrency 0",
        "subscriber update x --cancel-waiting",
        "subscriber update x --max-concurrency 1001",
        "http-client add a --password hunter2",
        "http-client add a --user im --password - --oauth2-client-secret -",
        "http-client add a --cert /nonexistent.pem --key /nonexistent.key",
        "http-client add a --oauth2-auth none",
        "http-client update a",
        "http-client update a --drop everything",
        "incident show seven",
        "incident declare --title t --severity SEV-9",
        "alarm raise",
        "alarm raise --type a --resource-type b --resource c --severity CLEAR",
        "alarm change",
        "alarm clear id --type a --resource-type b --resource c",
        "alarm clear --type a --resource b",
        "alarm clear id --dependency novalue",
        "alarm clear id --dependency a=b",
        "alarm clear id --last-updated yesterday",
        "alarm list --active --severity SEV-1",
        "event emit",
        "event emit --file a --type b",
        "event emit --file /nonexistent/event.json",
        "event emit --type a.b --extension id=x",
        "event list --since whenever",
        "why evt_1",
        "replay --failed-only",
        "replay --subscriber a --since whenever",
        "retention set soon",
        "subscriber list --format yaml",
    ],
)
def test_wrong_usage_exits_2(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error" in said.err


def test_ctrl_c_exits_130(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_work: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(cli.subscriber, "with_gateway", interrupted)
    assert run(["subscriber", "list"]) == 130


def test_version_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--version"]) == 0
    assert capsys.readouterr().out.startswith("im 0.")


@pytest.mark.parametrize(
    "noun",
    [
        [],
        ["subscriber"],
        ["incident"],
        ["alarm"],
        ["event"],
        ["replay"],
        ["retention"],
        ["heartbeat"],
        ["http-client"],
        ["keys"],
        ["zeebe"],
        ["zeebe", "cluster"],
    ],
)
def test_no_summary_is_cut_in_a_terminal_of_80_columns(
    noun: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    assert run([*noun, "--help"]) == 0
    assert not [line for line in capsys.readouterr().out.splitlines() if line.startswith("  ") and "..." in line]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (
            "incident declare --title t --severity SEV-9",
            "Error: Invalid value for '--severity': 'SEV-9' is not one of SEV-1, SEV-2, SEV-3, SEV-4",
        ),
        ("logs --level x", "Error: Invalid value for '--level': 'x' is not one of debug, info, warn, error"),
        (
            "subscriber update x --enabled=maybe",
            "Error: --enabled=maybe: --enabled takes true or false, and without a value it is true",
        ),
    ],
)
def test_a_word_that_is_no_choice_is_answered_with_the_choices(
    line: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(line.split()) == 2
    assert capsys.readouterr().err.splitlines()[-1] == said


@pytest.mark.parametrize("severity", ["SEV-2", "sev-2", "Sev-2"])
def test_choices_are_read_in_any_case(severity: str) -> None:
    assert one_of(SeverityChoice)["parser"](severity) is SeverityChoice.SEV_2


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the subscriber gateway was asked; it answers as the real one does, which e2e tests use."""
    calls: dict[str, Any] = {}

    def change(name: str, *rest: object, **options: Any) -> Changed:
        calls.update(options, name=name, rest=rest)
        view = SubscriberView(
            name=name,
            url="https://example.com/\x1b[31mwebhook",
            types=["**"],
            enabled=True,
            signed=True,
            schedule="default",
            max_attempts=5,
            created_at=NOW,
            updated_at=NOW,
        )
        generated = "whsec_generated" if options.get("generate_secret") else None
        return Changed(subscriber=view, secret=generated, warnings=["look out"])

    gateway = SimpleNamespace(subscribers=SimpleNamespace(add=change, update=change))

    def with_gateway(work: Callable[[Any], Awaitable[Changed]]) -> Any:
        return work(gateway)

    monkeypatch.setattr(cli.subscriber, "with_gateway", with_gateway)
    return calls


def detail(row: Health) -> SubscriberDetail:
    view = SubscriberView(
        name=row.subscriber, url="https://a.example/", types=["**"], enabled=True, signed=False, schedule="default",
        max_attempts=5, paused=row.paused, created_at=NOW, updated_at=NOW,
    )  # fmt: skip
    return SubscriberDetail(**view.model_dump(), health=row)


def test_a_subscriber_in_json_has_its_health_with_what_waits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    row = Health(subscriber="a", paused=Pause(at=NOW, reason="by hand"), waiting=3, oldest_waiting=NOW)
    gateway = SimpleNamespace(health=SimpleNamespace(with_subscriber=lambda _: detail(row)))
    monkeypatch.setattr(cli.subscriber, "with_gateway", lambda work: work(gateway))
    assert run(["subscriber", "show", "a", "--format", "json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    assert (shown["name"], shown["paused"]["reason"], shown["health"]["waiting"]) == ("a", "by hand", 3)


@pytest.mark.parametrize("command", [["health"], ["health", "a"], ["show", "a"]])
def test_what_could_not_be_counted_is_said_at_the_end_and_the_command_succeeds(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], command: list[str]
) -> None:
    row = Health(subscriber="a", delivered=7, retrying=None, waiting=None, not_counted="Temporal is slow")
    health = SimpleNamespace(
        all=lambda: [row, Health(subscriber="b")], get=lambda _: row, with_subscriber=lambda _: detail(row)
    )
    gateway = SimpleNamespace(health=health)
    for module in (cli.subscriber, cli.subscriber_health):
        monkeypatch.setattr(module, "with_gateway", lambda work: work(gateway))
    assert run(["subscriber", *command, "--format", "json"]) == 0
    said = capsys.readouterr()
    shown = json.loads(said.out)
    found = shown[0] if command == ["health"] else shown.get("health", shown)
    assert (found["delivered"], found["retrying"], found["not_counted"]) == (7, None, "Temporal is slow")
    assert (
        f"of 1 of {2 if command == ['health'] else 1} it is not known how much waits, or since when: Temporal is slow"
        in said.err
    )
    assert ("or for one" in said.err) == (command == ["health"])


ADD = ["subscriber", "add", "--name", "a", "--url", "https://example.com/webhook"]


def test_a_given_secret_and_header_values_are_never_printed(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    for output in ("table", "json"):
        assert run([*ADD, "--secret", SECRET, "--header", "X-Token=hush", "--format", output]) == 0
        said = capsys.readouterr()
        assert SECRET not in said.out + said.err
        assert "hush" not in said.out + said.err
        assert "\x1b" not in said.out + said.err
    assert asked["secret"] == SECRET
    assert asked["headers"] == {"X-Token": "hush"}


def test_a_wrong_header_is_refused_without_repeating_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run([*ADD, "--header", "Bearer hush"]) == 2
    assert "hush" not in capsys.readouterr().err


def test_a_generated_secret_is_alone_on_standard_output_so_that_a_file_has_it(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run([*ADD, "--generate-secret"]) == 0
    said = capsys.readouterr()
    assert said.out == "whsec_generated\n"
    assert said.err.splitlines() == [
        "added a: ** to https://example.com/webhook",
        "the secret is not shown again; give it to the receiver now",
        "warning: look out",
    ]
    assert run([*ADD, "--generate-secret", "--format", "json"]) == 0
    said = capsys.readouterr()
    assert said.out.count("whsec_generated") == 1
    assert "whsec_generated" not in said.err


def test_a_secret_is_read_from_standard_input(asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    typed = SimpleNamespace(read=lambda: f"{SECRET}\n", isatty=lambda: False)
    monkeypatch.setattr(sys, "stdin", typed)
    assert run([*ADD, "--secret", "-"]) == 0
    assert asked["secret"] == SECRET


def test_types_are_repeatable_lists(asked: dict[str, Any]) -> None:
    assert run([*ADD, "--types", "im.a,im.b", "--types", "im.c"]) == 0
    assert asked["types"] == ["im.a", "im.b", "im.c"]


@pytest.mark.parametrize(
    ("flag", "meant"),
    [
        ("--enabled=false", False),
        ("--enabled=true", True),
        ("--no-enabled", False),
        ("--disabled", False),
        ("--enabled", True),
    ],
)
def test_update_takes_enabled_in_every_form(asked: dict[str, Any], flag: str, meant: bool) -> None:
    assert run(["subscriber", "update", "a", flag]) == 0
    assert asked["enabled"] is meant
    assert "url" not in asked


def test_clear_headers_drops_them_all(asked: dict[str, Any]) -> None:
    assert run(["subscriber", "update", "a", "--clear-headers", "--overlap", "1h"]) == 0
    assert asked["headers"] == {}
    assert asked["overlap"] == timedelta(hours=1)


def test_a_subscriber_goes_back_to_the_plain_client_explicitly(asked: dict[str, Any]) -> None:
    assert run(["subscriber", "update", "a", "--no-http-client"]) == 0
    assert asked["http_client"] == ""
    assert run(["subscriber", "update", "a", "--no-rate-limit", "--no-max-concurrency"]) == 0
    assert (asked["rate_limit"], asked["max_concurrency"]) == ("", 0)
    for option, seconds in (("--pause-after=5d", 432000), ("--no-pause-after", 0)):
        assert run(["subscriber", "update", "a", option]) == 0
        assert asked["pause_after_seconds"] == seconds
    assert (
        run(["subscriber", "update", "a", "--http-client", "partner", "--hostname", "b.example", "--port", "8443"]) == 0
    )
    assert (asked["http_client"], asked["hostname"], asked["port"]) == ("partner", "b.example", 8443)
