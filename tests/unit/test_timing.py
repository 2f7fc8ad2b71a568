"""Durations as people write and read them."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidRequestError
from domain.timing import about, ago, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("15m", 900), ("24h", 86400), ("5d", 432000), (" 1H ", 3600), ("0", 0), ("0d", 0)],
)
def test_durations_are_read_in_every_unit(text: str, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "s", "1w", "1.5h", "-1s", "1h30m", "1 h", "1000000000", "soon", "1hh"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError, match="write 90s, 15m, 24h or 5d, or 90 for seconds"):
        parse_duration(text)


@given(st.integers(0, 999_999_999), st.sampled_from("smhd"))
def test_every_accepted_duration_can_be_represented(number: int, unit: str) -> None:
    assert parse_duration(f"{number}{unit}") >= timedelta()


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        # the guide's LAST_DELIVERED column
        (30, "30s ago"), (120, "2m ago"), (300, "5m ago"), (3600, "1h ago"),
        (0, "0s ago"), (59.9, "59s ago"), (60, "1m ago"), (3599, "59m ago"), (86399, "23h ago"), (86400, "1d ago"),
        (3 * 86400 + 5, "3d ago"), (-5, "0s ago"),
    ],
)  # fmt: skip
def test_elapsed_time_is_one_unit_rounded_down(seconds: float, text: str) -> None:
    assert ago(timedelta(seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0 s"), (0.4, "0 s"), (4, "4 s"), (119, "119 s"), (120, "2 min"), (598, "10 min"), (7199, "120 min"),
        (7200, "2 h"), (86400, "24 h"), (2 * 86400, "2 days"),
    ],
)  # fmt: skip
def test_a_time_to_come_is_rounded_to_a_unit_that_people_count_in(seconds: float, text: str) -> None:
    assert about(seconds) == text
