"""When Temporal is asked to retry, whatever this host's clock does between a request and its report."""

from datetime import UTC, datetime, timedelta

import pytest

from activities.reporting import failure_of
from domain.outcomes import Attempt, Failure, settle
from domain.retry import MIN_DELAY, make_schedule

SCHEDULE = make_schedule("5,60,600", None)


@pytest.mark.parametrize(
    ("clock_was_set", "shortest", "longest"),
    [
        (timedelta(), timedelta(seconds=4), timedelta(seconds=5)),
        (timedelta(hours=-1), timedelta(seconds=5), timedelta(seconds=5)),
        (timedelta(hours=1), MIN_DELAY, MIN_DELAY),
    ],
)
def test_a_retry_is_never_later_than_the_schedule_has_it(
    clock_was_set: timedelta, shortest: timedelta, longest: timedelta
) -> None:
    made_at = datetime.now(UTC) - clock_was_set
    attempt = Attempt(number=1, at=made_at, duration_ms=5, failure=Failure.CONNECTION, error="connection refused")
    delay = failure_of(settle("ops", [attempt], SCHEDULE)).next_retry_delay
    assert delay is not None
    assert shortest <= delay <= longest
