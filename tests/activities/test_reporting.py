"""When Temporal is asked to retry, whatever this host's clock does between a request and its report."""

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities.reporting import UNMADE_WAIT, details, failure_of, repeated, until_due
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure, settle
from domain.retry import MIN_DELAY, make_schedule
from domain.tasks import UNMADE, DeliverRequest

SCHEDULE = make_schedule("5,60,600", None)


@pytest.mark.parametrize(
    ("clock_was_set", "shortest", "longest"),
    [
        (timedelta(), timedelta(seconds=2), timedelta(seconds=5)),
        (timedelta(hours=-1), timedelta(seconds=5), timedelta(seconds=5)),
        (timedelta(hours=1), MIN_DELAY, MIN_DELAY),
    ],
)
def test_a_retry_is_never_later_than_the_schedule_has_it(
    clock_was_set: timedelta, shortest: timedelta, longest: timedelta
) -> None:
    made_at = datetime.now(UTC) - clock_was_set
    attempt = Attempt(number=1, at=made_at, duration_ms=5, failure=Failure.CONNECTION, error="connection refused")
    delay = failure_of(settle("ops", [attempt], SCHEDULE)).next_retry_delay
    assert delay is not None
    assert shortest <= delay <= longest


def attempted(
    attempt: int, *beaten: object, early: timedelta = timedelta(), after: timedelta = timedelta()
) -> ActivityEnvironment:
    """An attempt, which Temporal hands out so long before its time, ``after`` its activity was scheduled."""
    environment, now = ActivityEnvironment(), datetime.now(UTC)
    environment.info = dataclasses.replace(
        environment.info,
        attempt=attempt,
        heartbeat_details=beaten,
        heartbeat_timeout=timedelta(seconds=6),
        scheduled_time=now + early - after,
        current_attempt_scheduled_time=now + early,
        started_time=now,
    )
    return environment


class Waiting:
    """An activity that repeats the failure of the first request, so that Temporal waits 5 s and then a minute."""

    def __init__(self, made: int) -> None:
        refused = {"failure": Failure.CONNECTION, "error": "connection refused", "duration_ms": 5}
        self.known = [Attempt(number=number, at=datetime.now(UTC), **refused) for number in range(1, made + 1)]
        self.beaten: list[object] = []
        self.unmade: str | None = None

    def on_attempt(
        self, attempt: int, *beaten: object, early: timedelta = timedelta(), after: timedelta = timedelta()
    ) -> ApplicationError | None:
        environment = attempted(attempt, *beaten, early=early, after=after)
        environment.on_heartbeat = lambda *told: self.beaten.extend(told)
        request = DeliverRequest(
            event_id="e", subscriber="ops", schedule=SCHEDULE, prior=self.known, unmade=self.unmade
        )

        async def ask() -> ApplicationError | None:
            return repeated(request, self.known)

        return asyncio.run(environment.run(ask))


def test_a_worker_that_is_lost_at_the_begin_of_a_long_wait_does_not_make_the_request_early() -> None:
    waiting = Waiting(made=2)
    begun = waiting.on_attempt(1)
    assert begun
    assert begun.next_retry_delay
    assert begun.next_retry_delay > timedelta(seconds=58)
    assert waiting.beaten == details(waiting.known)
    assert waiting.on_attempt(2, *waiting.beaten) is None  # the wait was kept
    lost = waiting.on_attempt(2)
    assert lost
    assert lost.non_retryable
    standing = Delivery.model_validate(lost.details[0])
    assert (standing.state, standing.attempts) == (DeliveryState.RETRYING, waiting.known)


def test_the_begin_of_a_short_wait_costs_no_heartbeat() -> None:
    waiting = Waiting(made=1)
    assert waiting.on_attempt(1)
    assert waiting.beaten == []
    assert waiting.on_attempt(2) is None


def test_a_temporal_that_was_restarted_does_not_have_a_request_made_early() -> None:
    waiting = Waiting(made=1)
    told_before_it_is_due = waiting.on_attempt(2, *details(waiting.known), early=timedelta(seconds=3))
    assert told_before_it_is_due
    assert told_before_it_is_due.non_retryable
    assert Delivery.model_validate(told_before_it_is_due.details[0]).attempts == waiting.known
    assert waiting.on_attempt(2, *details(waiting.known), early=timedelta(seconds=0.1)) is None


@pytest.mark.parametrize(("attempt", "early", "waited"), [(2, 0.2, 0.2), (2, 3600, 1), (2, -5, 0), (1, 0.2, 0)])
def test_what_is_handed_out_less_than_a_second_early_waits_for_its_time(
    attempt: int, early: float, waited: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    environment, slept = attempted(attempt, early=timedelta(seconds=early)), [0.0]

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr("activities.reporting.asyncio.sleep", sleep)
    asyncio.run(environment.run(until_due, DeliverRequest(event_id="evt", subscriber="ops", schedule=SCHEDULE), []))
    assert sum(slept) == pytest.approx(waited)


def test_an_activity_that_an_operator_resets_makes_its_next_request_at_once() -> None:
    waiting = Waiting(made=3)
    told = details(waiting.known)
    assert waiting.on_attempt(1, *told) is None


@pytest.mark.parametrize("made", [0, 2])
def test_what_could_not_be_made_is_said_again_and_waited_for(made: int) -> None:
    waiting = Waiting(made)
    waiting.unmade = "too many open files"
    begun = waiting.on_attempt(1)
    assert begun
    assert (begun.message, begun.type, begun.next_retry_delay) == (waiting.unmade, UNMADE, UNMADE_WAIT)
    assert Delivery.model_validate(begun.details[0]).attempts == waiting.known
    assert not begun.non_retryable
    assert waiting.on_attempt(2, *waiting.beaten) is None  # and nothing takes that wait for a lost one


@pytest.mark.parametrize("after", [timedelta(seconds=4), timedelta(milliseconds=300)])
@pytest.mark.parametrize("made", [0, 2])
def test_an_operator_ends_the_wait_for_this_machine(made: int, after: timedelta) -> None:
    waiting = Waiting(made)
    waiting.unmade = "too many open files"
    assert waiting.on_attempt(1, after=after) is None
