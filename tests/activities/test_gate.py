"""Who may be tried within the workflow task."""

import asyncio

from activities.gate import MAX_BEGUN, MAX_OVERDUE, OVERDUE_SECONDS, InlineGate
from domain.outcomes import Attempt, Failure
from domain.standing import FAILURES_IN_A_ROW, FORGIVEN_AFTER_SECONDS, GOOD_TO_RETURN
from tests.support.builders import NOW


def _attempt(*, duration_ms: int = 5, failure: Failure | None = None) -> Attempt:
    return Attempt(at=NOW, duration_ms=duration_ms, failure=failure)


def _saw(gate: InlineGate, *attempts: Attempt | None, name: str = "ops") -> InlineGate:
    for attempt in attempts:
        gate.ended(gate.began(name), attempt)
    return gate


FAILED = _attempt(failure=Failure.CONNECTION)


def test_an_unknown_subscriber_is_admitted() -> None:
    assert InlineGate().admits("ops")


def test_a_subscriber_in_trouble_leaves_and_returns_by_what_is_seen_of_it() -> None:
    gate = _saw(InlineGate(), *[FAILED] * FAILURES_IN_A_ROW)
    assert not gate.admits("ops")
    assert not _saw(gate, *[_attempt()] * (GOOD_TO_RETURN - 1)).admits("ops")
    assert _saw(gate, _attempt()).admits("ops")


def test_a_subscriber_that_is_told_of_nothing_returns_with_time() -> None:
    now = [0.0]
    gate = _saw(InlineGate(clock=lambda: now[0]), *[_attempt(duration_ms=5000)] * 2)
    assert not gate.admits("ops")
    now[0] = FORGIVEN_AFTER_SECONDS
    assert gate.admits("ops")


def test_requests_that_are_long_in_flight_close_the_gate_until_some_have_ended() -> None:
    now = [0.0]
    gate = InlineGate(clock=lambda: now[0])
    first, *_ = [gate.began("ops") for _ in range(MAX_OVERDUE)]
    assert gate.admits("ops")
    now[0] = OVERDUE_SECONDS
    assert not gate.admits("ops")
    gate.ended(first, _attempt())
    assert gate.admits("ops")


def test_a_batch_of_hundreds_in_flight_closes_no_gate() -> None:
    gate = InlineGate(clock=lambda: 0.0)
    for _ in range(500):
        gate.began("ops")
    assert gate.admits("ops")


def test_a_request_that_was_cut_off_leaves_no_trace_but_its_place() -> None:
    gate = _saw(InlineGate(), *[FAILED] * (FAILURES_IN_A_ROW - 1), None)
    assert gate.admits("ops")
    assert not _saw(gate, FAILED).admits("ops")


def test_subscribers_are_judged_apart() -> None:
    gate = _saw(InlineGate(), *[FAILED] * FAILURES_IN_A_ROW, name="broken")
    assert (gate.admits("broken"), gate.admits("ops")) == (False, True)


async def test_a_slow_subscribers_requests_may_begin_in_a_crowd_and_a_failing_ones_may_not() -> None:
    slow = _saw(InlineGate(), *[_attempt(duration_ms=5000)] * 2)
    failing = _saw(InlineGate(), *[FAILED] * FAILURES_IN_A_ROW)
    assert (slow.admits("ops"), slow.may_begin("ops")) == (False, True)
    assert (failing.admits("ops"), failing.may_begin("ops")) == (False, False)


async def test_crowds_have_so_many_requests_of_one_subscriber_in_flight_and_no_more() -> None:
    gate, loop = InlineGate(), asyncio.get_running_loop()
    flights = [gate.began("ops") for _ in range(MAX_BEGUN)]
    assert not await gate.room("ops", loop.time() + 0.05)
    assert await gate.room("other", loop.time())
    loop.call_later(0.05, gate.ended, flights[0], _attempt())
    assert await gate.room("ops", loop.time() + 10)
