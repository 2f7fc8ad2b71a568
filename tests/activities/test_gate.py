"""Who may be tried within the workflow task."""

import pytest

from activities.gate import FAILURES_IN_A_ROW, MAX_IN_FLIGHT, SAMPLES, SLOW_P95_MS, InlineGate
from domain.outcomes import Attempt, Failure
from tests.support.builders import NOW


def _attempt(*, duration_ms: int = 5, failure: Failure | None = None) -> Attempt:
    return Attempt(at=NOW, duration_ms=duration_ms, failure=failure)


def _saw(gate: InlineGate, *attempts: Attempt | None, name: str = "ops") -> InlineGate:
    for attempt in attempts:
        gate.began(name)
        gate.ended(name, attempt)
    return gate


FAILED = _attempt(failure=Failure.CONNECTION)


def test_an_unknown_subscriber_is_admitted() -> None:
    assert InlineGate().admits("ops")


@pytest.mark.parametrize(
    ("failures", "admitted"), [(1, True), (FAILURES_IN_A_ROW - 1, True), (FAILURES_IN_A_ROW, False)]
)
def test_three_failures_in_a_row_close_the_gate(failures: int, admitted: bool) -> None:
    assert _saw(InlineGate(), *[FAILED] * failures).admits("ops") is admitted


def test_a_success_opens_the_gate_again() -> None:
    gate = _saw(InlineGate(), *[FAILED] * FAILURES_IN_A_ROW)
    assert _saw(gate, _attempt()).admits("ops")


def test_failures_that_are_not_in_a_row_do_not_close_it() -> None:
    assert _saw(InlineGate(), FAILED, FAILED, _attempt(), FAILED, FAILED).admits("ops")


@pytest.mark.parametrize(("duration_ms", "admitted"), [(SLOW_P95_MS, True), (SLOW_P95_MS + 1, False)])
def test_a_slow_subscriber_is_not_admitted(duration_ms: int, admitted: bool) -> None:
    assert _saw(InlineGate(), _attempt(duration_ms=duration_ms)).admits("ops") is admitted


def test_one_slow_answer_of_twenty_does_not_make_it_slow_but_two_do() -> None:
    slow = _attempt(duration_ms=5000)
    assert _saw(InlineGate(), slow, *[_attempt()] * (SAMPLES - 1)).admits("ops")
    assert not _saw(InlineGate(), slow, slow, *[_attempt()] * (SAMPLES - 2)).admits("ops")


def test_old_samples_are_forgotten() -> None:
    gate = _saw(InlineGate(), *[_attempt(duration_ms=5000)] * SAMPLES)
    assert not gate.admits("ops")
    assert _saw(gate, *[_attempt()] * SAMPLES).admits("ops")


def test_requests_in_flight_are_limited_and_counted_down() -> None:
    gate = InlineGate()
    for _ in range(MAX_IN_FLIGHT):
        assert gate.admits("ops")
        gate.began("ops")
    assert not gate.admits("ops")
    gate.ended("ops", _attempt())
    assert gate.admits("ops")


def test_a_request_that_was_cut_off_leaves_no_trace_but_its_place() -> None:
    gate = _saw(InlineGate(), *[FAILED] * (FAILURES_IN_A_ROW - 1), None)
    assert gate.admits("ops")
    assert not _saw(gate, FAILED).admits("ops")


def test_subscribers_are_judged_apart() -> None:
    gate = _saw(InlineGate(), *[FAILED] * FAILURES_IN_A_ROW, name="broken")
    assert (gate.admits("broken"), gate.admits("ops")) == (False, True)
