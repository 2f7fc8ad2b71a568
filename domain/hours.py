"""Deliveries that ended, by the hour: what the sparkline of a subscriber is drawn from."""

from datetime import datetime
from typing import NamedTuple

HOURS_KEPT = 24
_SECONDS = 3600

Hours = dict[int, tuple[int, int]]  # hours since 1970, UTC: delivered and failed


class HourCount(NamedTuple):
    """What ended in one hour."""

    delivered: int
    failed: int


def hour_of(at: datetime) -> int:
    """Whole hours since 1970, UTC."""
    return int(at.timestamp()) // _SECONDS


def added(hours: Hours, more: Hours) -> Hours:
    """Both together, of the latest 24 hours that any of them knows; times come from several machines, in any order."""
    total = dict(hours)
    for hour, (delivered, failed) in more.items():
        known = total.get(hour, (0, 0))
        total[hour] = (known[0] + delivered, known[1] + failed)
    latest = max(total, default=0)
    return {hour: total[hour] for hour in sorted(total) if hour > latest - HOURS_KEPT}


def last_day(hours: Hours, now: datetime) -> list[HourCount]:
    """The latest 24 hours, oldest first; the last one is the hour that goes on."""
    current = hour_of(now)
    return [HourCount(*hours.get(hour, (0, 0))) for hour in range(current - HOURS_KEPT + 1, current + 1)]
