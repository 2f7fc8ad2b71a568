"""What an answer means, and what becomes of a delivery: the guide's response and retry tables."""

from datetime import timedelta
from http import HTTPStatus

import pytest

from domain.outcomes import (
    FINAL_STATES,
    Attempt,
    Delivery,
    DeliveryState,
    Failure,
    failure_of_status,
    final_error,
    is_retryable,
    next_number,
    settle,
    status_text,
)
from domain.retry import RetrySchedule, make_schedule
from tests.support.builders import NOW


@pytest.mark.parametrize("status", range(200, 300))
def test_every_2xx_is_a_success(status: int) -> None:
    assert failure_of_status(status) is None


@pytest.mark.parametrize("status", range(300, 400))
def test_every_3xx_is_a_permanent_redirect_failure(status: int) -> None:
    assert failure_of_status(status) is Failure.REDIRECT
    assert not is_retryable(Failure.REDIRECT, status)


@pytest.mark.parametrize("status", range(400, 500))
def test_4xx_is_not_retried_except_408_and_429(status: int) -> None:
    assert failure_of_status(status) is Failure.HTTP_STATUS
    assert is_retryable(Failure.HTTP_STATUS, status) is (status in {408, 429})


@pytest.mark.parametrize("status", range(500, 600))
def test_every_5xx_is_retried(status: int) -> None:
    assert failure_of_status(status) is Failure.HTTP_STATUS
    assert is_retryable(Failure.HTTP_STATUS, status)


@pytest.mark.parametrize("status", [0, 99, 100, 101, 103, 199, 600, 999])
def test_a_status_outside_http_is_an_invalid_response(status: int) -> None:
    assert failure_of_status(status) is Failure.INVALID_RESPONSE


@pytest.mark.parametrize(
    ("failure", "retried"),
    [
        (Failure.TIMEOUT, True),
        (Failure.CONNECTION, True),
        (Failure.DNS, True),
        (Failure.WORKER_LOST, True),
        (Failure.SEALING_KEY, True),
        (Failure.UNUSABLE_TARGET, True),
        (Failure.TOKEN_UNAVAILABLE, True),
        (Failure.TOKEN_REFUSED, False),
        (Failure.CLIENT_CERTIFICATE, False),
        (Failure.INVALID_RESPONSE, False),
        (Failure.REDIRECT, False),
        (Failure.TLS, False),
        (Failure.BLOCKED_ADDRESS, False),
        (Failure.UNKNOWN_OUTCOME, False),
        (Failure.HTTP_STATUS, False),
        (Failure.UNSAYABLE, False),
    ],
)
def test_failures_without_a_status_are_retried_as_in_the_guide(failure: Failure, retried: bool) -> None:
    assert is_retryable(failure, None) is retried


def test_every_failure_is_in_the_table_above() -> None:
    assert len(Failure) == 16


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("HTTP_STATUS", "http_status"),
        ("REDIRECT", "redirect"),
        ("TIMEOUT", "timeout"),
        ("CONNECTION", "connection"),
        ("DNS", "dns"),
        ("TLS", "tls_verification"),
        ("INVALID_RESPONSE", "invalid_response"),
        ("BLOCKED_ADDRESS", "blocked_address"),
        ("SEALING_KEY", "sealing_key"),
        ("WORKER_LOST", "worker_lost"),
    ],
)
def test_wire_names_are_stable(name: str, value: str) -> None:
    assert Failure[name].value == value


@pytest.mark.parametrize(
    ("status", "text"),
    [(503, "HTTP 503 Service Unavailable"), (404, "HTTP 404 Not Found"), (599, "HTTP 599"), (799, "HTTP 799")],
)
def test_a_status_reads_as_in_the_guide(status: int, text: str) -> None:
    assert status_text(status) == text


def _attempt(status: int | None = None, number: int = 1, **parts: object) -> Attempt:
    known: dict[str, object] = {"number": number, "at": NOW, "duration_ms": 250, "status": status}
    if status is not None:
        known |= {"failure": failure_of_status(status), "error": status_text(status)}
    return Attempt.model_validate(known | parts)


def test_a_2xx_settles_as_delivered() -> None:
    delivery = settle("ops", [_attempt(200)], RetrySchedule())
    assert (delivery.state, delivery.error, delivery.next_retry_at) == (DeliveryState.DELIVERED, None, None)


def test_a_late_success_settles_as_delivered_with_its_history() -> None:
    attempts = [_attempt(503), _attempt(200, 2)]
    delivery = settle("ops", attempts, RetrySchedule())
    assert (delivery.state, delivery.attempts, delivery.last) == (DeliveryState.DELIVERED, attempts, attempts[1])


def test_requests_are_numbered_by_those_known_of_whatever_else_was_tried() -> None:
    assert [next_number(known) for known in ([], [_attempt(503)], [_attempt(503), _attempt(503, 4)])] == [1, 2, 5]


@pytest.mark.parametrize(("number", "wait"), [(1, 1), (2, 2), (3, 4), (4, 8)])
def test_a_503_is_retried_after_the_backoff_counted_from_the_end_of_the_request(number: int, wait: int) -> None:
    delivery = settle("ops", [_attempt(503, number)], RetrySchedule())
    assert delivery.state is DeliveryState.RETRYING
    assert delivery.next_retry_at == NOW + timedelta(milliseconds=250, seconds=wait)
    assert delivery.error == "HTTP 503 Service Unavailable"


def test_the_fifth_failure_is_permanent() -> None:
    delivery = settle("ops", [_attempt(503, 5)], RetrySchedule())
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, "Max retries exceeded: HTTP 503")
    assert delivery.next_retry_at is None


def test_with_six_attempts_the_fifth_failure_waits_sixteen_seconds() -> None:
    delivery = settle("ops", [_attempt(503, 5)], make_schedule("default", 6))
    assert delivery.next_retry_at == NOW + timedelta(milliseconds=250, seconds=16)


@pytest.mark.parametrize("status", [400, 404, 410, 302])
def test_a_permanent_failure_ends_at_once_in_its_own_words(status: int) -> None:
    delivery = settle("ops", [_attempt(status)], RetrySchedule())
    assert (delivery.state, delivery.error) == (DeliveryState.FAILED, status_text(status))


def test_retry_after_is_obeyed_when_it_is_later() -> None:
    due = settle("ops", [_attempt(429, retry_after_seconds=30.0)], RetrySchedule()).next_retry_at
    assert due == NOW + timedelta(milliseconds=250, seconds=30)


def test_retry_after_does_not_add_attempts() -> None:
    last = _attempt(429, 5, retry_after_seconds=30.0)
    assert settle("ops", [last], RetrySchedule()).state is DeliveryState.FAILED


def test_exhausted_timeouts_say_what_they_were() -> None:
    last = Attempt(number=5, at=NOW, duration_ms=1, failure=Failure.TIMEOUT, error="timeout: no answer within 10 s")
    assert final_error(last) == "Max retries exceeded: timeout: no answer within 10 s"


def test_cancelled_delivered_and_failed_are_final() -> None:
    assert {DeliveryState.CANCELLED, DeliveryState.DELIVERED, DeliveryState.FAILED} == FINAL_STATES


def test_a_delivery_without_requests_has_no_last_one() -> None:
    assert Delivery(subscriber="ops").last is None


def test_a_success_is_not_retryable() -> None:
    assert not _attempt(HTTPStatus.OK).retryable
    assert _attempt(HTTPStatus.BAD_GATEWAY).retryable
