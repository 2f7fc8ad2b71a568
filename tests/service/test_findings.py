"""What a check-up makes of what it sees, each with its fix."""

from datetime import timedelta
from typing import Any

import pytest
import trustme

from activities.presence import Presence
from cli.doctor import checkup_text
from domain.checkup import Checkup, Finding, Level, error, ok, warning
from domain.directory import Directory
from domain.health import Counters, view
from domain.heartbeats import Status, StatusChange
from domain.incidents import Severity
from domain.keys import KeyReport, KeyRow
from domain.sources import Sources
from service import findings
from service.heartbeat_views import HeartbeatView
from tests.support.authorities import make_http_client
from tests.support.builders import NOW, make_subscriber


def worker(version: str = "1.0", *, publishing: bool = True) -> Presence:
    return Presence("7@host", version, publishing, (("k1", "abcdef"),))


def levels(found: list[Finding]) -> list[Level]:
    assert all(bool(each.fix) == (each.level is not Level.OK) for each in found)
    return [each.level for each in found]


def test_workers_of_one_version_that_publish_are_fine() -> None:
    assert levels(findings.of_workers([worker(), worker()], "1.0")) == [Level.OK]


def test_versions_and_publishing_are_to_be_alike() -> None:
    for workers in (
        [worker("1.0"), worker("1.1")],
        [worker("1.1")],
        [worker(), Presence("8@host")],
        [worker(publishing=False)],
    ):
        assert levels(findings.of_workers(workers, "1.0")) == [Level.WARNING]


def test_lost_keys_and_missing_ones_are_errors_and_half_a_rotation_a_warning() -> None:
    new, old = KeyRow(key="k2", seals=True, here=True, workers=1), KeyRow(key="k1", here=True, workers=1)
    used = old.model_copy(update={"values": 3})
    assert levels(findings.of_keys(KeyReport(keys=[new, old], workers=1))) == [Level.OK]
    assert levels(findings.of_keys(KeyReport(keys=[new, used], workers=1))) == [Level.WARNING]
    assert levels(findings.of_keys(KeyReport(keys=[new, old], workers=2))) == [Level.ERROR]
    assert levels(findings.of_keys(KeyReport(keys=[new], workers=1, lost=["a secret"]))) == [Level.ERROR]


def test_a_key_that_this_process_lacks_is_to_be_given_to_it_before_anything_is_set_anew() -> None:
    seals = KeyRow(key="k2", seals=True, here=True, workers=1)
    (elsewhere,) = findings.of_keys(KeyReport(keys=[seals], workers=1, elsewhere=["the secret of a"]))
    assert elsewhere.message == "this process does not have the key of the secret of a, which a worker has or may have"
    (lost,) = findings.of_keys(KeyReport(keys=[seals], workers=1, lost=["the secret of a"]))
    assert "no worker tells of it" in lost.message
    for found in (elsewhere, lost):
        assert found.fix.startswith(
            "Give it the IM_STATE_DIR of the im dev whose key it is, or the key in IM_SECRET_KEYS"
        )
    assert "anew" not in elsewhere.fix
    assert lost.fix.endswith("Only if that key is lost, set the values anew.")


def test_certificates_warn_thirty_days_ahead_and_are_errors_once_expired() -> None:
    authority = trustme.CA()
    client = make_http_client(
        "partner", certificate=authority.issue_cert(common_name="im", not_after=NOW + timedelta(days=400))
    )
    directory = Directory(http_clients={"partner": client})
    ends = client.certificate.facts.not_after if client.certificate else NOW
    for days, level in ((31, Level.OK), (29, Level.WARNING), (-1, Level.ERROR)):
        assert levels(findings.of_certificates(directory, ends - timedelta(days=days))) == [level]


def test_subscribers_in_trouble_are_named_with_what_to_look_at() -> None:
    gone = make_subscriber(name="gone", enabled=False, gone_at=NOW)
    directory = Directory(subscribers={"gone": gone, "a": make_subscriber(name="a")})
    rows = [view("gone", Counters(), 0, NOW), view("a", Counters(failed=3, last_error="HTTP 503"), 2, NOW)]
    found = findings.of_subscribers(directory, rows)
    assert levels(found) == [Level.WARNING, Level.WARNING]
    assert "410" in found[0].message
    assert "im event list --failed --subscriber a" in found[1].fix
    assert levels(findings.of_subscribers(directory, [view("a", Counters(delivered=1), 0, NOW)])) == [Level.OK]


def test_that_what_waits_could_not_be_counted_is_a_finding() -> None:
    row = view("a", Counters(failed=3), None, NOW).model_copy(update={"not_counted": "Temporal is slow"})
    found = findings.of_subscribers(Directory(subscribers={"a": make_subscriber(name="a")}), [row])
    assert levels(found) == [Level.WARNING, Level.WARNING]
    assert "uncounted retrying" in found[0].message
    assert found[1].message == "of 1 of 1 it is not known how much waits, or since when: Temporal is slow"


def test_a_directory_that_is_nearly_full_is_a_warning() -> None:
    large = make_subscriber(name="a", url="https://example.com/" + "x" * 1_800_000)
    assert levels([findings.of_directory(Directory(subscribers={"a": large}))]) == [Level.WARNING]
    assert levels([findings.of_directory(Directory())]) == [Level.OK]


def test_the_worst_finding_decides() -> None:
    assert Checkup().worst is Level.OK
    assert Checkup(findings=[warning("a", "b", "c"), ok("a", "b")]).worst is Level.WARNING


@pytest.mark.parametrize(
    ("found", "said"),
    [
        ([], "nothing is to be done"),
        ([ok("a", "b")], "nothing is to be done"),
        ([warning("a", "b", "c"), ok("a", "b")], "1 warning"),
        ([warning("a", "b", "c"), error("a", "b", "c"), warning("a", "b", "c")], "1 error, 2 warnings"),
    ],
)
def test_the_last_line_counts_what_is_to_be_done(found: list[Finding], said: str) -> None:
    assert checkup_text(Checkup(findings=found)).splitlines()[-1] == said


def test_registries_count_in_the_words_of_one_and_of_many() -> None:
    directory = Directory(subscribers={"a": make_subscriber(name="a")})
    assert findings.of_directory(directory).message.startswith("1 subscriber and 0 HTTP clients take ")
    assert findings.of_sources(Sources()).message == "0 Zeebe clusters and 0 heartbeats of 1000 each"


def test_behind_an_http_client_that_is_tested_before_anything_is_sent_again() -> None:
    counters = Counters(failed=9, streak=9, streak_since=NOW, last_error="the token endpoint answered HTTP 401")
    plain = make_subscriber("https://a.example/x?y=1&z=2", name="a")
    row = view("a", counters, 0, NOW)
    for client, expected in (
        (None, "im event list --failed --subscriber a;"),
        (
            "partner",
            "See what its HTTP client meets: im http-client test partner 'https://a.example/x?y=1&z=2', and mend",
        ),
    ):
        directory = Directory(subscribers={"a": plain.model_copy(update={"http_client": client})})
        (found,) = findings.of_subscribers(directory, [row])
        assert found.fix.startswith(expected)
        assert "im event resend ID" in found.fix


def test_who_has_failed_for_five_days_is_to_be_repaired_or_paused_unless_that_is_settled() -> None:
    counters = Counters(streak=7, streak_since=NOW, last_error="HTTP 503")
    plain = make_subscriber(name="plain")
    settled = plain.model_copy(update={"name": "settled", "pause_after_seconds": 864000})
    disabled = plain.model_copy(update={"name": "disabled", "enabled": False})
    directory = Directory(subscribers={each.name: each for each in (plain, settled, disabled)})
    rows = [view(name, counters, 0, NOW) for name in (*directory.subscribers, "removed")]
    (found,) = findings.of_long_failures(directory, rows, NOW + timedelta(days=5))
    assert found.fix.endswith("im subscriber update plain --pause-after 5d.")
    assert findings.of_long_failures(directory, rows, NOW + timedelta(days=4)) == []


@pytest.mark.parametrize(
    ("parts", "level"),
    [
        ({}, Level.WARNING),
        ({"zeebe_process": "canary"}, Level.WARNING),
        ({"every_seconds": 86400}, None),
        ({"status": Status.UP}, None),
        ({"status": Status.PAUSED}, None),
        ({"changes": [StatusChange(at=NOW - timedelta(seconds=60), status=Status.NEW, reason="resumed")]}, None),
        ({"status": Status.UNKNOWN, "fault": "backup is not watched"}, Level.ERROR),
    ],
)
def test_a_heartbeat_that_was_never_heard_is_told_of_when_it_was_to_be(
    parts: dict[str, Any], level: Level | None
) -> None:
    added = {"created_at": NOW - timedelta(hours=1), "updated_at": NOW - timedelta(hours=1), "severity": "SEV-1"}
    row = HeartbeatView.model_validate(
        {"name": "backup", "status": "new", "every_seconds": 60, "grace_seconds": 30} | added | parts
    )
    assert levels(findings.of_heartbeats([row], NOW)) == ([level] if level else [])


def test_a_heartbeat_that_was_never_heard_is_named_with_since_when_and_where_to_look() -> None:
    row = HeartbeatView(
        name="backup",
        status=Status.NEW,
        every_seconds=60,
        grace_seconds=30,
        severity=Severity.SEV_1,
        created_at=NOW - timedelta(hours=1),
        updated_at=NOW,
    )
    (found,) = findings.of_heartbeats([row], NOW)
    since = f"{NOW - timedelta(hours=1):%Y-%m-%d %H:%M} UTC"
    assert f"backup has never beaten, and was to every 60s since {since}" in found.message
    assert "does its job reach the beat URL?" in found.fix
