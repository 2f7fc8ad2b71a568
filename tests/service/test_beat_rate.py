"""Which beats are passed on to Temporal."""

import pytest

from domain.heartbeats import BeatKind
from domain.source_errors import TooManyBeatsError
from service import beat_rate
from service.beat_rate import BeatRate


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def rate(clock: Clock) -> BeatRate:
    return BeatRate(clock)


def passed(rate: BeatRate, kind: BeatKind = BeatKind.SUCCESS) -> bool:
    if rate.says_something("job", kind):
        rate.accepted("job", kind)
        return True
    return False


def test_the_same_again_at_once_is_not_passed_on(rate: BeatRate, clock: Clock) -> None:
    assert [passed(rate) for _ in range(3)] == [True, False, False]
    clock.now += 0.3
    assert passed(rate)


def test_another_kind_is_always_passed_on(rate: BeatRate) -> None:
    kinds = [BeatKind.START, BeatKind.FAIL, BeatKind.SUCCESS, BeatKind.LOG, BeatKind.LOG]
    assert all(passed(rate, kind) for kind in kinds)


def test_one_that_temporal_did_not_take_may_be_sent_again(rate: BeatRate) -> None:
    assert rate.says_something("job", BeatKind.SUCCESS)
    assert rate.says_something("job", BeatKind.SUCCESS)


def test_a_flood_is_refused_and_ends(rate: BeatRate, clock: Clock) -> None:
    for _ in range(beat_rate.AT_ONCE):
        passed(rate, BeatKind.LOG)
    with pytest.raises(TooManyBeatsError):
        passed(rate, BeatKind.LOG)
    assert rate.says_something("another", BeatKind.LOG)
    clock.now += 1
    assert sum(passed(rate, BeatKind.LOG) for _ in range(4)) == 4


def test_what_is_remembered_is_bounded(rate: BeatRate, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beat_rate, "REMEMBERED", 5)
    for number in range(100):
        assert rate.says_something(f"job-{number}", BeatKind.SUCCESS)
    assert len(rate._heard) <= 5
