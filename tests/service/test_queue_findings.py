"""What a check-up makes of a queue on which tasks wait."""

from datetime import timedelta

import pytest
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse

from domain.checkup import Level
from service.checks_temporal import BURST_FIX, OLD_BACKLOG, SLOW_FIX, _queue
from workflows import names


def described(age: timedelta, count: int) -> DescribeTaskQueueResponse:
    found = DescribeTaskQueueResponse()
    found.stats.approximate_backlog_count = count
    found.stats.approximate_backlog_age.FromTimedelta(age)
    return found


@pytest.mark.parametrize(("queue", "fix"), [(names.HANDOVERS_QUEUE, BURST_FIX), (names.DELIVERIES_QUEUE, SLOW_FIX)])
def test_what_waits_for_long_is_a_warning_with_what_holds_it_up(queue: str, fix: str) -> None:
    late = described(OLD_BACKLOG + timedelta(seconds=1), 3)
    finding = _queue(f"{queue} (activities)", "why", late, workers=1)
    assert (finding.level, finding.fix) == (Level.WARNING, fix)
    assert _queue(queue, "why", described(OLD_BACKLOG, 3), workers=1).level is Level.OK
    assert _queue(queue, "why", late, workers=0).level is Level.ERROR
