"""Limits of subscribers: how they are written, and what they are in numbers."""

import pytest

from domain.limits import Limits, check_concurrency, check_rate
from domain.subscriber_changes import SubscriberChange, apply_change
from domain.subscriber_errors import InvalidLimitError
from domain.subscribers import Subscriber
from tests.support.builders import NOW, make_subscriber


@pytest.mark.parametrize(
    ("written", "stored", "per_second"),
    [
        ("10", "10/s", 10),
        ("10/s", "10/s", 10),
        (" 10 / S ", "10/s", 10),
        ("0.5", "0.5/s", 0.5),
        ("0.1", "0.1/s", 0.1),
        ("6/m", "6/m", 0.1),
        ("90/m", "90/m", 1.5),
        ("1000/s", "1000/s", 1000),
        ("60000/m", "60000/m", 1000),
        ("2.50/s", "2.5/s", 2.5),
        ("360/h", "360/h", 0.1),
        ("3600000/h", "3600000/h", 1000),
    ],
)
def test_a_rate_is_stored_as_it_is_meant(written: str, stored: str, per_second: float) -> None:
    assert check_rate(written) == stored
    assert check_rate(stored) == stored
    limits = Limits(rate_limit=stored)
    assert limits.per_second == pytest.approx(per_second)
    assert limits.interval == pytest.approx(1 / per_second)


@pytest.mark.parametrize(
    "written",
    ["", "fast", "-1", "0", "0/s", "0.09", "5/m", "1001", "60001/m", "359/h", "10/d", "10/", "/s", "1e2", "nan", "٣"],
)
def test_what_is_no_rate_in_range_is_refused_with_an_example(written: str) -> None:
    with pytest.raises(InvalidLimitError) as refused:
        check_rate(written)
    assert "10/s" in refused.value.advice


@pytest.mark.parametrize("number", [0, -1, 1001])
def test_requests_at_once_are_1_to_1000(number: int) -> None:
    with pytest.raises(InvalidLimitError):
        check_concurrency(number)
    assert (check_concurrency(1), check_concurrency(1000)) == (1, 1000)


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (Limits(), ""),
        (Limits(rate_limit="10/s"), "10/s"),
        (Limits(max_concurrency=4), "4 at once"),
        (Limits(4, "100/m"), "100/m, 4 at once"),
    ],
)
def test_limits_in_words(limits: Limits, said: str) -> None:
    assert str(limits) == said
    assert make_subscriber(**limits._asdict()).limited is bool(said)


@pytest.mark.parametrize(
    ("change", "left"),
    [
        ({}, Limits(4, "10/s")),
        ({"rate_limit": "5/s"}, Limits(4, "5/s")),
        ({"rate_limit": ""}, Limits(4, None)),
        ({"max_concurrency": 0}, Limits(None, "10/s")),
        ({"max_concurrency": 0, "rate_limit": ""}, Limits()),
    ],
)
def test_each_limit_is_changed_and_taken_away_by_itself(change: dict[str, object], left: Limits) -> None:
    limited: Subscriber = make_subscriber(max_concurrency=4, rate_limit="10/s")
    changed = apply_change(limited, SubscriberChange.model_validate({"name": limited.name} | change), NOW)
    assert changed.limits == left
