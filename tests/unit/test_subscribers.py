"""Subscribers: names, changes, rotation of secrets, size."""

from datetime import datetime, timedelta

import pytest

from domain.directory import MAX_DIRECTORY_BYTES, Directory, check_size, put, stored_size
from domain.errors import InvalidNameError, InvalidRequestError
from domain.pause_errors import SubscriberDisabledError
from domain.pauses import Pause, PauseOrder, ResumeRequest, check_reason
from domain.retry import make_schedule
from domain.subscriber_changes import (
    MAX_VALID_SECRETS,
    Gone,
    SubscriberChange,
    apply_change,
    pause,
    pause_as_ordered,
    pause_gone,
    resume,
)
from domain.subscriber_errors import DirectoryFullError, InvalidScheduleError
from domain.subscribers import NewSubscriber, Subscriber, check_name, new_subscriber
from tests.support.builders import NOW

HOUR = timedelta(hours=1)
URL = "https://example.com/webhook"


def _added(**parts: object) -> Subscriber:
    return new_subscriber(NewSubscriber.model_validate({"name": "ops", "url": URL} | parts), NOW)


def _changed(subscriber: Subscriber, at: datetime = NOW + HOUR, /, **parts: object) -> Subscriber:
    return apply_change(subscriber, SubscriberChange.model_validate({"name": subscriber.name} | parts), at)


@pytest.mark.parametrize("name", ["a", "my-webhook", "ops.team_1", "A1", "0", "x" * 63, "healthy", "matches"])
def test_usable_names_are_taken_as_they_are(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "-a", ".a", "_a", "a b", "a/b", "x" * 64, "\xe9", "a\n", "a:b", "health", "HEALTH", "match", "a%2f"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(InvalidNameError):
        check_name(name)


def test_a_new_subscriber_is_enabled_wants_everything_and_is_version_one() -> None:
    added = _added(sealed_secret="sealed:1")
    assert (added.enabled, added.types, added.version, added.created_at) == (True, ("**",), 1, NOW)
    assert added.valid_secrets(NOW) == ["sealed:1"]
    assert _added().valid_secrets(NOW) == []


@pytest.mark.parametrize(("enabled", "wanted"), [(True, True), (False, False)])
def test_only_an_enabled_subscriber_wants_events(enabled: bool, wanted: bool) -> None:
    assert _added(enabled=enabled, types=("im.**",)).wants("im.incident.declared.v1", "SEV-2") is wanted
    assert not _added(types=("im.**",)).wants("other.event", None)


def test_the_directory_matches_by_name_order() -> None:
    directory = Directory(subscribers={name: _added(name=name, types=("a.*",)) for name in ("z", "b", "m")})
    assert [subscriber.name for subscriber in directory.matching("a.x")] == ["b", "m", "z"]
    assert directory.matching("b.x") == []


@pytest.mark.parametrize(
    ("change", "field", "value"),
    [
        ({"url": "https://new.example/"}, "url", "https://new.example/"),
        ({"types": ("im.**",)}, "types", ("im.**",)),
        ({"enabled": False}, "enabled", False),
        ({"schedule_name": "long"}, "schedule", make_schedule("long")),
        ({"max_attempts": 6}, "schedule", make_schedule("default", 6)),
        ({"sealed_headers": "sealed:h", "header_names": ("X-A",)}, "sealed_headers", "sealed:h"),
        ({"sealed_headers": "sealed:h", "header_names": ("X-A",)}, "header_names", ("X-A",)),
    ],
)
def test_a_change_alters_what_it_names_and_counts_a_version(
    change: dict[str, object], field: str, value: object
) -> None:
    before = _added(sealed_secret="sealed:1")
    after = _changed(before, NOW + HOUR, **change)
    assert getattr(after, field) == value
    assert (after.version, after.updated_at, after.created_at) == (2, NOW + HOUR, NOW)
    same = set(Subscriber.model_fields) - {field, "version", "updated_at", "sealed_headers", "header_names"}
    assert {name: getattr(after, name) for name in same} == {name: getattr(before, name) for name in same}


@pytest.mark.parametrize("change", [{}, {"url": URL}, {"enabled": True}, {"types": ("**",)}, {"drop_secrets": True}])
def test_a_change_that_alters_nothing_is_none(change: dict[str, object]) -> None:
    before = _added()
    assert _changed(before, NOW + HOUR, **change) is before


def test_headers_are_dropped_by_an_empty_list_of_names() -> None:
    after = _changed(_added(sealed_headers="sealed:h", header_names=("X-A",)), header_names=())
    assert (after.sealed_headers, after.header_names) == (None, ())


def test_an_own_schedule_keeps_its_name_when_only_the_attempts_change() -> None:
    after = _changed(_added(schedule=make_schedule("5,60")), max_attempts=9)
    assert after.schedule == make_schedule("5,60", 9)


@pytest.mark.parametrize("change", [{"schedule_name": "fast"}, {"max_attempts": 0}, {"max_attempts": 51}])
def test_a_schedule_out_of_range_is_refused(change: dict[str, object]) -> None:
    with pytest.raises(InvalidScheduleError):
        _changed(_added(), NOW + HOUR, **change)


def test_a_rotated_secret_stays_valid_for_its_overlap() -> None:
    after = _changed(_added(sealed_secret="old"), NOW, sealed_secret="new", overlap_seconds=3600)
    assert after.valid_secrets(NOW) == ["new", "old"]
    assert after.valid_secrets(NOW + HOUR - timedelta(seconds=1)) == ["new", "old"]
    assert after.valid_secrets(NOW + HOUR) == ["new"]


def test_the_overlap_is_a_day_unless_said() -> None:
    after = _changed(_added(sealed_secret="old"), NOW, sealed_secret="new")
    assert after.secrets[1].expires_at == NOW + timedelta(days=1)


def test_without_an_overlap_the_old_secret_ends_at_once() -> None:
    assert len(_changed(_added(sealed_secret="old"), sealed_secret="new", overlap_seconds=0).secrets) == 1


def test_a_later_rotation_never_prolongs_an_older_secret() -> None:
    first = _changed(_added(sealed_secret="a"), NOW, sealed_secret="b", overlap_seconds=3600)
    second = _changed(first, NOW + HOUR / 2, sealed_secret="c", overlap_seconds=86400)
    assert second.valid_secrets(NOW + HOUR / 2) == ["c", "b", "a"]
    assert second.valid_secrets(NOW + HOUR) == ["c", "b"]


def test_expired_and_superfluous_secrets_are_forgotten() -> None:
    subscriber = _added(sealed_secret="0")
    for number in range(1, 10):
        subscriber = _changed(subscriber, NOW, sealed_secret=str(number))
    assert [secret.sealed for secret in subscriber.secrets] == ["9", "8", "7", "6", "5"]
    assert len(subscriber.secrets) == MAX_VALID_SECRETS
    later = _changed(subscriber, NOW + timedelta(days=2), sealed_secret="10")
    assert [secret.sealed for secret in later.secrets] == ["10", "9"]


def test_dropped_secrets_are_gone_at_once() -> None:
    assert _changed(_added(sealed_secret="a"), drop_secrets=True).secrets == ()


def test_410_pauses_and_says_when_and_why() -> None:
    gone = pause_gone(_added(), Gone(name="ops", asked_at=NOW), NOW + HOUR)
    assert (gone.enabled, gone.gone_at, gone.version) == (True, NOW + HOUR, 2)
    assert gone.paused == Pause(at=NOW + HOUR, reason="answered HTTP 410 Gone")


def test_410_to_a_request_made_before_the_last_change_is_ignored() -> None:
    subscriber = _added()
    assert pause_gone(subscriber, Gone(name="ops", asked_at=NOW - HOUR), NOW) is subscriber


def test_410_of_a_disabled_subscriber_changes_nothing() -> None:
    subscriber = _added(enabled=False)
    assert pause_gone(subscriber, Gone(name="ops", asked_at=NOW), NOW) is subscriber


@pytest.mark.parametrize(
    ("change", "cleared"),
    [({"enabled": True}, True), ({"url": "https://n.example/"}, True), ({"types": ("a",)}, False)],
)
def test_enabling_or_a_new_url_clears_410(change: dict[str, object], cleared: bool) -> None:
    gone = pause_gone(_added(), Gone(name="ops", asked_at=NOW), NOW)
    changed = _changed(gone, NOW + HOUR, **change)
    assert (changed.gone_at is None, changed.paused is None) == (cleared, cleared)


@pytest.mark.parametrize("types", [("im.**",), ("\xe9\u20ac\U0001f600.*",)])
def test_the_stored_size_counts_bytes(types: tuple[str, ...]) -> None:
    one = _added(types=types)
    grown = len(Directory(subscribers={"ops": one}).model_dump_json().encode()) - len(Directory().model_dump_json())
    assert grown <= stored_size(one) <= grown + 8


def test_a_directory_past_the_limit_is_refused() -> None:
    check_size(MAX_DIRECTORY_BYTES)
    with pytest.raises(DirectoryFullError) as caught:
        check_size(MAX_DIRECTORY_BYTES + 1)
    assert caught.value.data == {"size": MAX_DIRECTORY_BYTES + 1, "limit": MAX_DIRECTORY_BYTES}


def test_a_pause_keeps_its_first_reason_and_disabling_ends_it() -> None:
    paused = pause(_added(), "migration", NOW)
    assert pause(paused, "other", NOW + HOUR) is paused
    assert paused.pause_for("im.incident.declared.v1") == Pause(at=NOW, reason="migration")
    assert paused.pause_for("im.subscriber.test.v1") is None
    assert _changed(paused, NOW + HOUR, url="https://n.example/").paused == paused.paused
    assert _changed(paused, NOW + HOUR, enabled=False).paused is None
    with pytest.raises(SubscriberDisabledError):
        pause(_added(enabled=False), "migration", NOW)


def test_resuming_ends_a_pause_and_what_410_left() -> None:
    gone = pause_gone(_added(), Gone(name="ops", asked_at=NOW), NOW)
    resumed = resume(gone, NOW + HOUR)
    assert (resumed.paused, resumed.gone_at, resumed.version) == (None, None, 3)
    assert resume(resumed, NOW + HOUR) is resumed


def test_an_order_to_pause_is_ignored_when_the_subscriber_was_changed_since() -> None:
    subscriber = _added()
    order = PauseOrder(name="ops", reason="five days of failures", asked_at=NOW - HOUR)
    assert pause_as_ordered(subscriber, order, NOW) is subscriber
    told = pause_as_ordered(subscriber, order.model_copy(update={"asked_at": NOW}), NOW)
    assert told.paused == Pause(at=NOW, reason="five days of failures")


@pytest.mark.parametrize("text", ["", " \n", "\x1b\u202e", "x" * 201])
def test_a_reason_says_something_and_is_short(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        check_reason(text)


def test_an_import_leaves_a_pause_as_it_is() -> None:
    paused = pause(_added(), "migration", NOW)
    assert put(paused, _added(url="https://n.example/"), NOW).paused == paused.paused
    assert put(paused, _added(enabled=False), NOW).paused is None


@pytest.mark.parametrize(("off", "before"), [(-HOUR, NOW - 2 * HOUR), (timedelta(), NOW - HOUR), (HOUR, NOW - HOUR)])
def test_what_is_dropped_is_old_by_the_clock_of_who_asks_and_by_temporals(off: timedelta, before: datetime) -> None:
    asked = ResumeRequest(name="ops", drop_before=NOW + off - HOUR, drop_older_than=HOUR)
    assert asked.dropping_before(NOW) == before
    assert ResumeRequest(name="ops").dropping_before(NOW) is None
