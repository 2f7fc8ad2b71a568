"""Rates as people write and read them: so many in a second, minute or hour."""

import re

from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidRequestError

MAX_COUNT = 1_000_000
UNITS = {"s": 1, "m": 60, "h": 3600}
_RATE = re.compile(r"([0-9]{1,9}(?:\.[0-9]{1,3})?)\s*(?:/\s*([smh]))?")


class Rate(BaseModel):
    """So many in so many seconds; likewise so many at once."""

    model_config = ConfigDict(frozen=True)

    count: int
    seconds: int

    @property
    def per_second(self) -> float:
        """The same, a second."""
        return self.count / self.seconds

    def __str__(self) -> str:
        unit = next(unit for unit, seconds in UNITS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


def read_rate(text: str) -> tuple[float, str] | None:
    """The number and the unit of ``10/s``, ``0.5/s``, ``600/m`` or ``1000/h``; a second where none is given."""
    found = _RATE.fullmatch(text.strip().lower())
    return (float(found[1]), found[2] or "s") if found else None


def parse_rate(text: str) -> Rate:
    """A rate of a whole number from 1 to 1,000,000; raises `InvalidRequestError` for anything else."""
    count, unit = read_rate(text) or (0, "s")
    if not 1 <= count <= MAX_COUNT or count != int(count):
        reason = f"{text[:40]!r} is not a rate of a whole number up to {MAX_COUNT:,}; write 100/s, 600/m or 1000/h"
        raise InvalidRequestError(reason=reason)
    return Rate(count=int(count), seconds=UNITS[unit])
