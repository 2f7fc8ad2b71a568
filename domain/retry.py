"""When a failed delivery is tried again: the backoff table, named schedules, and Retry-After.

The guide's table reads: after failed request n wait 2^(n-1) seconds, at most 16. Five attempts are therefore
requests at 0, 1, 3, 7 and 15 s; the table's last row (16 s) is the wait before a sixth, for those who set
``--max-attempts 6``. See docs/decisions/0003-reading-the-backoff-table.md.
"""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ConfigDict

from domain.likeness import nearest
from domain.naming import given_as
from domain.subscriber_errors import InvalidScheduleError

DEFAULT_ATTEMPTS = 5
MAX_ATTEMPTS = 50
MIN_DELAY = timedelta(seconds=1)  # Temporal rounds shorter retry intervals up to one second
MAX_DELAY = timedelta(days=7)
MAX_DIGITS = 10  # of a wait as a user writes it

BACKOFF_INITIAL = timedelta(seconds=1)
BACKOFF_COEFFICIENT = 2.0
BACKOFF_MAXIMUM = timedelta(seconds=16)

# Standard Webhooks 1.0, "deliverability": 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h. In all 75 h 35 min.
LONG_DELAYS_SECONDS = (5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400)
# For people who are on call: told soon when the service is back at once, and still when it was away for an hour
# (1 h 4 min in all).
PAGER_DELAYS_SECONDS = (1, 2, 4, 8, 15, 30, 60, 120, 300, 600, 900, 1800)
RETRY_AFTER_CAP = timedelta(seconds=300)
RETRY_AFTER_CAP_LONG = timedelta(hours=24)


_NAMED: dict[str, Sequence[int]] = {"default": (), "pager": PAGER_DELAYS_SECONDS, "long": LONG_DELAYS_SECONDS}


class RetrySchedule(BaseModel):
    """How often and when one delivery is tried.

    Attributes:
        name: ``default``, ``pager``, ``long`` or the comma-separated seconds it was made from.
        max_attempts: requests in all, the first included; 1 to 50.
        delays_seconds: waits between requests; the last one repeats. Empty for the backoff table itself.
    """

    model_config = ConfigDict(frozen=True)

    name: str = "default"
    max_attempts: int = DEFAULT_ATTEMPTS
    delays_seconds: tuple[int, ...] = ()

    def delay_after(self, attempt: int) -> timedelta | None:
        """The wait after failed request ``attempt`` (from 1), or None when that was the last one."""
        if attempt >= self.max_attempts:
            return None
        if not self.delays_seconds:
            return min(BACKOFF_INITIAL * BACKOFF_COEFFICIENT ** min(attempt - 1, 10), BACKOFF_MAXIMUM)
        return timedelta(seconds=self.delays_seconds[min(attempt, len(self.delays_seconds)) - 1])

    def wait(self, attempt: int, retry_after: timedelta | None) -> timedelta | None:
        """The wait after failed request ``attempt`` when the receiver asked for ``retry_after``.

        The later of both, with what the receiver asks capped at 300 s (24 h on ``long``).
        """
        scheduled = self.delay_after(attempt)
        if scheduled is None or retry_after is None:
            return scheduled
        return max(scheduled, min(retry_after, self.retry_after_cap))

    @property
    def retry_after_cap(self) -> timedelta:
        """The longest wait a receiver may ask for with Retry-After."""
        return RETRY_AFTER_CAP_LONG if self.name == "long" else RETRY_AFTER_CAP

    def offsets(self) -> list[timedelta]:
        """When each request is due, counted from the first one."""
        due = [timedelta()]
        for attempt in range(1, self.max_attempts):
            due.append(due[-1] + (self.delay_after(attempt) or timedelta()))
        return due


def make_schedule(name: str = "default", max_attempts: int | None = None) -> RetrySchedule:
    """The schedule named ``default``, ``pager`` or ``long``, or made of comma-separated whole seconds.

    Args:
        name: the schedule as a user writes it.
        max_attempts: requests in all; None takes the schedule's own number.

    Raises:
        InvalidScheduleError: for a name that is none of them, or a number out of range.
    """
    name = name.strip().lower()
    known = _NAMED.get(name)
    delays = _parse_delays(name) if known is None else known
    attempts = max_attempts if max_attempts is not None else (len(delays) + 1 if delays else DEFAULT_ATTEMPTS)
    if not 1 <= attempts <= MAX_ATTEMPTS:
        raise InvalidScheduleError(reason=f"{attempts} attempts; the range is 1 to {MAX_ATTEMPTS}")
    return RetrySchedule(name=name, max_attempts=attempts, delays_seconds=tuple(delays))


def check_waits_used(name: str | None, max_attempts: int | None) -> None:
    """Raise `InvalidScheduleError` for waits that are written out, with requests too few to come to all of them.

    Asked of what is given together; None is not given. A named schedule may end early, and so may any later on, by a
    number alone. More requests than a schedule has repeat its last wait.
    """
    if name is None or max_attempts is None or name.strip().lower() in _NAMED:
        return
    whole = make_schedule(name)
    if max_attempts < whole.max_attempts:
        with given_as("max_attempts"):
            raise InvalidScheduleError(
                reason=f"{whole.name} makes {whole.max_attempts} requests, and with {max_attempts} not all of its "
                "waits come to pass: leave some out, or the number"
            )


def _parse_delays(text: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and len(part) < MAX_DIGITS for part in parts):
        reason = f"{text[:80]!r} is not a list of whole seconds"
        raise InvalidScheduleError(reason=reason, close=nearest(text, _NAMED))
    delays = tuple(int(part) for part in parts)
    longest = int(MAX_DELAY.total_seconds())
    if not all(1 <= delay <= longest for delay in delays):
        raise InvalidScheduleError(reason=f"each wait must be 1 to {longest} seconds")
    if len(delays) >= MAX_ATTEMPTS:
        raise InvalidScheduleError(reason=f"more than {MAX_ATTEMPTS - 1} waits")
    return delays


def parse_retry_after(value: str | None, now: datetime) -> timedelta | None:
    """The wait asked for by a Retry-After header (RFC 9110, 10.2.3): seconds or an HTTP date.

    None for a header that is absent, malformed or in the past: it then changes nothing.
    """
    if value is None:
        return None
    value = value.strip()
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value.lstrip("0")[:12] or 0), 10**9))
    try:
        when = parsedate_to_datetime(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return when - now if when > now else None
