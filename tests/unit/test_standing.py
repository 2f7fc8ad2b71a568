"""When a subscriber leaves the inline path, and when it returns."""

from collections.abc import Iterable
from itertools import cycle, islice
from random import Random

import pytest

from domain.outcomes import Attempt, Failure
from domain.standing import (
    FAILURES_IN_A_ROW,
    FORGIVEN_AFTER_SECONDS,
    GOOD_TO_RETURN,
    MOST_GOOD_TO_RETURN,
    SAMPLES,
    SLOW_MS,
    Standing,
)
from tests.support.builders import NOW

GOOD = Attempt(at=NOW, duration_ms=5)
SLOW = Attempt(at=NOW, duration_ms=SLOW_MS + 1)
FAILED = Attempt(at=NOW, duration_ms=5, failure=Failure.CONNECTION)


class Watched:
    """A standing and its clock; tells after each request whether the subscriber is on the inline path."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.standing = Standing()

    @property
    def inline(self) -> bool:
        return self.standing.admitted(self.now)

    def saw(self, *attempts: Attempt, each: float = 0.1) -> "Watched":
        self.turns(attempts, each)
        return self

    def turns(self, attempts: Iterable[Attempt], each: float = 0.1) -> int:
        """How often it left or returned over these requests, ``each`` seconds apart."""
        changes = 0
        for attempt in attempts:
            before = self.inline
            self.now += each
            self.standing.saw(attempt, self.now)
            changes += before is not self.inline
        return changes

    def later(self, seconds: float) -> "Watched":
        self.now += seconds
        return self


ENOUGH = [GOOD] * GOOD_TO_RETURN


@pytest.mark.parametrize(
    ("attempts", "inline"),
    [
        ([], True),
        ([GOOD], True),
        ([FAILED] * (FAILURES_IN_A_ROW - 1), True),
        ([FAILED] * FAILURES_IN_A_ROW, False),
        ([FAILED, FAILED, GOOD, FAILED, FAILED], True),
        ([Attempt(at=NOW, duration_ms=SLOW_MS)], True),
        ([SLOW], True),
        ([SLOW, SLOW], False),
        ([*[GOOD] * 15, SLOW], True),
        ([*[GOOD] * 15, SLOW, *[GOOD] * 3, SLOW], False),
        ([*[GOOD] * 15, SLOW, *[GOOD] * SAMPLES, SLOW], True),
        ([*[FAILED] * 3, GOOD], False),
        ([*[FAILED] * 3, *ENOUGH[1:]], False),
        ([*[FAILED] * 3, *ENOUGH], True),
        ([SLOW, SLOW, *ENOUGH], True),
        ([SLOW, SLOW, *ENOUGH[1:], FAILED, *ENOUGH[1:]], False),
        ([SLOW, SLOW, *ENOUGH, SLOW], True),
        ([*[SLOW] * SAMPLES, *ENOUGH], True),
        ([*[SLOW] * SAMPLES, *ENOUGH, SLOW, SLOW], False),
    ],
)
def test_what_was_seen_decides(attempts: list[Attempt], inline: bool) -> None:
    assert Watched().saw(*attempts).inline is inline


@pytest.mark.parametrize("bad", [[FAILED] * FAILURES_IN_A_ROW, [SLOW] * SAMPLES])
def test_five_minutes_without_a_bad_answer_are_a_return(bad: list[Attempt]) -> None:
    watched = Watched().saw(*bad)
    assert not watched.later(FORGIVEN_AFTER_SECONDS - 1).inline
    assert watched.later(1).inline
    assert watched.saw(FAILED, FAILED).inline


def test_a_bad_answer_meanwhile_begins_the_five_minutes_anew() -> None:
    watched = Watched().saw(SLOW, SLOW).later(FORGIVEN_AFTER_SECONDS - 1).saw(SLOW)
    assert not watched.later(FORGIVEN_AFTER_SECONDS - 1).inline


def test_what_was_slow_five_minutes_ago_is_forgotten_on_the_path_too() -> None:
    watched = Watched().saw(*[GOOD] * 10, SLOW).later(FORGIVEN_AFTER_SECONDS).saw(*[GOOD] * 10, SLOW)
    assert watched.inline


def test_each_relapse_asks_for_twice_as_many_good_answers() -> None:
    watched, asked = Watched(), []
    for _ in range(6):
        watched.saw(*[FAILED] * FAILURES_IN_A_ROW)
        needed = 0
        while not watched.inline:
            watched.saw(GOOD)
            needed += 1
        asked.append(needed)
    assert asked == [GOOD_TO_RETURN, 20, 40, 80, MOST_GOOD_TO_RETURN, MOST_GOOD_TO_RETURN]


def test_who_stayed_well_for_five_minutes_is_asked_for_ten_again() -> None:
    watched = Watched().saw(*[FAILED] * 3, *ENOUGH, *[FAILED] * 3, *[GOOD] * 20)
    assert watched.inline
    watched.later(FORGIVEN_AFTER_SECONDS).saw(*[FAILED] * 3, *ENOUGH)
    assert watched.inline


@pytest.mark.parametrize("bad", [FAILED, SLOW])
def test_one_in_five_bad_does_not_turn_it_back_and_forth(bad: Attempt) -> None:
    assert Watched().turns(islice(cycle([GOOD, GOOD, GOOD, GOOD, bad]), 1000)) <= 1


@pytest.mark.parametrize("bad", [FAILED, SLOW])
@pytest.mark.parametrize("seed", range(5))
def test_one_in_five_bad_by_chance_turns_it_seldom(bad: Attempt, seed: int) -> None:
    chance = Random(seed)  # noqa: S311 - a repeatable one is wanted
    answers = [bad if chance.random() < 0.2 else GOOD for _ in range(2000)]
    assert Watched().turns(answers) <= 12


def test_one_in_two_slow_never_returns_under_traffic() -> None:
    watched = Watched().saw(SLOW, SLOW)
    assert watched.turns(islice(cycle([GOOD, SLOW]), 500)) == 0
    assert not watched.inline
