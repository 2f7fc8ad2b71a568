"""Health: the guide's criteria and example, and the counters behind them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.health import (
    DURATIONS_KEPT,
    Counters,
    Health,
    HealthStatus,
    LedgerEntry,
    Report,
    health_status,
    percentile,
    success_rate,
    summed,
    view,
    with_settings,
)
from tests.support.builders import NOW


def _entry(report: Report, minutes: float = 0, **parts: object) -> LedgerEntry:
    known = {"subscriber": "ops", "report": report, "at": NOW + timedelta(minutes=minutes)}
    return LedgerEntry.model_validate(known | parts)


def _counted(*entries: LedgerEntry) -> Counters:
    counters = Counters()
    for entry in entries:
        counters.apply(entry)
    return counters


@pytest.mark.parametrize(
    ("delivered", "failed", "rate", "status"),
    [
        # the guide's "Example Output"
        (156, 4, 97.5, HealthStatus.HEALTHY),
        (892, 0, 100.0, HealthStatus.HEALTHY),
        (45, 23, 66.2, HealthStatus.HEALTHY),
        (0, 50, 0.0, HealthStatus.UNHEALTHY),
        # the guide's "Health Status Criteria": 50 % is healthy
        (1, 1, 50.0, HealthStatus.HEALTHY),
        (4999, 5001, 50.0, HealthStatus.UNHEALTHY),
        (49, 51, 49.0, HealthStatus.UNHEALTHY),
        (1, 0, 100.0, HealthStatus.HEALTHY),
        (0, 1, 0.0, HealthStatus.UNHEALTHY),
        (0, 0, None, HealthStatus.UNKNOWN),
    ],
)
def test_status_follows_the_success_rate(delivered: int, failed: int, rate: float | None, status: HealthStatus) -> None:
    row = view("ops", Counters(delivered=delivered, failed=failed), 0, NOW)
    assert (row.success_rate, row.status) == (rate, status)


@pytest.mark.parametrize(
    ("requests", "minutes", "status"),
    [
        (5, 5, HealthStatus.UNHEALTHY),
        (4, 60, HealthStatus.HEALTHY),
        (50, 4.99, HealthStatus.HEALTHY),
    ],
)
def test_a_long_streak_of_failed_requests_is_unhealthy_before_anything_is_given_up(
    requests: int, minutes: float, status: HealthStatus
) -> None:
    counters = _counted(_entry(Report.DELIVERED, -1), *[_entry(Report.RETRYING)] * requests)
    assert health_status(counters, NOW + timedelta(minutes=minutes)) is status


@pytest.mark.parametrize(
    ("reports", "status"),
    [
        ([], HealthStatus.UNKNOWN),
        ([Report.RETRYING], HealthStatus.FAILING),
        ([Report.RETRYING] * 3, HealthStatus.FAILING),
        ([Report.RETRYING, Report.DELIVERED], HealthStatus.HEALTHY),
        ([Report.RETRYING, Report.FAILED], HealthStatus.UNHEALTHY),
    ],
)
def test_who_has_only_failed_so_far_is_failing_and_not_unknown(reports: list[Report], status: HealthStatus) -> None:
    assert health_status(_counted(*map(_entry, reports)), NOW) is status


def test_a_success_ends_the_streak() -> None:
    counters = _counted(*[_entry(Report.RETRYING)] * 9, _entry(Report.DELIVERED, 1))
    assert (counters.streak, counters.streak_since) == (0, None)
    assert health_status(counters, NOW + timedelta(hours=1)) is HealthStatus.HEALTHY


def test_only_ended_deliveries_count() -> None:
    counters = _counted(
        _entry(Report.RETRYING), _entry(Report.RETRYING), _entry(Report.DELIVERED), _entry(Report.FAILED)
    )
    assert (counters.delivered, counters.failed, success_rate(counters)) == (1, 1, 50.0)


def test_last_delivered_is_the_end_of_the_last_delivery_whichever_way_it_went() -> None:
    counters = _counted(_entry(Report.DELIVERED, 1), _entry(Report.FAILED, 2), _entry(Report.RETRYING, 3))
    row = view("ops", counters, 1, NOW)
    assert row.last_delivered == NOW + timedelta(minutes=2)
    assert row.last_success == NOW + timedelta(minutes=1)


def test_entries_out_of_order_do_not_turn_time_back() -> None:
    counters = _counted(_entry(Report.DELIVERED, 5), _entry(Report.DELIVERED, 1))
    assert counters.last_final_at == counters.last_success_at == NOW + timedelta(minutes=5)


def test_the_last_error_stays_after_a_success() -> None:
    counters = _counted(_entry(Report.FAILED, error="HTTP 503"), _entry(Report.DELIVERED, 1))
    assert counters.last_error == "HTTP 503"


def test_the_view_carries_what_the_table_shows() -> None:
    counters = _counted(_entry(Report.RETRYING, duration_ms=10), _entry(Report.RETRYING, duration_ms=30))
    row = view("ops", counters, 7, NOW)
    assert (row.subscriber, row.retrying, row.consecutive_failures, row.p50_ms, row.p95_ms) == ("ops", 7, 2, 10, 30)


def test_the_latest_durations_are_kept() -> None:
    counters = _counted(*(_entry(Report.DELIVERED, duration_ms=n) for n in range(DURATIONS_KEPT + 10)))
    assert counters.durations_ms == list(range(10, DURATIONS_KEPT + 10))


@pytest.mark.parametrize(
    ("values", "share", "expected"),
    [
        ([], 0.5, None),
        ([7], 0.0, 7),
        ([7], 1.0, 7),
        ([15, 20, 35, 40, 50], 0.05, 15),
        ([15, 20, 35, 40, 50], 0.30, 20),
        ([15, 20, 35, 40, 50], 0.40, 20),
        ([50, 15, 40, 20, 35], 0.50, 35),
        ([15, 20, 35, 40, 50], 1.0, 50),
        (list(range(1, 101)), 0.95, 95),
    ],
)
def test_percentiles_are_nearest_rank(values: list[int], share: float, expected: int | None) -> None:
    assert percentile(values, share) == expected


def test_a_disabled_subscriber_is_neither_well_nor_unwell() -> None:
    row = Health(subscriber="a", status=HealthStatus.UNHEALTHY, consecutive_failures=7, failing_since=NOW)
    found = {enabled: with_settings(row, enabled=enabled, paused=None, ordered=True) for enabled in (True, False)}
    assert found[True] == row.model_copy(update={"ordered": True})
    assert (found[False].status, found[False].consecutive_failures) == (HealthStatus.DISABLED, 0)
    assert found[False].failing_since is None


@given(st.lists(st.sampled_from(list(Report)), max_size=60))
def test_counting_loses_nothing(reports: list[Report]) -> None:
    counters = _counted(*(_entry(report) for report in reports))
    assert counters.delivered == reports.count(Report.DELIVERED)
    assert counters.failed == reports.count(Report.FAILED)
    assert (counters.streak_since is None) is (counters.streak == 0)
    trailing = next((n for n, report in enumerate(reversed(reports)) if report is Report.DELIVERED), len(reports))
    assert counters.streak == trailing


def test_counters_of_different_subscribers_share_nothing() -> None:
    one, other = Counters(), Counters()
    one.apply(_entry(Report.DELIVERED, duration_ms=1))
    assert other.durations_ms == []


@given(st.lists(st.tuples(st.sampled_from(list(Report)), st.booleans()), max_size=30), st.integers(1, 7))
def test_sums_of_commits_come_to_the_same_as_their_requests(told: list[tuple[Report, bool]], size: int) -> None:
    entries = [
        _entry(
            report, minute, duration_ms=minute if timed else None, error=None if report is Report.DELIVERED else "no"
        )
        for minute, (report, timed) in enumerate(told)
    ]
    added = Counters()
    for first in range(0, len(entries), size):
        added.add(summed(entries[first : first + size]).sums["ops"])
    assert added == _counted(*entries)
