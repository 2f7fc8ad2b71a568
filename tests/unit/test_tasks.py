"""What the event workflow and its activities say to each other."""

from itertools import permutations

import pytest

from domain.matches import Match
from domain.outcomes import DeliveryState, outcome_of
from domain.retry import make_schedule
from domain.tasks import EventInput, FirstRequests
from tests.support.builders import make_event

P, R, D, F, C = (
    DeliveryState.PENDING,
    DeliveryState.RETRYING,
    DeliveryState.DELIVERED,
    DeliveryState.FAILED,
    DeliveryState.CANCELLED,
)


@pytest.mark.parametrize(
    ("states", "outcome"),
    [
        ([], "unmatched"),
        ([D], "delivered"),
        ([D, D], "delivered"),
        ([D, C], "delivered"),
        ([C, C], "cancelled"),
        ([D, F], "failed"),
        ([F, C], "failed"),
        ([F, R, D], "retrying"),
        ([P, F, D, C], "pending"),
        ([P, R, F, D, C], "retrying"),
    ],
)
def test_an_event_is_what_its_least_fortunate_delivery_is(states: list[DeliveryState], outcome: str) -> None:
    assert {outcome_of(list(order)) for order in permutations(states)} == {outcome}


def test_inputs_survive_their_json_form() -> None:
    event = make_event(extensions={"flag": True, "count": 1, "text": "1"})
    for given in (
        EventInput(events=[event], only=["ops"]),
        FirstRequests(events=[event], wanted=[(0, Match(subscriber="ops", schedule=make_schedule("long")))]),
    ):
        read = type(given).model_validate_json(given.model_dump_json())
        assert read == given
        assert [type(value) for value in read.events[0].extensions.values()] == [bool, int, str]
