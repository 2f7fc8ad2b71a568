"""What a replay is, as plain rules: whose workflow it is, how much at once, when it is refused."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from domain.errors import InvalidInputError
from domain.event_ids import event_id
from domain.pauses import Pause
from domain.replays import Replayed, ReplayReport, Selection, Stage, refusal_of, replay_of
from domain.retention import check_retention, in_days
from service.idempotency import Once
from service.replay_search import Tally
from service.replay_views import ReplayOptions
from service.replays import ReplayGateway
from tests.support.builders import make_event, make_subscriber
from workflows import names

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


def test_the_workflow_of_a_replayed_event_names_its_replay() -> None:
    event = make_event(id=event_id(AT, 0))
    for replay in ("rpl_0123456789ab", f"rpl_{Once('key', 'asked').id}"):
        assert replay_of(names.replayed_workflow_id(replay, event)) == replay
    for other in (names.event_workflow_id(event), names.replay_workflow_id("rpl_0123456789ab"), ""):
        assert replay_of(other) is None
    posing = make_event(id="x/replays/rpl_0123456789ab/event/y")
    assert replay_of(names.event_workflow_id(posing)) is None


@pytest.mark.parametrize(("rate", "portion"), [("0.1/s", 1), ("1/s", 2), ("10/s", 20), ("1000/s", 20), ("100/m", 3)])
def test_a_portion_takes_two_seconds_at_most(rate: str, portion: int) -> None:
    report = ReplayReport(id="rpl_1", selection=Selection(to="a", until=AT), rate=rate, started_at=AT)
    assert report.portion == portion
    sending = report.model_copy(update={"stage": Stage.SENDING, "matched": 10, "sent": 4, "gone": 1})
    assert sending.seconds_left == pytest.approx(5 * report.interval)
    assert report.seconds_left is None


@pytest.mark.parametrize(
    ("options", "refused"),
    [
        ({"rate": "5000/s"}, "5000/s is not within"),
        ({"rate": "fast"}, "'fast' is not a rate"),
        ({"failed_only": True, "undelivered": True}, "--undelivered takes what failed too"),
    ],
)
async def test_a_dry_run_refuses_what_a_replay_refuses(options: dict[str, Any], refused: str) -> None:
    nobody_is_asked = ReplayGateway(cast("Any", None), cast("Any", None))
    for do in (nobody_is_asked.survey, nobody_is_asked.start):
        with pytest.raises(InvalidInputError, match=re.escape(refused)):
            await do(ReplayOptions(subscriber="a", **options))


def found(event_id: str, workflow: str, event_type: str = "a.b") -> Replayed:
    return Replayed(event_id=event_id, source="/s", type=event_type, at=AT, workflow_id=workflow, run_id="r")


def test_an_event_counts_once_in_however_many_workflows_it_travels() -> None:
    tally = Tally()
    one, two, resent, other = found("1", "o1"), found("2", "o2"), found("1", "r1"), found("3", "o3", "c.d")
    tally.add([one, two, resent], [one, two, resent])
    tally.add([found("2", "r2"), other, found("4", "o4"), found("4", "r4")], [found("2", "r2"), other])
    assert (tally.survey.matched, tally.survey.skipped, tally.survey.by_type) == (3, 1, {"a.b": 2, "c.d": 1})
    assert (tally.survey.first, tally.survey.last) == (one, other)


def test_nothing_is_sent_to_who_may_not_be_told() -> None:
    assert refusal_of("a", make_subscriber(name="a")) is None
    assert "removed" in (refusal_of("a", None) or "")
    assert "im subscriber enable a" in (refusal_of("a", make_subscriber(name="a", enabled=False)) or "")
    paused = make_subscriber(name="a", paused=Pause(at=AT, reason="by hand"))
    assert "im subscriber resume a" in (refusal_of("a", paused) or "")


def test_a_retention_is_a_day_to_a_year() -> None:
    assert check_retention(timedelta(days=14)) == timedelta(days=14)
    for wrong in (timedelta(hours=23), timedelta(days=366)):
        with pytest.raises(Exception, match="1d to 365d"):
            check_retention(wrong)
    assert (in_days(604800), in_days(86400), in_days(43200)) == ("7d", "1d", "12h")
