"""Health of a subscriber: counters that the ledger keeps, and the view made from them."""

import math
from collections.abc import Iterable
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.drains import DrainProgress
from domain.hours import Hours, added, hour_of
from domain.http_clients import HttpClient
from domain.pauses import Patience, Pause

HEALTHY_RATE = 50.0  # per cent; the guide's "Health Status Criteria"
STREAK_REQUESTS = 5
STREAK_DURATION = timedelta(minutes=5)
DURATIONS_KEPT = 50


class HealthStatus(StrEnum):
    """``unknown`` until the first delivery has ended; ``disabled`` however it went before that.

    ``failing`` is in between: no delivery has ended yet, and the latest request failed.
    """

    HEALTHY = "healthy"
    UNHEALTHY = "unhealthy"
    FAILING = "failing"
    UNKNOWN = "unknown"
    DISABLED = "disabled"


class Report(StrEnum):
    """What one request told about its subscriber."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    FAILED = "failed"


class LedgerEntry(BaseModel):
    """One request that ended: it delivered, will be retried, or failed for good."""

    model_config = ConfigDict(frozen=True)

    subscriber: str
    report: Report
    at: datetime
    duration_ms: int | None = None
    error: str | None = None
    patience: Patience | None = None


class Counters(BaseModel):
    """What the ledger keeps of one subscriber.

    Attributes:
        delivered: deliveries that ended with a 2xx.
        failed: deliveries that failed for good.
        last_final_at: end of the last delivery, whichever way it went.
        streak: requests that failed since the last success.
        streak_since: when the first of them failed.
        durations_ms: of the latest 50 requests.
        hours: deliveries that ended in the latest 24 hours.
    """

    delivered: int = 0
    failed: int = 0
    last_final_at: datetime | None = None
    last_success_at: datetime | None = None
    streak: int = 0
    streak_since: datetime | None = None
    last_error: str | None = None
    durations_ms: list[int] = []
    hours: Hours = {}

    def apply(self, entry: LedgerEntry) -> None:
        """Count one entry."""
        if entry.duration_ms is not None:
            self.durations_ms = [*self.durations_ms, entry.duration_ms][-DURATIONS_KEPT:]
        if entry.report is not Report.RETRYING:
            self.last_final_at = _later(self.last_final_at, entry.at)
            ended = (1, 0) if entry.report is Report.DELIVERED else (0, 1)
            self.hours = added(self.hours, {hour_of(entry.at): ended})
        if entry.report is Report.DELIVERED:
            self.delivered += 1
            self.last_success_at = _later(self.last_success_at, entry.at)
            self.streak, self.streak_since = 0, None
            return
        self.failed += entry.report is Report.FAILED
        self.streak += 1
        self.streak_since = self.streak_since or entry.at
        self.last_error = entry.error

    def add(self, later: "Counters") -> None:
        """Count what came after, which was counted from nothing."""
        self.durations_ms = [*self.durations_ms, *later.durations_ms][-DURATIONS_KEPT:]
        self.delivered += later.delivered
        self.failed += later.failed
        self.hours = added(self.hours, later.hours)
        if later.last_final_at:
            self.last_final_at = _later(self.last_final_at, later.last_final_at)
        if later.last_success_at:
            self.last_success_at = _later(self.last_success_at, later.last_success_at)
            self.streak, self.streak_since = 0, None
        self.streak += later.streak
        self.streak_since = self.streak_since or later.streak_since
        self.last_error = later.last_error or self.last_error


class LedgerBatch(BaseModel):
    """A group commit of one process.

    Attributes:
        entries: requests one by one, as they were told before there were sums; still counted.
        sums: by subscriber, what the requests of the commit come to. However many they were, the ledger has one thing
            to do for each subscriber: told one by one, 200,000 that waited for a worker were more than it could count
            within a workflow task, so that it never counted again.
        patience: of the subscribers that are to be paused after a time of failure, as of the latest request.
    """

    entries: list[LedgerEntry] = []
    sums: dict[str, Counters] = {}
    patience: dict[str, Patience] = {}


def summed(entries: Iterable[LedgerEntry]) -> LedgerBatch:
    """Requests, in order, as a group commit."""
    batch = LedgerBatch()
    for entry in entries:
        batch.sums.setdefault(entry.subscriber, Counters()).apply(entry)
        if entry.patience:
            batch.patience[entry.subscriber] = entry.patience
    return batch


class Health(BaseModel):
    """One row of ``im subscriber health``, and the ``health`` member of the API.

    Attributes:
        success_rate: per cent to one decimal; None before the first delivery has ended.
        last_delivered: end of the last delivery, whichever way it went (the guide's name for it); ``last_success`` is
            that of the last one that was delivered.
        retrying: deliveries waiting for a retry now; None where they could not be counted, as ``waiting`` may be.
        in_line: deliveries of an ordered subscriber that wait for their turn behind earlier events of the same incident
            or alarm, likewise; 0 of any other.
        ordered: told of an incident's (or an alarm's) events one after the other.
        paused: its events wait, since when and why.
        waiting: deliveries that wait for the end of the pause, or to be sent after it, up to a second ago.
        oldest_waiting: when the event of the oldest of them was emitted.
        drain: how far the sending of what waited is, while that goes on.
        not_counted: why one of ``retrying``, ``in_line``, ``waiting``, ``oldest_waiting``, ``drain`` is not known.
        consecutive_failures: requests that failed since the last success; none of a disabled one, which is sent none.
        failing_since: when the first of them failed.
        p50_ms: median time of the latest 50 requests; ``p95_ms`` likewise.
        certificate_expires_at: the client certificate that it is shown, of its HTTP client.
        warnings: that this certificate expires within 30 days, or has expired.
    """

    subscriber: str
    delivered: int = 0
    failed: int = 0
    success_rate: float | None = None
    status: HealthStatus = HealthStatus.UNKNOWN
    last_delivered: datetime | None = None
    last_success: datetime | None = None
    retrying: int | None = 0
    in_line: int | None = 0
    ordered: bool = False
    paused: Pause | None = None
    waiting: int | None = 0
    oldest_waiting: datetime | None = None
    drain: DrainProgress | None = None
    not_counted: str | None = None
    consecutive_failures: int = 0
    failing_since: datetime | None = None
    last_error: str | None = None
    p50_ms: int | None = None
    p95_ms: int | None = None
    certificate_expires_at: datetime | None = None
    warnings: list[str] = []


def _later(one: datetime | None, other: datetime) -> datetime:
    return other if one is None or other > one else one


def percentile(values: list[int], share: float) -> int | None:
    """The nearest-rank percentile; ``share`` from 0 to 1. None for no values."""
    if not values:
        return None
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]


def health_status(counters: Counters, now: datetime) -> HealthStatus:
    """Healthy at a success rate of 50 % or more of the deliveries that ended; failing when none has, and requests fail.

    Nobody is healthy who has only failed for a while: five or more requests over five or more minutes without a
    success make a subscriber unhealthy before its deliveries are given up, so that a dead receiver on a long
    schedule does not read healthy all day.
    """
    if counters.streak >= STREAK_REQUESTS and counters.streak_since and now - counters.streak_since >= STREAK_DURATION:
        return HealthStatus.UNHEALTHY
    rate = success_rate(counters)
    if rate is None:
        return HealthStatus.FAILING if counters.streak else HealthStatus.UNKNOWN
    return HealthStatus.HEALTHY if rate >= HEALTHY_RATE else HealthStatus.UNHEALTHY


def success_rate(counters: Counters) -> float | None:
    """Delivered of all ended deliveries, in per cent, unrounded; None when none has ended."""
    total = counters.delivered + counters.failed
    return 100.0 * counters.delivered / total if total else None


def view(subscriber: str, counters: Counters, retrying: int | None, now: datetime) -> Health:
    """The row that people and programs read; ``retrying`` is None while that is not counted."""
    rate = success_rate(counters)
    return Health(
        subscriber=subscriber,
        delivered=counters.delivered,
        failed=counters.failed,
        success_rate=None if rate is None else round(rate, 1),
        status=health_status(counters, now),
        last_delivered=counters.last_final_at,
        last_success=counters.last_success_at,
        retrying=retrying,
        consecutive_failures=counters.streak,
        failing_since=counters.streak_since,
        last_error=counters.last_error,
        p50_ms=percentile(counters.durations_ms, 0.50),
        p95_ms=percentile(counters.durations_ms, 0.95),
    )


def with_settings(row: Health, *, enabled: bool, paused: Pause | None, ordered: bool = False) -> Health:
    """The same row, with what the subscriber's settings say: nobody is well or unwell who is sent nothing."""
    said: dict[str, object] = {"paused": paused, "ordered": ordered}
    if not enabled:
        said |= {"status": HealthStatus.DISABLED, "consecutive_failures": 0, "failing_since": None}
    return row.model_copy(update=said)


def with_certificate(row: Health, client: HttpClient | None, now: datetime) -> Health:
    """The same row, with what is to be known of the certificate of the subscriber's HTTP client."""
    if client is None or client.certificate is None:
        return row
    expires_at = client.certificate.facts.not_after
    return row.model_copy(update={"certificate_expires_at": expires_at, "warnings": client.warnings(now)})
