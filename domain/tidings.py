"""The operational events as they are sent. Their ids follow from what happened: told again, each is a repeat."""

import hashlib
import shlex
from datetime import datetime
from typing import Any

from domain import event_types
from domain.events import CloudEvent
from domain.health import Counters, HealthStatus, success_rate
from domain.incidents import rfc3339
from domain.operational import subject
from domain.outcomes import Delivery
from domain.subscribers import Subscriber


def unhealthy(name: str, counters: Counters, now: datetime) -> CloudEvent:
    """A subscriber became unhealthy."""
    data = {
        **_counted(counters, HealthStatus.UNHEALTHY),
        "consecutive_failures": counters.streak,
        "failing_since": _told(counters.streak_since),
        "last_success": _told(counters.last_success_at),
        "last_error": counters.last_error,
    }
    return _event(event_types.SUBSCRIBER_UNHEALTHY, name, now, data)


def recovered(name: str, counters: Counters, since: datetime, now: datetime) -> CloudEvent:
    """A subscriber that was told to be unhealthy at ``since`` is healthy."""
    data = {**_counted(counters, HealthStatus.HEALTHY), "unhealthy_since": rfc3339(since)}
    return _event(event_types.SUBSCRIBER_RECOVERED, name, now, data)


def of_change(before: Subscriber | None, after: Subscriber, now: datetime) -> list[CloudEvent]:
    """What is to be told of a subscriber that was stored: that it was paused, or resumed."""
    if before is None or (before.paused is None) == (after.paused is None) or not after.enabled:
        return []
    pause = after.paused or before.paused
    event_type = event_types.SUBSCRIBER_PAUSED if after.paused else event_types.SUBSCRIBER_RESUMED
    data = {"paused_at": rfc3339(pause.at), "reason": pause.reason} if pause else {}
    return [_event(event_type, after.name, now, data)]


def secret_rotated(subscriber: Subscriber, now: datetime) -> CloudEvent:
    """A subscriber has a new secret; no secret is in the event."""
    ends = [each.expires_at for each in subscriber.secrets if each.expires_at]
    data = {"previous_valid_until": _told(max(ends, default=None))}
    return _event(event_types.SUBSCRIBER_SECRET_ROTATED, subscriber.name, now, data)


def exhausted(event: CloudEvent, delivery: Delivery, run_id: str, now: datetime) -> CloudEvent:
    """A delivery failed for good, in that run of its workflow."""
    name, last = delivery.subscriber, delivery.last
    identity = f"{event.source}\n{event.id}\n{name}\n{run_id}"
    data = {
        "event_id": event.id,
        "event_source": event.source,
        "event_type": event.type,
        "attempts": len(delivery.attempts),
        "last_status": last.status if last else None,
        "last_error": last.error if last else delivery.error,
        "resend": f"im event resend {shlex.quote(event.id)} --subscriber {name}",
    }
    told = _event(event_types.DELIVERY_EXHAUSTED, name, now, data)
    return told.model_copy(update={"id": f"exhausted-{hashlib.sha256(identity.encode()).hexdigest()[:32]}"})


def _event(event_type: str, name: str, at: datetime, data: dict[str, Any]) -> CloudEvent:
    what = event_type.split(".")[2]
    return CloudEvent(
        id=f"subscriber-{name}-{what}-{at.strftime('%Y%m%dT%H%M%S.%fZ')}",
        source=f"/subscribers/{name}",
        type=event_type,
        subject=subject(name),
        time=rfc3339(at),
        datacontenttype="application/json",
        data={"subscriber": name} | {member: value for member, value in data.items() if value is not None},
    )


def _counted(counters: Counters, status: HealthStatus) -> dict[str, Any]:
    rate = success_rate(counters)
    return {
        "status": status.value,
        "success_rate": None if rate is None else round(rate, 1),
        "delivered": counters.delivered,
        "failed": counters.failed,
    }


def _told(at: datetime | None) -> str | None:
    return None if at is None else rfc3339(at)
