"""The rules of heartbeats: what beats, silence, outages of our own and people make of them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidRequestError
from domain.event_parsing import parse_event
from domain.event_types import KNOWN_TYPES
from domain.heartbeat_changes import HeartbeatChange, apply_heartbeat_change, change_to
from domain.heartbeat_rules import DOOR_SLACK, Heartbeat, clock
from domain.heartbeats import (
    CHANGES_KEPT,
    MAX_NOTE,
    PINGS_KEPT,
    Beat,
    BeatKind,
    HeartbeatState,
    Status,
    check_times,
    note_of,
    ping_target,
    read_word,
    redacted,
)
from domain.incidents import Severity, check_declaration
from domain.sources import HeartbeatConfig
from domain.timing import in_short

T0 = datetime(2025, 12, 26, 14, 2, 10, tzinfo=UTC)
LONG_OPEN = T0 - timedelta(days=1)


def at(seconds: float) -> datetime:
    return T0 + timedelta(seconds=seconds)


def config(**parts: object) -> HeartbeatConfig:
    known = {"name": "backup", "every_seconds": 60, "grace_seconds": 30, "key_hash": "", "created_at": T0}
    return HeartbeatConfig.model_validate(known | parts)


def heartbeat(**parts: object) -> Heartbeat:
    return Heartbeat(config(**parts), HeartbeatState())


def beat(watched: Heartbeat, seconds: float, kind: BeatKind = BeatKind.SUCCESS, note: str | None = None) -> None:
    watched.hear(Beat(kind=kind, at=at(seconds), note=note), at(seconds))


def missed(**parts: object) -> Heartbeat:
    """Heard at 0, and judged at its deadline 90 s later."""
    watched = heartbeat(**parts)
    beat(watched, 0)
    watched.judge(LONG_OPEN, at(90))
    return watched


def statuses(watched: Heartbeat) -> list[str]:
    return [change.status.value for change in watched.state.changes]


def test_a_new_heartbeat_waits_for_its_first_beat_without_alarm() -> None:
    watched = heartbeat()
    assert watched.state.status is Status.NEW
    assert not watched.overdue(at(10**8))


def test_a_beat_puts_the_deadline_every_and_grace_off() -> None:
    watched = heartbeat()
    beat(watched, 0)
    beat(watched, 50)
    assert (watched.state.status, watched.state.deadline, statuses(watched)) == (Status.UP, at(140), ["up"])
    assert not watched.overdue(at(139.9))
    assert watched.overdue(at(140))


@pytest.mark.parametrize(("seconds", "status"), [(60, Status.UP), (61, Status.LATE)])
def test_a_heartbeat_is_late_within_its_grace(seconds: int, status: Status) -> None:
    watched = heartbeat()
    beat(watched, 0)
    assert watched.state.status_at(at(seconds), 30) is status


def test_a_miss_declares_once_with_what_is_known() -> None:
    watched = missed(severity="SEV-2")
    assert watched.state.status is Status.DOWN
    assert not watched.overdue(at(10**6))
    (outage,) = watched.state.outages
    check_declaration(outage.declaration)
    assert outage.key == "heartbeat/backup/2025-12-26T14:02:10Z"
    assert outage.declaration.title == "Heartbeat backup missed: last beat 14:02:10 UTC, expected every 60s"
    assert outage.declaration.severity is Severity.SEV_2
    assert outage.declaration.details == {
        "heartbeat": "backup",
        "every_seconds": 60,
        "grace_seconds": 30,
        "reason": "missed: last beat 14:02:10 UTC",
        "last_beat_at": "2025-12-26T14:02:10Z",
    }


def test_the_next_beat_ends_the_outage() -> None:
    watched = missed()
    watched.state.outages[0].incident_id = "INC-1"
    beat(watched, 200)
    assert (watched.state.status, watched.state.deadline) == (Status.UP, at(290))
    assert watched.state.outages[0].over == "beat received at 14:05:30 UTC"
    beat(watched, 210)
    assert len(watched.state.outages) == 1


def test_what_ends_before_it_was_told_behind_another_outage_is_not_told() -> None:
    watched = missed()
    beat(watched, 200)  # the first is being declared meanwhile
    beat(watched, 201, BeatKind.FAIL)
    assert [outage.over is None for outage in watched.state.outages] == [False, True]
    beat(watched, 202)
    assert [outage.over is None for outage in watched.state.outages] == [False]


def test_each_outage_has_a_key_of_its_own() -> None:
    watched = missed()
    watched.state.outages.clear()
    watched.pause(at(100))
    watched.resume(at(110))
    watched.judge(LONG_OPEN, at(200))
    beat(watched, 210, BeatKind.FAIL)
    assert [outage.key for outage in watched.state.outages] == ["heartbeat/backup/2025-12-26T14:04:00Z"]
    assert watched.state.outages[0].declaration.title.startswith("Heartbeat backup missed: no beat since 14:04:00 UTC")


@pytest.mark.parametrize("seconds", [0, -1, 10])
@pytest.mark.parametrize("kind", [BeatKind.SUCCESS, BeatKind.FAIL, BeatKind.START])
def test_what_is_older_than_the_last_beat_changes_nothing(seconds: int, kind: BeatKind) -> None:
    watched = heartbeat(sealed_ping_url="sealed")
    beat(watched, 10)
    before = watched.state.model_copy(deep=True)
    watched.hear(Beat(kind=kind, at=at(seconds)), at(20))
    assert watched.state == before


def test_a_beat_from_a_clock_that_is_ahead_counts_from_now() -> None:
    watched = heartbeat()
    watched.hear(Beat(at=at(3600)), at(0))
    assert watched.state.deadline == at(90)


def test_a_failure_is_down_at_once_and_only_a_success_ends_it() -> None:
    watched = heartbeat(sealed_ping_url="sealed")
    beat(watched, 0, BeatKind.FAIL, "exit status 3: disk full")
    title = watched.state.outages[0].declaration.title
    assert title == "Heartbeat backup failed at 14:02:10 UTC: exit status 3: disk full"
    assert (watched.state.status, watched.state.deadline) == (Status.DOWN, None)
    beat(watched, 5, BeatKind.FAIL, "again")
    beat(watched, 6, BeatKind.START)
    beat(watched, 7, BeatKind.LOG, "note")
    assert (len(watched.state.outages), watched.state.status) == (1, Status.DOWN)
    beat(watched, 8)
    assert watched.state.outages[0].over is not None
    assert watched.state.last_note is None  # it was that of the failure


def test_a_run_is_timed_from_start_to_end_and_moves_no_deadline() -> None:
    watched = heartbeat()
    beat(watched, 0)
    beat(watched, 20, BeatKind.START)
    assert (watched.state.running_since, watched.state.deadline) == (at(20), at(90))
    beat(watched, 32.5)
    assert (watched.state.running_since, watched.state.last_run_seconds) == (None, 12.5)


def test_a_paused_heartbeat_remembers_beats_and_stays_paused() -> None:
    watched = missed()
    watched.pause(at(100))
    assert watched.state.outages[0].over == "the heartbeat was paused"
    beat(watched, 110)
    beat(watched, 120, BeatKind.FAIL, "x")
    assert (watched.state.status, watched.state.last_beat_at, watched.state.deadline) == (Status.PAUSED, at(110), None)
    assert len(watched.state.outages) == 1
    watched.resume(at(500))
    assert (watched.state.status, watched.state.deadline) == (Status.UP, at(590))


def test_pausing_and_resuming_twice_changes_nothing() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.resume(at(10))
    assert watched.state.deadline == at(90)
    watched.pause(at(20))
    watched.pause(at(30))
    assert statuses(watched) == ["up", "paused"]


def test_one_that_was_never_heard_is_new_again_when_resumed() -> None:
    watched = heartbeat()
    watched.pause(at(0))
    watched.resume(at(10))
    assert (watched.state.status, watched.state.deadline) == (Status.NEW, None)


@pytest.mark.parametrize(
    ("ago", "exported", "found"), [(60, False, False), (61, False, True), (3600, False, True), (3600, True, False)]
)
def test_a_clock_that_was_set_back_is_known_by_a_beat_before_the_last(ago: int, exported: bool, found: bool) -> None:
    watched = heartbeat()
    earlier = Beat(at=at(-ago), exported=exported)
    assert not watched.is_set_back(earlier)  # of the first one nobody can tell
    beat(watched, 0)
    assert watched.is_set_back(earlier) is found


def test_without_a_door_nothing_is_known_and_it_is_asked_again() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(None, at(95))
    watched.judge(None, at(100))
    assert (watched.state.status, watched.state.unknown_since, watched.state.outages) == (Status.UNKNOWN, at(95), [])
    assert watched.overdue(at(100))
    assert len(watched.state.untold) == 1
    watched.judge(LONG_OPEN, at(105))
    assert watched.state.status is Status.DOWN


def test_a_door_that_was_closed_meanwhile_gives_one_period_and_not_another() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(80), at(90))
    state = watched.state
    assert (state.status, state.unknown_since, state.deadline) == (Status.UNKNOWN, at(90), at(170))
    assert state.outages == []
    watched.judge(at(165), at(170))  # the API was restarted again
    assert (state.status, state.unknown_since, len(state.outages)) == (Status.DOWN, None, 1)


def test_a_door_whose_clock_is_ahead_gives_no_more_than_a_period() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(3690), at(90))
    assert (watched.state.status, watched.state.deadline) == (Status.UNKNOWN, at(180))


def test_a_door_that_opened_after_nobody_answered_gives_the_period_too_and_is_told_once() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(None, at(90))
    watched.judge(at(100), at(101))
    assert (watched.state.unknown_since, watched.state.deadline) == (at(90), at(190))
    assert len(watched.state.untold) == 1


def test_a_door_that_has_been_open_a_whole_period_gives_none() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(10), at(1000))  # only the worker was away since
    assert watched.state.status is Status.DOWN


@pytest.mark.parametrize(("beyond", "status"), [(0.0, Status.DOWN), (0.001, Status.UNKNOWN)])
def test_clocks_may_differ_by_the_slack(beyond: float, status: Status) -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(T0 + DOOR_SLACK + timedelta(seconds=beyond), at(90))
    assert watched.state.status is status


def test_a_beat_ends_not_knowing_and_the_next_outage_of_ours_gives_a_period_again() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(80), at(90))
    beat(watched, 100)
    assert (watched.state.status, watched.state.unknown_since) == (Status.UP, None)
    watched.judge(at(150), at(190))
    assert (watched.state.status, watched.state.deadline) == (Status.UNKNOWN, at(240))


def test_not_knowing_is_an_event_of_a_known_type() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(80), at(90))
    event = watched.state.untold[0].event()
    assert parse_event(event.body) == event
    assert event.type in KNOWN_TYPES
    assert (event.source, event.time) == ("/heartbeats/backup", "2025-12-26T14:03:40Z")
    assert event.data == {
        "heartbeat": "backup",
        "unknown_since": "2025-12-26T14:03:40Z",
        "reason": "a beat may have been lost: the API took none for a while, until 14:03:30 UTC",
        "next_deadline": "2025-12-26T14:05:00Z",
    }


def test_removing_ends_the_outage() -> None:
    watched = missed()
    watched.remove()
    assert watched.state.removed
    assert watched.state.outages[0].over == "the heartbeat was removed"


@pytest.mark.parametrize("kind", [BeatKind.SUCCESS, BeatKind.FAIL])
def test_what_comes_after_the_removal_changes_nothing(kind: BeatKind) -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.remove()
    beat(watched, 10, kind)
    watched.resume(at(20))
    assert (watched.state.outages, watched.state.deadline) == ([], None)


@pytest.mark.parametrize("make", [heartbeat, missed])
def test_a_record_of_long_ago_says_nothing_of_now(make: Callable[[], Heartbeat]) -> None:
    watched = make()
    before = watched.state.model_copy(deep=True)
    watched.hear(Beat(at=at(50), exported=True), at(50 + 90))
    assert watched.state.model_copy(update={"last_beat_at": before.last_beat_at}) == before
    assert watched.state.last_beat_at == at(50)
    watched.hear(Beat(at=at(51), exported=True), at(50 + 90))
    assert watched.state.status is Status.UP


def test_a_beat_that_waited_for_a_worker_counts_from_when_it_came() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.hear(Beat(at=at(50)), at(1000))
    assert watched.state.deadline == at(140)
    assert watched.overdue(at(1000))


def test_pings_say_what_happened_and_repeats_that_wait_are_one() -> None:
    watched = heartbeat(sealed_ping_url="sealed")
    for seconds in range(3):
        beat(watched, seconds)
    beat(watched, 3, BeatKind.START)
    beat(watched, 4, BeatKind.LOG, "nothing")
    watched.judge(LONG_OPEN, at(100))
    assert watched.state.pings == [BeatKind.SUCCESS, BeatKind.START, BeatKind.FAIL]
    for seconds in range(200, 300):
        beat(watched, seconds, BeatKind.START if seconds % 2 else BeatKind.SUCCESS)
    assert len(watched.state.pings) == PINGS_KEPT


def test_without_a_ping_url_nothing_is_pinged() -> None:
    assert missed().state.pings == []


def test_the_last_changes_are_kept() -> None:
    watched = heartbeat()
    for seconds in range(0, 100, 2):
        beat(watched, seconds, BeatKind.FAIL)
        beat(watched, seconds + 1)
    assert len(watched.state.changes) == CHANGES_KEPT
    assert watched.state.changes[-1].at == at(99)


@pytest.mark.parametrize(
    ("word", "body", "meant"),
    [
        ("", b"", (BeatKind.SUCCESS, None)),
        ("beat", b"", (BeatKind.SUCCESS, None)),
        ("start", b"", (BeatKind.START, None)),
        ("fail", b"disk full\n", (BeatKind.FAIL, "disk full")),
        ("log", b"\x1b[31mred\x00 and\t\tblue", (BeatKind.LOG, "[31mred and blue")),
        ("0", b"", (BeatKind.SUCCESS, None)),
        ("1", b"", (BeatKind.FAIL, "exit status 1")),
        ("255", b"oops", (BeatKind.FAIL, "exit status 255: oops")),
        ("007", b"", (BeatKind.FAIL, "exit status 7")),
    ],
)
def test_the_words_of_healthchecks_io(word: str, body: bytes, meant: tuple[BeatKind, str | None]) -> None:
    assert read_word(word, body) == meant


@pytest.mark.parametrize("word", ["256", "-1", "1.0", "success", "Start", "stop", "0000", "¹", "٣"])
def test_other_words_are_refused(word: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_word(word, b"")


def test_a_note_is_one_short_line_of_text() -> None:
    assert note_of(b"\xff\xfe" + b"x" * 5000) is not None
    assert len(note_of(b"x" * 5000) or "") == MAX_NOTE
    assert note_of(b" \n\x00\x1b ") is None
    assert note_of("a\u202eb\ud7ff".encode()) == "a b"


@pytest.mark.parametrize(("every", "grace"), [(0, 0), (367 * 86400, 0), (1, -1), (1, 367 * 86400)])
def test_times_out_of_range_are_refused(every: int, grace: int) -> None:
    with pytest.raises(InvalidRequestError):
        check_times(timedelta(seconds=every), timedelta(seconds=grace))


@pytest.mark.parametrize(("every", "grace"), [(1, 0), (366 * 86400, 366 * 86400)])
def test_times_at_the_ends_of_the_range_are_taken(every: int, grace: int) -> None:
    check_times(timedelta(seconds=every), timedelta(seconds=grace))


@pytest.mark.parametrize(
    ("url", "kind", "target"),
    [
        ("https://hc-ping.com/uuid", BeatKind.SUCCESS, "https://hc-ping.com/uuid"),
        ("https://hc-ping.com/uuid", BeatKind.FAIL, "https://hc-ping.com/uuid/fail"),
        ("https://hc-ping.com/uuid/", BeatKind.START, "https://hc-ping.com/uuid/start"),
        ("https://a.example/p?key=1", BeatKind.FAIL, "https://a.example/p/fail?key=1"),
    ],
)
def test_where_a_ping_goes(url: str, kind: BeatKind, target: str) -> None:
    assert ping_target(url, kind) == target


def test_of_a_ping_url_only_the_host_is_shown() -> None:
    assert redacted("https://hc-ping.com/secret?key=secret") == "https://hc-ping.com/…"


def test_a_time_of_another_day_is_written_with_its_date() -> None:
    assert clock(T0, at(86400)) == "2025-12-26 14:02:10 UTC"


@pytest.mark.parametrize(
    ("seconds", "text"), [(1, "1s"), (60, "60s"), (90, "90s"), (120, "2m"), (3600, "60m"), (86400, "24h")]
)
def test_durations_in_short(seconds: int, text: str) -> None:
    assert in_short(seconds) == text


@pytest.mark.parametrize(
    ("parts", "now", "deadline"),
    [
        ({"grace_seconds": 10}, 20, 70),
        ({"every_seconds": 600}, 20, 630),
        ({"every_seconds": 600}, 100, 630),
        ({"every_seconds": 5, "grace_seconds": 5}, 8, 10),
        ({"every_seconds": 5, "grace_seconds": 5}, 20, 30),  # what it was is past: a whole period from now
        ({"every_seconds": 40}, 100, 70),  # it was past before, so it is judged
        ({"severity": Severity.SEV_4}, 20, 90),
    ],
)
def test_other_times_move_the_deadline(parts: dict[str, object], now: float, deadline: float) -> None:
    watched = heartbeat()
    beat(watched, 0)
    assert watched.change(config(updated_at=at(now), **parts), at(now))
    assert (watched.state.status, watched.state.deadline) == (Status.UP, at(deadline))


def test_an_extended_deadline_moves_too() -> None:
    watched = heartbeat()
    beat(watched, 0)
    watched.judge(at(80), at(90))
    assert watched.state.deadline == at(170)
    watched.change(config(every_seconds=120, updated_at=at(100)), at(100))
    assert (watched.state.status, watched.state.deadline) == (Status.UNKNOWN, at(230))


@pytest.mark.parametrize("status", [Status.NEW, Status.DOWN, Status.PAUSED])
def test_other_times_expect_nothing_of_whoever_is_not_expected(status: Status) -> None:
    watched = missed() if status is Status.DOWN else heartbeat()
    if status is Status.PAUSED:
        watched.pause(T0)
    watched.change(config(every_seconds=5, updated_at=at(100)), at(100))
    assert (watched.state.status, watched.state.deadline) == (status, None)
    assert len(watched.state.outages) == (status is Status.DOWN)
    assert not any(outage.over for outage in watched.state.outages)


def test_what_is_older_changes_nothing() -> None:
    watched = heartbeat()
    beat(watched, 0)
    newer = config(every_seconds=10, updated_at=at(2))
    assert watched.change(newer, at(2))
    for late in (newer, config(every_seconds=600, updated_at=at(1)), config(every_seconds=600)):
        assert not watched.change(late, at(3))
    assert (watched.config, watched.state.deadline) == (newer, at(40))


def test_a_ping_url_that_is_taken_away_is_told_nothing_more() -> None:
    watched = heartbeat(sealed_ping_url="sealed:v1:k1:abc")
    beat(watched, 0)
    assert watched.state.pings
    watched.change(config(updated_at=at(1)), at(1))
    beat(watched, 10)
    assert watched.state.pings == []


CANARY = {"cluster": "prod", "zeebe_process": "canary"}


@pytest.mark.parametrize(
    ("known", "change", "parts"),
    [
        ({}, {"every_seconds": 5}, {"every_seconds": 5}),
        ({}, {"grace_seconds": 0}, {"grace_seconds": 0}),
        ({}, CANARY, CANARY),
        (CANARY, {"zeebe_process": "other"}, {"zeebe_process": "other"}),
        (CANARY, {"cluster": "", "zeebe_process": ""}, {"cluster": None, "zeebe_process": None}),
        ({"ping_host": "a"}, {"ping_host": ""}, {"ping_host": None}),
    ],
)
def test_a_change_changes_what_it_names(
    known: dict[str, object], change: dict[str, object], parts: dict[str, object]
) -> None:
    before = config(**known)
    changed = apply_heartbeat_change(before, HeartbeatChange.model_validate({"name": "backup"} | change), at(1))
    assert changed == before.model_copy(update=parts | {"updated_at": at(1)})
    again = apply_heartbeat_change(changed, HeartbeatChange.model_validate({"name": "backup"} | change), at(2))
    assert again is changed


def test_a_later_change_is_later_whatever_the_clock_says() -> None:
    first = apply_heartbeat_change(config(), HeartbeatChange(name="backup", every_seconds=5), T0)
    second = apply_heartbeat_change(first, HeartbeatChange(name="backup", every_seconds=6), T0)
    assert T0 < first.changed_at < second.changed_at


@pytest.mark.parametrize("change", [{"cluster": "prod"}, {"zeebe_process": "canary"}])
def test_a_canary_has_a_cluster_and_a_process(change: dict[str, str]) -> None:
    with pytest.raises(InvalidRequestError, match="give both, or neither"):
        apply_heartbeat_change(config(), HeartbeatChange(name="backup", **change), T0)


def test_an_import_replaces_what_it_saw_and_nothing_else() -> None:
    known = config(**CANARY, updated_at=at(1))
    wanted = config(every_seconds=5, key_hash="another", updated_at=at(-9))
    changed = apply_heartbeat_change(known, change_to(wanted, known), at(2))
    assert changed == wanted.model_copy(update={"updated_at": at(2)})
    with pytest.raises(InvalidRequestError, match="import again"):
        apply_heartbeat_change(changed, change_to(wanted, known), at(3))
