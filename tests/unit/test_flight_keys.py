"""No two deliveries of one run share a key: the second would be taken for a repetition of the first."""

from hypothesis import given
from hypothesis import strategies as st

from domain.flight_keys import flight_key
from tests.support.builders import make_event

PARTS = st.text("a/:1@", min_size=1, max_size=6)
DELIVERIES = st.tuples(PARTS, PARTS, st.sampled_from(["a", "b-1"]))


@given(DELIVERIES, DELIVERIES)
def test_another_delivery_has_another_key(one: tuple[str, str, str], other: tuple[str, str, str]) -> None:
    keys = {flight_key("run", make_event(source=source, id=id_), name) for source, id_, name in (one, other)}
    assert len(keys) == len({one, other})


def test_a_slash_in_a_source_is_no_slash_in_an_id() -> None:
    keys = {flight_key("run", make_event(source=s, id=i), "a") for s, i in (("/a1", "b/c"), ("/a1/b", "c"))}
    assert len(keys) == 2
