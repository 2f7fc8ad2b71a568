"""Whoever is published after others of its incident lines up behind their workflows."""

import pytest

from domain.events import CloudEvent
from service.precedence import REMEMBERED_SECONDS, Precedence


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 0.001
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def precedence(clock: Clock) -> Precedence:
    return Precedence(clock)


def of(*incidents: str | None) -> list[CloudEvent]:
    return [
        CloudEvent(id="1", source="/t", type="t", extensions={"imincidentid": each} if each else {})
        for each in incidents
    ]


def test_an_event_is_behind_those_of_its_incident_alone(precedence: Precedence) -> None:
    precedence.note(of("INC-1"), "first")
    precedence.note(of("INC-2"), "other")
    precedence.note(of("INC-1", "INC-1"), "second")
    assert precedence.behind(of("INC-1"), "new") == {"INC-1": ["first", "second"]}
    assert precedence.behind(of("INC-2", "INC-1", None), "new") == {"INC-1": ["first", "second"], "INC-2": ["other"]}
    assert precedence.behind(of("INC-3"), "new") == precedence.behind(of(None), "new") == {}


def test_none_is_behind_itself(precedence: Precedence) -> None:
    precedence.note(of("INC-1"), "first")
    precedence.note(of("INC-1"), "second")  # which was terminated, and is started again
    assert precedence.behind(of("INC-1"), "second") == {"INC-1": ["first"]}


def test_the_ten_latest_of_each_are_named(precedence: Precedence) -> None:
    for number in range(12):
        precedence.note(of("INC-1"), f"{number}")
        precedence.note(of("INC-2"), f"other {number}")
    named = precedence.behind(of("INC-1", "INC-2"), "new")
    assert named == {
        "INC-1": [f"{number}" for number in range(2, 12)],
        "INC-2": [f"other {number}" for number in range(2, 12)],
    }


def test_what_is_long_ago_is_forgotten(precedence: Precedence, clock: Clock) -> None:
    for number in range(100):
        precedence.note(of(f"INC-{number}"), "before")
    clock.now += REMEMBERED_SECONDS - 1
    precedence.note(of("INC-1", None), "now")
    assert precedence.behind(of("INC-1"), "new") == {"INC-1": ["before", "now"]}
    clock.now += 1
    precedence.note(of("INC-2"), "then")
    assert precedence.behind(of("INC-1", "INC-3"), "new") == {"INC-1": ["now"]}
    assert len(precedence._latest) == 2
