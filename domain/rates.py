"""Rates as people write and read them: so many in a second, minute or hour."""

import re

from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidRequestError

MAX_COUNT = 1_000_000
_UNITS = {"s": 1, "m": 60, "h": 3600}


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
        unit = next(unit for unit, seconds in _UNITS.items() if seconds == self.seconds)
        return f"{self.count}/{unit}"


def parse_rate(text: str) -> Rate:
    """``100/s``, ``600/m`` or ``1000/h``, of 1 to 1,000,000; raises `InvalidRequestError` for anything else."""
    found = re.fullmatch(r"(\d{1,9})/([smh])", text.strip().lower(), re.ASCII)
    count = int(found[1]) if found else 0
    if not found or not 1 <= count <= MAX_COUNT:
        raise InvalidRequestError(reason=f"{text[:40]!r} is not a rate; write 100/s, 600/m or 1000/h")
    return Rate(count=count, seconds=_UNITS[found[2]])
