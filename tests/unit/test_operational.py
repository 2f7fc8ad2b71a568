"""Operational events: who asks for them, whom they tell of, and when a change of health is told."""

from datetime import datetime, timedelta

import pytest

from domain import tidings
from domain.event_types import (
    DELIVERY_EXHAUSTED,
    HEARTBEAT_UNKNOWN,
    OPERATIONAL_TYPES,
    SUBSCRIBER_PAUSED,
    SUBSCRIBER_TEST,
    SUBSCRIBER_UNHEALTHY,
)
from domain.events import CloudEvent
from domain.health import Counters, LedgerEntry, Report, summed
from domain.health_watch import LONGEST_WAIT, SHORTEST_WAIT, HealthWatch, pause_due
from domain.operational import asks_for, check_publishable, failure_is_told, told_of
from domain.outcomes import Attempt, Delivery, DeliveryState
from domain.pauses import Patience, Pause, patience
from domain.type_errors import ReservedEventError
from tests.support.builders import NOW, make_event, make_subscriber

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BAD, GOOD = Counters(failed=1, streak=1, streak_since=NOW), Counters(delivered=1)


@pytest.mark.parametrize(
    ("patterns", "told"),
    [
        (["**"], False),
        (["*.subscriber.*.v1"], False),
        (["**.v1", "*.**"], False),
        (["im.**"], True),
        (["im.subscriber.**"], True),
        (["im.*.*.*"], True),
        (["im.incident.**", SUBSCRIBER_UNHEALTHY], True),
        (["im.incident.**"], False),
        (["im.delivery.**"], False),
    ],
)
def test_only_patterns_that_begin_with_im_match_operational_events(patterns: list[str], *, told: bool) -> None:
    assert asks_for(patterns, SUBSCRIBER_UNHEALTHY) is told
    assert make_subscriber(types=tuple(patterns)).wants(SUBSCRIBER_UNHEALTHY, None) is told


def test_everything_matches_what_is_not_operational() -> None:
    assert asks_for(["**"], "im.incident.declared.v1")
    assert asks_for(["**"], "im.subscriber.unhealthy.v1.of.somebody.else")


def test_an_operational_event_names_whom_it_tells_of() -> None:
    event = tidings.unhealthy("ops", BAD, NOW)
    assert (told_of(event), event.subject, event.data["subscriber"]) == ("ops", "subscribers/ops", "ops")
    assert told_of(make_event(subject="subscribers/ops")) is None
    assert told_of(CloudEvent(id="1", source="/x", type=SUBSCRIBER_UNHEALTHY)) is None


def test_failures_of_operational_events_and_tests_are_told_of_no_further() -> None:
    assert failure_is_told("im.incident.declared.v1")
    assert not any(map(failure_is_told, [*OPERATIONAL_TYPES, "im.subscriber.test.v1"]))


def test_a_change_of_health_is_told_once() -> None:
    watch = HealthWatch()
    assert watch.see("a", GOOD, NOW) is None
    told = [watch.see("a", counters, NOW + at * MINUTE) for at, counters in enumerate([BAD, BAD, GOOD, GOOD, BAD])]
    assert [event.type.split(".")[2] if event else None for event in told] == [
        *("unhealthy", None, "recovered", None),
        "unhealthy",
    ]
    assert told[2]
    assert told[2].data["unhealthy_since"] == "2025-12-26T14:30:00Z"


def test_a_subscriber_that_is_well_takes_no_room() -> None:
    watch = HealthWatch()
    for at, counters in ((NOW, BAD), (NOW + MINUTE, GOOD), (NOW + DAY, GOOD)):
        watch.see("a", counters, at)
    watch.see("b", GOOD, NOW)
    assert watch == HealthWatch()


def test_a_change_within_the_wait_is_held_and_one_that_is_taken_back_is_not_told() -> None:
    watch, second = HealthWatch(), timedelta(seconds=1)
    assert watch.see("a", BAD, NOW)
    assert watch.see("a", GOOD, NOW + second) is None
    assert watch.next_release() == NOW + SHORTEST_WAIT
    assert watch.see("a", BAD, NOW + 2 * second) is None
    assert watch.next_release() is None
    watch.see("a", GOOD, NOW + 3 * second)
    assert watch.due(NOW + SHORTEST_WAIT - second) == []
    assert watch.due(NOW + SHORTEST_WAIT) == ["a"]
    event = watch.see("a", GOOD, NOW + SHORTEST_WAIT)
    assert event
    assert event.type == "im.subscriber.recovered.v1"
    assert (watch.next_release(), watch.due(NOW + DAY)) == (None, [])


def test_flapping_is_told_ever_more_rarely_until_it_has_stopped_for_two_hours() -> None:
    watch = HealthWatch()
    told = [at for at in range(24 * 60) if watch.see("a", BAD if at % 2 else GOOD, NOW + at * MINUTE)]
    assert len(told) < 35
    assert watch.told["a"].wait == LONGEST_WAIT
    later = NOW + 2 * DAY
    watch.see("a", GOOD, later)
    assert watch.see("a", BAD, later + DAY)
    assert watch.told["a"].wait == SHORTEST_WAIT


def test_a_removed_subscriber_is_forgotten() -> None:
    watch = HealthWatch()
    watch.see("a", BAD, NOW)
    watch.see("a", GOOD, NOW)
    watch.forget("a")
    assert watch == HealthWatch()


@pytest.mark.parametrize(
    ("streak_since", "due"),
    [(None, False), (NOW - 4 * DAY, False), (NOW - 5 * DAY, True), (NOW - 6 * DAY, True)],
)
def test_a_pause_is_due_when_the_streak_is_as_long_as_the_patience(streak_since: datetime | None, *, due: bool) -> None:
    counters = Counters(streak=3, streak_since=streak_since)
    order = pause_due("a", counters, Patience(asked_at=NOW, seconds=5 * 86400))
    assert (order is not None) is due
    if order:
        assert order.reason.endswith("UTC, 3 failed in a row")


@pytest.mark.parametrize(
    ("seconds", "changed_at", "patient"),
    [(None, NOW - DAY, False), (86400, NOW - DAY, True), (86400, NOW - DAY + MINUTE, False), (60, NOW, False)],
)
def test_who_was_changed_or_resumed_has_all_the_time_again(
    seconds: int | None, changed_at: datetime, *, patient: bool
) -> None:
    assert (patience(seconds, changed_at, NOW) is not None) is patient


def test_a_commit_has_the_latest_patience_of_who_failed() -> None:
    first, second = (Patience(asked_at=NOW + n * MINUTE, seconds=9) for n in range(2))
    failed = LedgerEntry(subscriber="a", report=Report.FAILED, at=NOW, patience=first)
    batch = summed(
        [
            failed,
            failed.model_copy(update={"patience": second}),
            LedgerEntry(subscriber="b", report=Report.DELIVERED, at=NOW),
        ]
    )
    assert batch.patience == {"a": second}


def test_pausing_and_resuming_are_told_and_disabling_or_adding_is_not() -> None:
    plain = make_subscriber(name="a")
    paused = plain.model_copy(update={"paused": Pause(at=NOW, reason="by hand")})
    (event,) = tidings.of_change(plain, paused, NOW)
    assert (event.type, event.data["reason"]) == (SUBSCRIBER_PAUSED, "by hand")
    (event,) = tidings.of_change(paused, plain, NOW + MINUTE)
    assert (event.type, event.data["paused_at"]) == ("im.subscriber.resumed.v1", "2025-12-26T14:30:00Z")
    disabled = plain.model_copy(update={"enabled": False})
    for before, after in ((None, paused), (paused, disabled), (plain, plain), (paused, paused)):
        assert tidings.of_change(before, after, NOW) == []


def test_an_exhausted_delivery_says_how_to_send_it_again_under_an_id_of_its_run() -> None:
    attempt = Attempt(number=1, at=NOW, duration_ms=3, status=404, error="HTTP 404 Not Found")
    delivery = Delivery(subscriber="a", state=DeliveryState.FAILED, attempts=[attempt], error=attempt.error)
    event = make_event(id="e1")
    told = tidings.exhausted(event, delivery, "run", NOW)
    assert told.type == DELIVERY_EXHAUSTED
    assert told.data == {
        "subscriber": "a",
        "event_id": "e1",
        "event_source": event.source,
        "event_type": event.type,
        "attempts": 1,
        "last_status": 404,
        "last_error": "HTTP 404 Not Found",
        "resend": "im event resend e1 --subscriber a",
    }
    ids = {tidings.exhausted(event, delivery, run, NOW + MINUTE).id for run in ("run", "other")}
    assert told.id in ids
    assert len(ids) == 2


@pytest.mark.parametrize(
    ("event_type", "source"),
    [
        *((each, "/mine") for each in [*OPERATIONAL_TYPES, SUBSCRIBER_TEST, HEARTBEAT_UNKNOWN]),
        *((each, "/mine") for each in ["im.subscriber.foo", "im.delivery.foo.v1", "im.heartbeat.unknown.v2"]),
        *(("a.b.v1", each) for each in ["/subscribers/ops", "/heartbeats/backup"]),
    ],
)
def test_what_the_platform_alone_says_is_published_by_nobody_else(event_type: str, source: str) -> None:
    with pytest.raises(ReservedEventError, match="platform alone"):
        check_publishable(make_event(type=event_type, source=source))


@pytest.mark.parametrize(
    ("event_type", "source", "example"),
    [
        ("im.subscriber.mine", "/mine", ""),
        ("a.b.v1", "/subscribers/ops", ""),
        (HEARTBEAT_UNKNOWN, "/mine", f" An example is sent with: im trigger {HEARTBEAT_UNKNOWN} --subscriber NAME."),
        (SUBSCRIBER_TEST, "/mine", " A test is sent with: im subscriber test NAME."),
    ],
)
def test_who_uses_a_reserved_type_is_told_of_examples_where_there_are_any(
    event_type: str, source: str, example: str
) -> None:
    with pytest.raises(ReservedEventError) as refused:
        check_publishable(make_event(type=event_type, source=source))
    assert refused.value.advice == f"Use a type and a source of your own.{example}"


def test_events_of_others_are_published() -> None:
    for event_type in ("a.b.v1", "im.incident.declared.v1", "im.alarm.raised.v1", "im.subscribers.v1"):
        assert check_publishable(make_event(type=event_type, source="/mine")).type == event_type
