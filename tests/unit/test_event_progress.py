"""What an event workflow says of its deliveries when it is asked."""

import pytest

from domain.lanes import waits_behind
from domain.matches import Match
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure
from domain.tasks import Pending
from tests.support.builders import NOW, make_event
from workflows.details import keyword
from workflows.progress import Progress

LIMITS = "10/s"
OF_INCIDENT = {"imincidentid": "INC-7"}


@pytest.mark.parametrize("events", [1, 3], ids=["alone", "shared"])
@pytest.mark.parametrize(
    ("match", "has_turn", "extensions", "said"),
    [
        (Match(subscriber="a", ordered=True), False, OF_INCIDENT, waits_behind("INC-7")),
        (Match(subscriber="a", ordered=True, limits=LIMITS), False, OF_INCIDENT, waits_behind("INC-7")),
        (Match(subscriber="a", ordered=True), True, OF_INCIDENT, None),
        (Match(subscriber="a", ordered=True), False, {}, None),
        (Match(subscriber="a"), False, OF_INCIDENT, None),
        (
            Match(subscriber="a", ordered=True, paused="by hand"),
            False,
            OF_INCIDENT,
            "the subscriber is paused: by hand",
        ),
    ],
)
def test_an_ordered_delivery_waits_from_its_beginning_until_it_has_its_turn(
    match: Match, has_turn: bool, extensions: dict[str, str], said: str | None, events: int
) -> None:
    progress = Progress([make_event(extensions=extensions)] * events)
    progress.resolve([[match]] * events)
    for pending in _each(progress):
        pending.turn = has_turn
    assert [delivery.error for event in progress.report() for delivery in event.deliveries] == [said] * events
    assert waits_behind("INC-7") not in {pending.delivery.error for pending in _each(progress)}, "it is only said"


def _each(progress: Progress) -> list[Pending]:
    return [pending for group in progress.groups for pending in group]


LIMIT = 2 * 1024 * 1024  # of what a query may answer
SAID, WRONG = "x" * 2000, "the receiver said at some length what it did not like: " + "y" * 245


def failing(events: int, subscribers: int, attempts: int) -> Progress:
    """A burst of which everything failed, and that at length."""
    made = [
        Attempt(number=n + 1, at=NOW, duration_ms=250, failure=Failure.HTTP_STATUS, error=WRONG, response=SAID)
        for n in range(attempts)
    ]
    progress = Progress([make_event(id=f"evt_{n}") for n in range(events)])
    progress.resume(
        [
            Pending(delivery=Delivery(subscriber=f"s-{n}", state=DeliveryState.FAILED, attempts=made, error=WRONG))
            for n in range(subscribers)
        ]
        for _ in range(events)
    )
    return progress


@pytest.mark.parametrize(("events", "subscribers", "attempts"), [(100, 100, 1), (100, 100, 5), (1, 5000, 5)])
def test_no_answer_is_refused_for_its_size(events: int, subscribers: int, attempts: int) -> None:
    progress = failing(events, subscribers, attempts)
    told = progress.report()
    assert sum(len(event.model_dump_json(exclude_none=True)) for event in told) < LIMIT
    assert len(progress.report_of(0).model_dump_json(exclude_none=True)) < LIMIT
    assert {delivery.state for event in told for delivery in event.deliveries} == {DeliveryState.FAILED}
    assert [len(event.deliveries) for event in told] == [subscribers] * events


def test_one_event_of_a_burst_is_told_of_in_full() -> None:
    progress = failing(100, 100, 5)
    assert progress.report_of(7).event_id == "evt_7"
    assert progress.report_of(7).deliveries == [pending.delivery for pending in progress.groups[7]]


@pytest.mark.parametrize(
    ("subscribers", "kept"), [(100, (WRONG, SAID)), (300, (WRONG, None)), (1000, (WRONG[:59] + "…", None))]
)
def test_what_is_left_out_is_what_can_be_spared(subscribers: int, kept: tuple[str, str | None]) -> None:
    (told,) = failing(1, subscribers, 5).report()
    assert {(each.error, each.response) for delivery in told.deliveries for each in delivery.attempts} == {kept}
    assert {len(delivery.attempts) for delivery in told.deliveries} == {5}


@pytest.mark.parametrize(
    ("ordered", "has_turn", "extensions", "said"),
    [
        (True, False, OF_INCIDENT, "pending"),
        (True, True, OF_INCIDENT, "retrying"),  # its first request is on the retry queue
        (True, False, {}, "retrying"),
        (False, False, OF_INCIDENT, "retrying"),
    ],
)
def test_what_waits_for_its_turn_is_not_retried(
    ordered: bool, has_turn: bool, extensions: dict[str, str], said: str
) -> None:
    pending = Pending(delivery=Delivery(subscriber="a"), ordered=ordered, turn=has_turn, inline=False)
    assert keyword(make_event(extensions=extensions), pending) == said
