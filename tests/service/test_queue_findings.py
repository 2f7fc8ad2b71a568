"""What a check-up makes of a queue on which tasks wait."""

from datetime import timedelta
from typing import cast

import pytest
from temporalio.api.workflowservice.v1 import DescribeTaskQueueResponse
from temporalio.client import Client

from domain.checkup import Level
from service import checks_temporal
from service.checks_temporal import BURST_FIX, OLD_BACKLOG, OLD_FIX, QUEUES, SLOW_FIX, START_FIX, _queue, check_queues
from workflows import names


def described(age: timedelta, count: int) -> DescribeTaskQueueResponse:
    found = DescribeTaskQueueResponse()
    found.stats.approximate_backlog_count = count
    found.stats.approximate_backlog_age.FromTimedelta(age)
    return found


@pytest.mark.parametrize(("queue", "fix"), [(names.HANDOVERS_QUEUE, BURST_FIX), (names.DELIVERIES_QUEUE, SLOW_FIX)])
def test_what_waits_for_long_is_a_warning_with_what_holds_it_up(queue: str, fix: str) -> None:
    late = described(OLD_BACKLOG + timedelta(seconds=1), 3)
    finding = _queue(f"{queue} (activities)", "why", late, workers=1, of_all=1)
    assert (finding.level, finding.fix) == (Level.WARNING, fix)
    assert _queue(queue, "why", described(OLD_BACKLOG, 3), workers=1, of_all=1).level is Level.OK
    assert _queue(queue, "why", late, workers=0, of_all=0).level is Level.ERROR


@pytest.mark.parametrize(("workers", "said"), [(1, "1 worker seen polling (why)"), (2, "2 workers seen polling (why)")])
def test_a_queue_tells_of_the_workers_that_were_seen_on_it_which_may_not_be_all_yet(workers: int, said: str) -> None:
    assert _queue("im-control", "why", described(timedelta(), 0), workers=workers, of_all=3).message == said


@pytest.mark.parametrize("polled", [set(), {names.EVENTS_QUEUE, names.CONTROL_QUEUE, names.DELIVERIES_QUEUE}])
async def test_a_queue_that_the_workers_do_not_know_asks_for_an_upgrade(
    polled: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def on(_: object, queue: str, __: object) -> DescribeTaskQueueResponse:
        found = described(timedelta(), 0)
        if queue in polled:
            found.pollers.add(identity="1@host").last_access_time.GetCurrentTime()
        return found

    async def nobody(_: object) -> set[str]:
        return set()

    monkeypatch.setattr(checks_temporal, "described", on)
    monkeypatch.setattr(checks_temporal, "stopped_workers", nobody)
    found = (await check_queues(cast("Client", None)))[: len(QUEUES)]
    fixes = {finding.fix for finding in found if finding.level is Level.ERROR}
    assert fixes == {OLD_FIX if polled else START_FIX}
    assert sum(finding.level is Level.ERROR for finding in found) == (1 if polled else len(QUEUES))
