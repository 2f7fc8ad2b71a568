"""The door of a process that serves: what moves the time since when it has refused nobody."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from domain.errors import InvalidRequestError, TemporalUnavailableError
from domain.source_errors import HeartbeatNotFoundError
from service.doors import Door

START = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
AWAY = TemporalUnavailableError(address="localhost:7233", namespace="default", reason="away")


def ticking() -> Callable[[], datetime]:
    """A clock that goes on by a second with each look."""
    times = iter(START + timedelta(seconds=number) for number in range(100))
    return lambda: next(times)


def test_it_is_clear_since_it_was_opened() -> None:
    door = Door(ticking())
    door.opened()
    assert door.clear_since == START + timedelta(seconds=1)


@pytest.mark.parametrize("fault", [AWAY, RuntimeError("a fault of ours")])
def test_a_beat_that_cannot_be_taken_moves_it(fault: Exception) -> None:
    door = Door(ticking())
    with pytest.raises(type(fault)), door.passing():
        raise fault
    assert door.clear_since == START + timedelta(seconds=1)


@pytest.mark.parametrize("fault", [HeartbeatNotFoundError(name="a"), InvalidRequestError(reason="no beat")])
def test_what_is_no_beat_moves_nothing(fault: Exception) -> None:
    door = Door(ticking())
    with pytest.raises(type(fault)), door.passing():
        raise fault
    with door.passing():
        pass
    assert door.clear_since == START


@pytest.mark.parametrize(("gained", "moved"), [(9, False), (11, True), (3600, True), (-3600, False)])
def test_a_machine_that_slept_or_whose_clock_was_set_forward_heard_no_beat(gained: int, moved: bool) -> None:
    seconds = {"wall": 0.0, "steady": 1000.0}
    door = Door(lambda: START + timedelta(seconds=seconds["wall"]), lambda: seconds["steady"])
    for clock in seconds:
        seconds[clock] += 86400
    assert door.clear_since == START
    seconds["wall"] += gained
    assert door.clear_since == (START + timedelta(seconds=86400 + gained) if moved else START)
    seconds["wall"] += 5
    seconds["steady"] += 5
    assert door.clear_since == (START + timedelta(seconds=86400 + gained) if moved else START)
