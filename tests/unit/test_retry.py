"""The backoff table, named schedules and Retry-After."""

from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.retry import (
    LONG_DELAYS_SECONDS,
    MAX_ATTEMPTS,
    RETRY_AFTER_CAP,
    RETRY_AFTER_CAP_LONG,
    RetrySchedule,
    check_waits_used,
    make_schedule,
    parse_retry_after,
)
from domain.subscriber_errors import InvalidScheduleError
from tests.support.builders import NOW

SCHEDULES = st.one_of(
    st.builds(make_schedule, st.just("default"), st.integers(1, MAX_ATTEMPTS)),
    st.builds(make_schedule, st.just("long"), st.integers(1, MAX_ATTEMPTS)),
    st.lists(st.integers(1, 604_800), min_size=1, max_size=49).map(lambda w: make_schedule(",".join(map(str, w)))),
)


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16)])
def test_the_wait_after_each_attempt_is_the_guides(attempt: int, seconds: int) -> None:
    assert make_schedule("default", 6).delay_after(attempt) == timedelta(seconds=seconds)


@pytest.mark.parametrize(("attempts", "offsets"), [(5, [0, 1, 3, 7, 15]), (6, [0, 1, 3, 7, 15, 31]), (1, [0])])
def test_requests_are_due_at_the_guides_cumulative_times(attempts: int, offsets: list[int]) -> None:
    assert [due.total_seconds() for due in make_schedule("default", attempts).offsets()] == offsets


def test_five_attempts_are_the_default() -> None:
    assert RetrySchedule() == make_schedule()
    assert RetrySchedule().max_attempts == 5
    assert RetrySchedule().delay_after(5) is None


@pytest.mark.parametrize("attempt", [5, 6, 20, 49])
def test_no_default_wait_is_longer_than_sixteen_seconds(attempt: int) -> None:
    assert make_schedule("default", 50).delay_after(attempt) == timedelta(seconds=16)


def test_the_long_schedule_is_that_of_standard_webhooks() -> None:
    long = make_schedule("long")
    hours = 3600
    assert (5, 300, 1800, *(hours * n for n in (2, 5, 10, 14, 20, 24))) == LONG_DELAYS_SECONDS
    assert long.max_attempts == 10
    assert long.offsets()[-1] == timedelta(hours=75, minutes=35, seconds=5)


def test_own_waits_are_used_in_order_and_the_last_one_repeats() -> None:
    schedule = make_schedule("5,60,600", 6)
    waits = [schedule.delay_after(attempt) for attempt in range(1, 7)]
    assert waits == [*(timedelta(seconds=s) for s in (5, 60, 600, 600, 600)), None]


def test_own_waits_give_one_request_more_than_waits() -> None:
    assert make_schedule("5,60,600").max_attempts == 4


@pytest.mark.parametrize("name", ["LONG", " long ", "Default"])
def test_names_are_read_in_any_case(name: str) -> None:
    assert make_schedule(name).name == name.strip().lower()


@pytest.mark.parametrize(
    "name",
    [
        "",
        "fast",
        "0",
        "-1",
        "1.5",
        "1,",
        ",1",
        "5;60",
        "604801",
        "1,,2",
        "9" * 5000,
        "1_0",
        "\u0665",
        ",".join("1" * 50),
    ],
)
def test_other_schedules_are_refused(name: str) -> None:
    with pytest.raises(InvalidScheduleError):
        make_schedule(name)


@pytest.mark.parametrize("attempts", [0, -1, MAX_ATTEMPTS + 1])
def test_the_number_of_attempts_is_limited(attempts: int) -> None:
    with pytest.raises(InvalidScheduleError):
        make_schedule("default", attempts)


@given(SCHEDULES)
def test_every_schedule_has_as_many_requests_as_attempts_at_least_a_second_apart(schedule: RetrySchedule) -> None:
    due = schedule.offsets()
    assert len(due) == schedule.max_attempts
    assert all(later - earlier >= timedelta(seconds=1) for earlier, later in pairwise(due))
    assert schedule.delay_after(schedule.max_attempts) is None


@given(SCHEDULES, st.integers(1, 60), st.none() | st.integers(0, 10**9))
def test_retry_after_never_shortens_a_wait_nor_passes_its_cap(
    schedule: RetrySchedule, attempt: int, asked: int | None
) -> None:
    scheduled = schedule.delay_after(attempt)
    wait = schedule.wait(attempt, None if asked is None else timedelta(seconds=asked))
    assert (wait is None) is (scheduled is None)
    if wait is not None and scheduled is not None:
        assert scheduled <= wait <= max(scheduled, schedule.retry_after_cap)


@pytest.mark.parametrize(
    ("name", "asked", "wait"),
    [
        ("default", 0, 1),
        ("default", 30, 30),
        ("default", 300, 300),
        ("default", 301, 300),
        ("long", 3, 5),
        ("long", 86400, 86400),
        ("long", 10**9, 86400),
        ("600", 60, 600),
        ("600", 900, 600),
    ],
)
def test_the_later_of_schedule_and_capped_retry_after_counts(name: str, asked: int, wait: int) -> None:
    assert make_schedule(name).wait(1, timedelta(seconds=asked)) == timedelta(seconds=wait)


def test_caps_are_five_minutes_and_a_day() -> None:
    assert (timedelta(minutes=5), timedelta(days=1)) == (RETRY_AFTER_CAP, RETRY_AFTER_CAP_LONG)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("120", 120),
        (" 120 ", 120),
        ("0000000000000005", 5),
        ("9" * 5000, 10**9),
        ("Fri, 26 Dec 2025 14:31:00 GMT", 60),
        ("Friday, 26-Dec-25 14:31:00 GMT", 60),
        ("Fri Dec 26 14:31:00 2025", 60),
        ("Fri, 26 Dec 2025 15:31:00 +0100", 60),
    ],
)
def test_retry_after_is_read_as_seconds_or_a_date(value: str, seconds: int) -> None:
    assert parse_retry_after(value, NOW) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "value",
    [
        None,
        "",
        "soon",
        "-1",
        "1.5",
        "\u0665",
        "\xb2",
        "Fri, 26 Dec 2025 14:29:59 GMT",
        "Fri, 32 Dec 2025 14:31:00 GMT",
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Mon, 01 Jan 2030 00:00:00 +9999999999999999999999",
        "Mon, 01 Jan 2030 00:00:00 -2400",
        ", , ,",
    ],
)
def test_a_useless_retry_after_changes_nothing(value: str | None) -> None:
    assert parse_retry_after(value, NOW) is None


HTTP_DATES = st.from_regex(r"(Mon, )?\d{1,30} [A-Z][a-z]{2} \d{1,30} \d+:\d+:\d+ ([+-]\d+|GMT)", fullmatch=True)


@given(st.text(max_size=60) | HTTP_DATES)
def test_no_retry_after_raises(value: str) -> None:
    parse_retry_after(value, NOW)


@given(st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1)), st.integers(-12, 12))  # noqa: DTZ001 - zones follow
def test_an_http_date_in_any_zone_is_the_same_moment(moment: datetime, hours: int) -> None:
    when = moment.replace(microsecond=0, tzinfo=UTC)
    header = format_datetime(when.astimezone(timezone(timedelta(hours=hours))))
    assert parse_retry_after(header, NOW) == when - NOW


@pytest.mark.parametrize(
    ("name", "attempts"),
    [
        ("5,60,600", 4),
        ("5,60,600", 9),
        ("60", 10),
        ("long", 3),
        (" Pager", 1),
        ("5,60,600", None),
        (None, 1),
        ("fast", None),
    ],
)
def test_a_number_of_requests_may_end_a_named_schedule_and_repeat_the_last_wait(
    name: str | None, attempts: int | None
) -> None:
    check_waits_used(name, attempts)


@pytest.mark.parametrize(("name", "attempts"), [("5,60,600", 3), ("5, 60, 600", 1), ("60", 1)])
def test_waits_that_are_written_and_would_never_come_are_refused(name: str, attempts: int) -> None:
    with pytest.raises(InvalidScheduleError, match=f"with {attempts} not all of its waits") as refused:
        check_waits_used(name, attempts)
    assert refused.value.field == "max_attempts"


@pytest.mark.parametrize(
    ("name", "meant"), [("lnog", "long"), ("defualt", "default"), ("pagr", "pager"), ("5,x", None)]
)
def test_a_misspelt_schedule_is_answered_with_the_one_that_was_meant(name: str, meant: str | None) -> None:
    with pytest.raises(InvalidScheduleError) as refused:
        make_schedule(name)
    assert refused.value.advice.startswith(f"Did you mean {meant}?" if meant else "Use 'default'")
