"""Deliveries by the hour."""

from datetime import timedelta

from domain.health import Counters, LedgerEntry, Report, summed
from domain.hours import added, hour_of, last_day
from tests.support.builders import NOW

H = hour_of(NOW)


def test_hours_add_up_and_those_before_the_latest_day_are_dropped() -> None:
    assert added({H: (1, 0), H - 1: (2, 2)}, {H: (0, 3)}) == {H - 1: (2, 2), H: (1, 3)}
    assert added({H - 23: (1, 0), H - 24: (5, 5)}, {H: (1, 0)}) == {H - 23: (1, 0), H: (1, 0)}
    assert added({H: (1, 0)}, {H - 30: (9, 9)}) == {H: (1, 0)}


def test_a_day_is_24_hours_the_current_one_last() -> None:
    day = last_day({H: (3, 1), H - 23: (1, 0), H - 24: (9, 9)}, NOW)
    assert (len(day), day[-1], day[0], day[1]) == (24, (3, 1), (1, 0), (0, 0))


def test_ended_deliveries_are_counted_in_their_hour_and_retries_are_not() -> None:
    before = NOW - timedelta(hours=2)
    entries = [
        LedgerEntry(subscriber="ops", report=Report.RETRYING, at=NOW),
        LedgerEntry(subscriber="ops", report=Report.DELIVERED, at=NOW),
        LedgerEntry(subscriber="ops", report=Report.FAILED, at=before),
    ]
    counters = Counters(hours={H: (1, 0)})
    counters.add(summed(entries).sums["ops"])
    assert counters.hours == {H - 2: (0, 1), H: (2, 0)}
    assert Counters.model_validate_json(counters.model_dump_json()) == counters
