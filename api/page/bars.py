"""The geometry of a sparkline: a bar for each hour, of what was delivered, with what failed on top of it."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.hours import HourCount

WIDTH, GAP, HEIGHT = 5, 1, 24
LEAST = 2  # so that one failure among thousands is seen


class Bar(NamedTuple):
    """A rectangle of an SVG; ``kind`` is ``delivered``, ``failed`` or ``none``."""

    kind: str
    x: int
    y: float
    height: float


def bars(hours: Sequence[HourCount]) -> list[Bar]:
    """The bars, as high as their share of the busiest hour; an hour in which nothing ended is a line."""
    most = max((sum(hour) for hour in hours), default=0)
    found = []
    for place, hour in enumerate(hours):
        x, top = place * (WIDTH + GAP), float(HEIGHT)
        for kind, count in zip(hour._fields, hour, strict=True):
            if count:
                height = round(max(LEAST, count / most * (HEIGHT - LEAST)), 1)
                top = round(max(0, top - height), 1)
                found.append(Bar(kind, x, top, height))
        if not any(hour):
            found.append(Bar("none", x, HEIGHT - 1, 1))
    return found
