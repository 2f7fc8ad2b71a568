"""What a delivery leaves behind for people: one log line a request, and the metrics.

The messages and fields are the guide's ("Monitoring Retries"); the component is called ``outbox-worker`` there.
"""

from datetime import timedelta

from prometheus_client import Counter, Gauge, Histogram

from activities.logger import Logger
from domain.health import LedgerEntry, Report
from domain.incidents import rfc3339
from domain.outcomes import Attempt, Delivery, DeliveryState
from domain.pauses import Patience

COMPONENT = "outbox-worker"

ATTEMPTS = Counter("im_delivery_attempts", "Requests made to subscribers, by result.", ["result"])
DELIVERIES = Counter("im_deliveries", "Deliveries that ended, by outcome.", ["outcome"])
DURATION = Histogram(
    "im_delivery_attempt_duration_seconds",
    "Time from the start of a request to its status or failure.",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
)
IN_FLIGHT = Gauge("im_delivery_requests_in_flight", "Requests to subscribers under way.", multiprocess_mode="livesum")
EVENTS = Counter("im_events_resolved", "Events whose subscribers were resolved, by whether any matched.", ["matched"])

_log = Logger(COMPONENT)


def tell(delivery: Delivery, event_id: str) -> None:
    """Log and count the latest request of a delivery, once, by the process that made it."""
    last = delivery.last
    if delivery.state is DeliveryState.CANCELLED or last is None:
        DELIVERIES.labels(delivery.state.value).inc()
        _log.info("Webhook delivery cancelled", subscriber_id=delivery.subscriber, event_id=event_id)
        return
    _count(last, delivery)
    names = {"subscriber_id": delivery.subscriber, "event_id": event_id}
    if delivery.state is DeliveryState.DELIVERED:
        _log.info(
            "Webhook delivered",
            **names,
            attempt=last.number,
            status=last.status,
            duration_ms=last.duration_ms,
        )
    elif delivery.state is DeliveryState.RETRYING and delivery.next_retry_at:
        _log.warning(
            "Webhook delivery failed, scheduling retry",
            **names,
            attempt=last.number,
            next_retry_at=rfc3339(delivery.next_retry_at.replace(microsecond=0)),
            error=last.error,
        )
    else:
        _log.error("Webhook delivery permanently failed", **names, attempts=last.number, error=delivery.error)


def _count(last: Attempt, delivery: Delivery) -> None:
    ATTEMPTS.labels(last.failure.value if last.failure else "delivered").inc()
    DURATION.observe(last.duration_ms / 1000)
    if delivery.state is not DeliveryState.RETRYING:
        DELIVERIES.labels(delivery.state.value).inc()


def ledger_entry(delivery: Delivery, patience: Patience | None = None) -> LedgerEntry | None:
    """What the ledger is told of a delivery's latest request; None for what counts neither way."""
    last = delivery.last
    reports = {
        DeliveryState.DELIVERED: Report.DELIVERED,
        DeliveryState.FAILED: Report.FAILED,
        DeliveryState.RETRYING: Report.RETRYING,
    }
    if last is None or delivery.state not in reports:
        return None
    return LedgerEntry(
        subscriber=delivery.subscriber,
        report=reports[delivery.state],
        at=last.at + timedelta(milliseconds=last.duration_ms),
        duration_ms=last.duration_ms,
        error=last.error,
        patience=patience if last.error else None,
    )
