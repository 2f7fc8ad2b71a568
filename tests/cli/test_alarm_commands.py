"""`im alarm`: what is asked of the gateway, and how alarms are written."""

from collections.abc import Callable
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

import cli.alarm
from cli.main import run
from cli.render_alarms import alarm_table, alarm_text, outcome_text
from domain.alarm_errors import AlarmNotFoundError, InvalidAlarmError
from domain.alarm_texts import Impact
from domain.alarms import AlarmSeverity, Observed, Outcome
from service.alarms import AlarmFilter, AlarmPage
from tests.support.alarms import IDENTITY, make_alarm
from tests.support.builders import NOW

NAMED = ["--type", "failed-connection", "--resource-type", "data-source", "--resource", "users-db"]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What the gateway was asked; it answers as the real one does, which e2e tests use."""
    calls: dict[str, Any] = {"published": True}

    def observed(**said: Any) -> Observed:
        if "refuses" in calls:
            raise calls["refuses"]
        calls.update(said)
        return Observed(
            outcome=Outcome.RAISED,
            event_id="evt_1",
            published=calls["published"],
            alarm=make_alarm(node_id="n\x1b[1m1"),
        )

    async def change(alarm_id: str, **said: Any) -> Observed:
        return observed(alarm_id=alarm_id, **said)

    def find(wanted: AlarmFilter) -> AlarmPage:
        calls["wanted"] = wanted
        return AlarmPage(rows=[])

    alarms = SimpleNamespace(
        upsert=lambda identity, severity, **said: observed(identity=identity, severity=severity, **said),
        change=change,
        find=find,
        id_of=lambda identity, node: f"id of {identity.resource_id} on {node}",
    )

    def with_gateway(work: Callable[[Any], Any]) -> Any:
        work_result = work(SimpleNamespace(alarms=alarms))
        if hasattr(work_result, "send"):
            with pytest.raises(StopIteration) as done:
                work_result.send(None)
            return done.value.value
        return work_result

    monkeypatch.setattr(cli.alarm, "with_gateway", with_gateway)
    return calls


def test_every_attribute_can_be_given(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    texts = ["--brief", "down", "--detail", "a", "--detail", "b", "--action", "restart", "--link", "https://x.example"]
    impacts = ["--impact", "auth=No login: at=all", "--dependency", "auth=sms", "--dependency", "auth=a=b"]
    more = ["--node", "n1", "--last-updated", "2025-12-26T14:30:00Z", "--severity", "major"]
    assert run(["alarm", "raise", *NAMED, *texts, *impacts, *more]) == 0
    assert asked == {
        "published": True,
        "identity": IDENTITY,
        "severity": AlarmSeverity.MAJOR,
        "node_id": "n1",
        "brief_description": "down",
        "detailed_description": ["a", "b"],
        "suggested_actions": ["restart"],
        "impacted_resources": {"auth": {"title": "No login: at=all", "impacted_dependencies": ["sms", "a=b"]}},
        "dashboard_link": "https://x.example",
        "last_updated": NOW,
    }
    said = capsys.readouterr()
    assert said.err == "raised: event evt_1; see: im event show evt_1\n"
    assert "\x1b" not in said.out


def test_what_is_left_out_stays_as_it_is_known(asked: dict[str, Any]) -> None:
    assert run(["alarm", "change", "some-id", "--brief", "x"]) == 0
    given = {name: value for name, value in asked.items() if value is not None}
    assert given == {"published": True, "alarm_id": "some-id", "brief_description": "x"}


def test_an_alarm_is_named_by_id_or_by_identity(asked: dict[str, Any]) -> None:
    assert run(["alarm", "clear", *NAMED, "--node", "n1"]) == 0
    assert (asked["alarm_id"], asked["severity"]) == ("id of users-db on n1", AlarmSeverity.CLEARED)
    assert run(["alarm", "clear", "some-id"]) == 0
    assert asked["alarm_id"] == "some-id"


def test_with_publishing_off_it_says_that_nobody_was_told(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked["published"] = False
    assert run(["alarm", "clear", "some-id", "--format", "json"]) == 0
    assert capsys.readouterr().err.startswith("warning: event publishing is off")


def test_a_list_that_is_empty_explains_itself(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["alarm", "list"]) == 0
    assert capsys.readouterr().err.startswith("no alarms yet; raise one: im alarm raise --type")
    assert run(["alarm", "list", "--active", "--severity", "minor", "--type", "t", "--resource", "r"]) == 0
    assert capsys.readouterr().err == "no alarm matches; all of them: im alarm list\n"
    wanted = AlarmFilter(severity=AlarmSeverity.MINOR, cleared=False, alarm_type="t", resource_id="r")
    assert asked["wanted"] == wanted
    assert run(["alarm", "list", "--cleared"]) == 0
    assert asked["wanted"].cleared is True


def test_a_table_has_one_line_an_alarm() -> None:
    head, line = alarm_table([make_alarm(brief_description="two\nlines")]).splitlines()
    assert head.split() == ["ID", "SEVERITY", "TYPE", "RESOURCE", "NODE", "UPDATED", "DESCRIPTION"]
    assert line.split() == [
        *("id", "MAJOR", "failed-connection", "data-source/users-db", "-", "2025-12-26T14:30:00Z", "two", "lines"),
    ]


def test_an_alarm_is_shown_with_all_that_is_known() -> None:
    shown = alarm_text(
        make_alarm(
            node_id="n1",
            brief_description="down",
            detailed_description=["a", "\x1b[31mb"],
            suggested_actions=["restart"],
            impacted_resources={"auth": Impact(title="No login", impacted_dependencies=["sms"])},
            raised_at=NOW,
            raised_count=2,
            observed_count=1,
        )
    )
    assert "last updated:   2025-12-26T14:30:00.000000Z" in shown
    assert "raised:         2 times" in shown
    assert "heard of:       once" in shown
    assert shown.endswith(
        "details:\n  a\n  b\n\nsuggested actions:\n  restart\n\nimpacted resources:\n  auth: No login\n    - sms"
    )


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        (Outcome.UNCHANGED, "unchanged: the same severity as before, so nobody is told"),
        (Outcome.OUTDATED, "outdated: a later state of the alarm is known, so this one changed nothing"),
    ],
)
def test_what_is_not_told_says_why(outcome: Outcome, said: str) -> None:
    assert outcome_text(Observed(outcome=outcome, alarm=make_alarm())) == said


def test_a_time_in_the_past_is_counted_from_now(asked: dict[str, Any]) -> None:
    assert run(["alarm", "clear", "some-id", "--last-updated", "5m"]) == 0
    assert 299 <= (datetime.now(UTC) - asked["last_updated"]).total_seconds() <= 330


def test_what_is_refused_is_named_by_its_option(asked: dict[str, Any], capsys: pytest.CaptureFixture[str]) -> None:
    for member, option in (
        ("alarm_type", "--type"),
        ("impacted_resources.auth", "--impact"),
        ("alarm_id", "alarm_id"),
    ):
        asked["refuses"] = InvalidAlarmError(member=member, reason="it is empty")
        for line in (["raise", *NAMED, "--severity", "MAJOR"], ["clear", "some-id"]):
            assert run(["alarm", *line]) == 1
            assert f"the alarm's {option} cannot be used: it is empty" in capsys.readouterr().err


def test_an_alarm_that_is_not_known_is_named_as_it_was_typed(
    asked: dict[str, Any], capsys: pytest.CaptureFixture[str]
) -> None:
    asked["refuses"] = AlarmNotFoundError(alarm_id="f00d")
    assert run(["alarm", "clear", *NAMED]) == 1
    said = capsys.readouterr().err
    assert "no alarm 'failed-connection' of data-source 'users-db' is known" in said
    assert "f00d" not in said
    assert run(["alarm", "clear", "f00d"]) == 1
    assert "no alarm 'f00d' is known" in capsys.readouterr().err
