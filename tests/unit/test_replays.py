"""What a replay is, as plain rules: whose workflow it is, how much at once, when it is refused."""

from datetime import UTC, datetime, timedelta

import pytest

from domain.event_ids import event_id
from domain.pauses import Pause
from domain.replays import Replayed, ReplayReport, Selection, Stage, refusal_of, replay_of
from domain.retention import check_retention, in_days
from service.replay_search import Tally
from tests.support.builders import make_event, make_subscriber
from workflows import names

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


def test_the_workflow_of_a_replayed_event_names_its_replay() -> None:
    event = make_event(id=event_id(AT, 0))
    assert replay_of(names.replayed_workflow_id("rpl_0123456789ab", event)) == "rpl_0123456789ab"
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
    assert "--enabled" in (refusal_of("a", make_subscriber(name="a", enabled=False)) or "")
    paused = make_subscriber(name="a", paused=Pause(at=AT, reason="by hand"))
    assert "im subscriber resume a" in (refusal_of("a", paused) or "")


def test_a_retention_is_a_day_to_a_year() -> None:
    assert check_retention(timedelta(days=14)) == timedelta(days=14)
    for wrong in (timedelta(hours=23), timedelta(days=366)):
        with pytest.raises(Exception, match="1d to 365d"):
            check_retention(wrong)
    assert (in_days(604800), in_days(86400), in_days(43200)) == ("7d", "1d", "12h")
