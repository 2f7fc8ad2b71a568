"""Portions of what is handed over: nothing is lost, and each fits one payload."""

from hypothesis import given
from hypothesis import strategies as st

from domain.handovers import Rest, by_subscriber, portions
from domain.outcomes import Delivery
from domain.tasks import Pending


def rest(place: int, deliveries: int) -> Rest:
    return Rest(place=place, deliveries=[Pending(delivery=Delivery(subscriber="s"))] * deliveries)


@given(st.lists(st.integers(1, 150)), st.integers(1, 200))
def test_portions_are_the_whole_in_order_and_as_few_as_fit(sizes: list[int], most: int) -> None:
    rests = [rest(place, size) for place, size in enumerate(sizes)]
    found = list(portions(rests, most))
    assert [each for portion in found for each in portion] == rests
    weights = [sum(len(each.deliveries) for each in portion) for portion in found]
    assert all(weight <= most or len(portion) == 1 for weight, portion in zip(weights, found, strict=True))
    assert all(weight + len(after[0].deliveries) > most for weight, after in zip(weights, found[1:], strict=False)), (
        "no portion has room for the next event"
    )


@given(st.lists(st.sampled_from("abc")))
def test_each_subscriber_has_its_events_in_their_order(names: list[str]) -> None:
    rests = [
        Rest(place=place, deliveries=[Pending(delivery=Delivery(subscriber=name))]) for place, name in enumerate(names)
    ]
    found = by_subscriber(rests)
    assert found == {name: [each for each, other in zip(rests, names, strict=True) if other == name] for name in names}
