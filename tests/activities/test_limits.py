"""Turns of a limited subscriber, and that its queue is looked after."""

import asyncio
import itertools

import pytest

from activities.limits import LimitedDeliveries, Pace
from tests.support.builders import make_subscriber


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, instead of sleeping."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waits


async def test_requests_that_come_together_are_spaced(slept: list[float]) -> None:
    pace = Pace(clock=lambda: 100.0)
    for _ in range(4):
        await pace.turn(0.5)
    assert slept == [0.5, 1.0, 1.5, 2.0]


async def test_the_first_request_of_a_process_comes_an_interval_after_it_took_over(slept: list[float]) -> None:
    times = itertools.chain([100.0, 107.0], itertools.repeat(130.0))
    pace = Pace(clock=lambda: next(times))
    await pace.turn(10)
    await pace.turn(10)
    assert slept == [3.0, 0.0]


async def test_time_that_passed_unused_is_not_made_up_for(slept: list[float]) -> None:
    times = itertools.chain([0.0], itertools.repeat(1000.0))
    pace = Pace(clock=lambda: next(times))
    for _ in range(3):
        await pace.turn(1)
    assert slept == [0.0, 1.0, 2.0]


async def test_a_changed_rate_counts_from_the_next_turn(slept: list[float]) -> None:
    pace = Pace(clock=lambda: 0.0)
    await pace.turn(10)
    await pace.turn(0.1)
    assert slept == [10.0, 10.1]


async def test_whoever_is_limited_has_somebody_look_after_the_queue_and_nobody_else() -> None:
    ensured: list[str] = []

    async def ensure(subscriber: str) -> None:
        ensured.append(subscriber)

    limited = LimitedDeliveries(lambda name: f"queue-{name}", ensure)
    assert await limited.words(make_subscriber(name="free")) is None
    assert await limited.words(make_subscriber(name="tied", rate_limit="10/s", max_concurrency=2)) == "10/s, 2 at once"
    assert ensured == ["tied"]
