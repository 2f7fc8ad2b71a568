"""No two deliveries of one run share a key: the second would be taken for a repetition of the first."""

from hypothesis import given
from hypothesis import strategies as st

from domain.flight_keys import flight_key, next_key
from domain.outcomes import Attempt, Failure
from domain.tasks import DeliverRequest
from tests.support.builders import NOW, make_event

PARTS = st.text("a/:1@", min_size=1, max_size=6)
DELIVERIES = st.tuples(PARTS, PARTS, st.sampled_from(["a", "b-1"]))


@given(DELIVERIES, DELIVERIES)
def test_another_delivery_has_another_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    keys = {flight_key("run", make_event(source=source, id=id_), name) for source, id_, name in (one, other)}
    assert len(keys) == len({one, other})


def test_a_slash_in_a_source_is_no_slash_in_an_id() -> None:
    keys = {flight_key("run", make_event(source=s, id=i), "a") for s, i in (("/a1", "b/c"), ("/a1/b", "c"))}
    assert len(keys) == 2


def test_the_next_request_is_another_one_once_the_one_before_is_known() -> None:
    request, made = DeliverRequest(event_id="e", subscriber="a", flight="first"), list[Attempt]()
    keys = [next_key(request, "run", made)]
    for number in (1, 2, 3):
        made.append(Attempt(number=number, at=NOW, duration_ms=5, failure=Failure.TIMEOUT))
        keys.append(next_key(request, "run", made))
    assert keys[0] == "first"
    assert len(set(keys)) == 4
    announced = Attempt(number=4, at=NOW, duration_ms=0, failure=Failure.UNKNOWN_OUTCOME)
    assert next_key(request, "run", [*made, announced]) == keys[-1]


def test_the_requests_of_other_deliveries_are_others() -> None:
    requests = [DeliverRequest(event_id="e", subscriber=name) for name in ("a", "b")]
    assert len({next_key(request, run, []) for request in requests for run in ("one", "two")}) == 4
