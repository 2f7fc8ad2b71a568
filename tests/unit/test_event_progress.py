"""What an event workflow says of its deliveries when it is asked."""

import pytest

from domain.lanes import waits_behind
from domain.tasks import Match, Pending
from tests.support.builders import make_event
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
