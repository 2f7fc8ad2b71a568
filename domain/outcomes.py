"""What became of a request, and of a delivery, which is one event to one subscriber in one or more requests."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.retry import RetrySchedule
from domain.statuses import phrase_of

MAX_RESPONSE_BYTES_KEPT = 2048
OWN_FAULT = "the worker's machine cannot make requests"  # how the error of a request begins that was not made for that


class Failure(StrEnum):
    """Why a request failed; also the ApplicationError type that the Web UI shows. The wire name is stable."""

    HTTP_STATUS = "http_status"
    REDIRECT = "redirect"
    TIMEOUT = "timeout"
    CONNECTION = "connection"
    DNS = "dns"
    TLS = "tls_verification"
    INVALID_RESPONSE = "invalid_response"
    BLOCKED_ADDRESS = "blocked_address"
    SEALING_KEY = "sealing_key"
    WORKER_LOST = "worker_lost"
    UNUSABLE_TARGET = "unusable_target"  # this process cannot use the notify URL: no Apprise, or another one
    CLIENT_CERTIFICATE = "client_certificate"  # the receiver refuses the one that the HTTP client shows, or misses one
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - the token endpoint says no, or something that is no token
    TOKEN_UNAVAILABLE = "token_unavailable"  # noqa: S105 - the token endpoint cannot say at the moment
    UNSAYABLE = "unsayable"  # the subscriber's message format cannot say what the event holds
    UNKNOWN_OUTCOME = "unknown_outcome"  # of a request that must not be made twice, and may have been carried out


_RETRIED = frozenset(
    {
        Failure.TIMEOUT,
        Failure.CONNECTION,
        Failure.DNS,
        Failure.WORKER_LOST,
        Failure.SEALING_KEY,
        Failure.UNUSABLE_TARGET,
        Failure.TOKEN_UNAVAILABLE,
    }
)
_RETRIED_STATUSES = frozenset({408, 429})


class Attempt(BaseModel):
    """One request and its answer.

    Attributes:
        number: from 1, within the delivery.
        at: when it began.
        duration_ms: until the status was received, or the failure was certain.
        status: HTTP status, if one was received.
        failure: None for a 2xx.
        error: the failure in words, such as ``HTTP 503 Service Unavailable``.
        retry_after_seconds: what the receiver asked for on a 429 or 503.
        response: the start of the response body, at most 2048 bytes.
    """

    model_config = ConfigDict(frozen=True)

    number: int = 1
    at: datetime
    duration_ms: int
    status: int | None = None
    failure: Failure | None = None
    error: str | None = None
    retry_after_seconds: float | None = None
    response: str | None = None

    @property
    def retryable(self) -> bool:
        """Whether trying again can help: see `is_retryable`."""
        return self.failure is not None and is_retryable(self.failure, self.status)

    @property
    def retry_after(self) -> timedelta | None:
        """The wait the receiver asked for."""
        return None if self.retry_after_seconds is None else timedelta(seconds=self.retry_after_seconds)


def next_number(known: Sequence[Attempt]) -> int:
    """The number of the request that follows these: what no request was made of, for whatever reason, costs none."""
    return known[-1].number + 1 if known else 1


class DeliveryState(StrEnum):
    """Where a delivery stands.

    ``waiting``: its subscriber is paused. ``cancelled``: its subscriber was disabled or removed meanwhile.
    """

    PENDING = "pending"
    WAITING = "waiting"
    RETRYING = "retrying"
    DELIVERED = "delivered"
    FAILED = "failed"
    CANCELLED = "cancelled"


FINAL_STATES = frozenset({DeliveryState.DELIVERED, DeliveryState.FAILED, DeliveryState.CANCELLED})
_WORST_FIRST = (
    *(DeliveryState.RETRYING, DeliveryState.PENDING, DeliveryState.WAITING),
    *(DeliveryState.FAILED, DeliveryState.DELIVERED, DeliveryState.CANCELLED),
)


class Delivery(BaseModel):
    """One event to one subscriber, so far.

    Attributes:
        attempts: every request known, in order; a worker that was killed takes its unreported request with it.
        error: of the last request, or why the delivery ended.
        next_retry_at: when the next request is due.
        recorded: the ledger has the outcome (meaningful for a final state).
    """

    subscriber: str
    state: DeliveryState = DeliveryState.PENDING
    attempts: list[Attempt] = []
    error: str | None = None
    next_retry_at: datetime | None = None
    recorded: bool = False

    @property
    def last(self) -> Attempt | None:
        """The latest request, if any."""
        return self.attempts[-1] if self.attempts else None


class DeliveryRow(BaseModel):
    """A finished delivery in one line, for the result in Temporal's history."""

    subscriber: str
    state: DeliveryState
    attempts: int
    error: str | None = None


def is_retryable(failure: Failure, status: int | None) -> bool:
    """The guide's table: 5xx, 408, 429, timeouts, connection and DNS failures are tried again.

    Other 4xx, redirects (never followed), malformed HTTP, a failed TLS verification and a refused address are
    permanent: the same request would fail the same way. So are a client certificate or a token that is refused, and
    an unknown outcome, where twice is worse than not.
    """
    if failure is Failure.HTTP_STATUS:
        return status is not None and (status >= 500 or status in _RETRIED_STATUSES)
    return failure in _RETRIED


def failure_of_status(status: int) -> Failure | None:
    """The failure that a received status stands for; None for a 2xx."""
    if 200 <= status < 300:
        return None
    if 300 <= status < 400:
        return Failure.REDIRECT
    return Failure.HTTP_STATUS if 400 <= status < 600 else Failure.INVALID_RESPONSE


def status_text(status: int) -> str:
    """``HTTP 503 Service Unavailable``; only the number for a status without a registered phrase."""
    try:
        return f"HTTP {status} {phrase_of(status)}"
    except ValueError:
        return f"HTTP {status}"


def settle(subscriber: str, attempts: list[Attempt], schedule: RetrySchedule) -> Delivery:
    """Where a delivery stands after its latest request: the one place that decides on a retry.

    ``next_retry_at`` is counted from the end of that request.
    """
    last = attempts[-1]
    if last.failure is None:
        return Delivery(subscriber=subscriber, state=DeliveryState.DELIVERED, attempts=attempts)
    wait = schedule.wait(last.number, last.retry_after) if last.retryable else None
    if wait is not None:
        due = last.at + timedelta(milliseconds=last.duration_ms) + wait
        return Delivery(
            subscriber=subscriber,
            state=DeliveryState.RETRYING,
            attempts=attempts,
            error=last.error,
            next_retry_at=due,
        )
    return Delivery(subscriber=subscriber, state=DeliveryState.FAILED, attempts=attempts, error=final_error(last))


def final_error(last: Attempt) -> str:
    """The error of a delivery that failed for good, in the guide's words."""
    if not last.retryable:
        return last.error or "unknown"
    brief = f"HTTP {last.status}" if last.status is not None else last.error
    return f"Max retries exceeded: {brief}"


def outcome_of(states: list[DeliveryState]) -> str:
    """One word for an event: the state of its least fortunate delivery."""
    if not states:
        return "unmatched"
    return next(worst.value for worst in _WORST_FIRST if worst in states)


def waiting(subscriber: str, reason: str, attempts: list[Attempt]) -> Delivery:
    """A delivery that waits for the end of its subscriber's pause, with the requests made so far."""
    error = f"the subscriber is paused: {reason}"
    return Delivery(subscriber=subscriber, state=DeliveryState.WAITING, attempts=attempts, error=error)


def going_on(delivery: Delivery) -> Delivery:
    """A delivery that waited, on its way again."""
    last = delivery.last
    state = DeliveryState.RETRYING if last else DeliveryState.PENDING
    return delivery.model_copy(update={"state": state, "error": last.error if last else None})


def dropped(delivery: Delivery, reason: str) -> Delivery:
    """A delivery that ends without a further request because somebody said so; it counts neither way."""
    return delivery.model_copy(update={"state": DeliveryState.CANCELLED, "error": reason, "recorded": True})
