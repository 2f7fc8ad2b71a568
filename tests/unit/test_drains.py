"""The pace of a drain: one probe, then as fast as it is taken, and back off when it is not."""

from datetime import timedelta

from domain.drains import LONGEST_WAIT, MAX_WINDOW, DrainProgress, Pace, has_heard
from tests.support.builders import NOW

SECOND = timedelta(seconds=1)


def test_it_begins_with_one_and_doubles_when_as_many_went_well() -> None:
    pace, seen = Pace(), []
    for _ in range(200):
        seen.append(pace.allowed)
        pace.went_well()
    assert seen[:7] == [1, 2, 2, 4, 4, 4, 4]
    assert max(seen) == MAX_WINDOW


def test_after_a_failure_it_waits_and_then_tries_one() -> None:
    pace = Pace(window=16)
    pace.failed(NOW)
    assert pace.holds(NOW + 0.9 * SECOND)
    assert not pace.holds(NOW + SECOND)
    assert pace.allowed == 1
    pace.went_well()
    assert pace.allowed == 8


def test_what_was_under_way_when_one_failed_makes_no_longer_wait() -> None:
    pace = Pace(window=32)
    for _ in range(20):
        pace.failed(NOW)
    assert (pace.window, pace.streak, pace.holds_until) == (1, 1, NOW + SECOND)


def test_waits_double_up_to_five_minutes() -> None:
    pace, at, waits = Pace(), NOW, []
    for _ in range(12):
        pace.failed(at)
        assert pace.holds_until is not None
        waits.append(pace.holds_until - at)
        at = pace.holds_until
    assert waits[:4] == [SECOND, 2 * SECOND, 4 * SECOND, 8 * SECOND]
    assert waits[-1] == LONGEST_WAIT


def test_retry_after_is_kept_where_it_is_later_and_capped() -> None:
    pace = Pace()
    pace.failed(NOW, 30 * SECOND)
    assert pace.holds_until == NOW + 30 * SECOND
    pace.failed(NOW + SECOND, timedelta(hours=9))
    assert pace.holds_until == NOW + SECOND + LONGEST_WAIT


def test_figures_of_an_earlier_resume_are_told_from_those_of_the_latest() -> None:
    ended = DrainProgress(subscriber="a", began_at=NOW, asked_at=NOW, ended=True, done=True, delivered=7)
    later = NOW + SECOND
    assert not has_heard(ended, ended)
    assert has_heard(ended.model_copy(update={"asked_at": later}), ended)
    assert has_heard(ended, None)
    of_an_older_worker = ended.model_copy(update={"asked_at": None})
    assert not has_heard(of_an_older_worker, of_an_older_worker)
    assert has_heard(of_an_older_worker.model_copy(update={"began_at": later}), of_an_older_worker)
