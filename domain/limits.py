"""How much a subscriber may be asked at once, and how often: over all processes of a deployment together."""

from datetime import datetime
from typing import NamedTuple

from pydantic import BaseModel

from domain.rates import UNITS, read_rate
from domain.subscriber_errors import InvalidLimitError

LIMITED = "limited"  # the type of the failure by which a worker says that a delivery goes by another queue
MAX_CONCURRENCY = 1000
# A request waits for its turn in hand of a worker for one interval at most: 10 s, as long as a request may take.
MIN_PER_SECOND = 0.1
MAX_PER_SECOND = 1000.0


class Limits(NamedTuple):
    """The limits of a subscriber.

    Attributes:
        max_concurrency: requests under way at once, 1 to 1000; None for no limit.
        rate_limit: requests in a time, such as ``10/s`` or ``100/m``; None for no limit.
    """

    max_concurrency: int | None = None
    rate_limit: str | None = None

    @property
    def per_second(self) -> float | None:
        """The rate in requests a second; None for no limit."""
        return None if self.rate_limit is None else _per_second(self.rate_limit)

    @property
    def interval(self) -> float:
        """Seconds from the start of one request to the start of the next, at least; 0 for no limit."""
        return 0.0 if self.rate_limit is None else 1 / _per_second(self.rate_limit)

    def __str__(self) -> str:
        at_once = f"{self.max_concurrency} at once" if self.max_concurrency is not None else None
        return ", ".join(said for said in (self.rate_limit, at_once) if said)


class LimiterState(BaseModel):
    """Whose queue a limiter has served, and since when it knows of no such subscriber."""

    subscriber: str
    gone_since: datetime | None = None


class Served(BaseModel):
    """How a process left the queue of a subscriber; ``known`` is False when there is no such subscriber any more."""

    known: bool = True


def waits_for_turn(limits: str) -> str:
    """What is said of a delivery that waits for nothing but its turn."""
    return f"waits for its turn: the subscriber is limited to {limits}"


def check_rate(text: str) -> str:
    """A rate as it is stored and shown, such as ``10/s``: from ``10``, ``10/s``, ``0.5/s``, ``100/m`` or ``3600/h``.

    Raises:
        InvalidLimitError: it is not a rate, or not 0.1 to 1000 a second.
    """
    found = read_rate(text)
    if found is None:
        raise InvalidLimitError(reason=f"{text[:40]!r} is not a rate")
    rate = f"{found[0]:.10g}/{found[1]}"
    if not MIN_PER_SECOND <= _per_second(rate) <= MAX_PER_SECOND:
        raise InvalidLimitError(reason=f"{rate} is not within 0.1/s (6/m, 360/h) and 1000/s")
    return rate


def check_concurrency(number: int) -> int:
    """The same number of requests at once; raises `InvalidLimitError` when it is not 1 to 1000."""
    if not 1 <= number <= MAX_CONCURRENCY:
        raise InvalidLimitError(reason=f"{number} requests at once; the range is 1 to {MAX_CONCURRENCY}")
    return number


def _per_second(rate: str) -> float:
    count, _, unit = rate.partition("/")
    return float(count) / UNITS[unit]
