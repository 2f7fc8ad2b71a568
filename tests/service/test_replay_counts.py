"""What a replay says became of what it sent adds up, whenever its parts were counted."""

from datetime import timedelta

import pytest

from domain.replays import ReplayReport, Selection, Stage
from service.replay_views import Ends, replay_view
from tests.support.builders import NOW

DAY, WEEK = timedelta(days=1), timedelta(days=7)


@pytest.mark.parametrize(
    ("sent", "ends", "age", "told"),
    [
        (21, (0, 10, 0, 12), timedelta(), (21, 11, 0)),  # of those that run one more has ended since
        (0, (1, 0, 0, 2), timedelta(), (1, 0, 0)),  # its portion is not counted yet
        (20, (0, 0, 0, 0), timedelta(), (20, 20, 0)),  # visibility knows of none yet
        (20, (15, 2, 3, 0), timedelta(), (20, 0, 0)),
        (20, (5, 2, 1, 3), WEEK, (20, 3, 9)),  # the others are not retained any more
        (20, (5, 2, 1, 3), DAY - timedelta(seconds=1), (20, 12, 0)),
    ],
)
def test_the_counts_add_up(
    sent: int, ends: tuple[int, int, int, int], age: timedelta, told: tuple[int, int, int]
) -> None:
    report = ReplayReport(
        id="rpl_1",
        selection=Selection(to="a", until=NOW),
        stage=Stage.DONE,
        started_at=NOW - age,
        matched=21,
        sent=sent,
    )
    counts = Ends(delivered=ends[0], failed=ends[1], cancelled=ends[2], running=ends[3])
    found = replay_view(report, counts, NOW)
    assert (found.sent, found.under_way, found.forgotten) == told
    assert found.sent == found.delivered + found.failed + found.cancelled + found.under_way + found.forgotten
