"""Durations as people write and read them."""

import re
from datetime import timedelta

from domain.errors import InvalidRequestError
from domain.faults import shown

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def parse_duration(text: str) -> timedelta:
    """``90s``, ``15m``, ``24h`` or ``5d``, or ``90`` for seconds; raises `InvalidRequestError` for anything else."""
    found = re.fullmatch(r"(\d{1,9})([smhd]?)", text.strip().lower())
    if not found:
        raise InvalidRequestError(
            reason=f"{shown(text)} is not a duration; write 90s, 15m, 24h or 5d, or 90 for seconds"
        )
    return timedelta(seconds=int(found[1]) * _UNITS[found[2] or "s"])


def ago(elapsed: timedelta) -> str:
    """``30s ago``, ``2m ago``, ``1h ago``, ``3d ago``: one unit, rounded down."""
    seconds = max(0, int(elapsed.total_seconds()))
    for unit in ("d", "h", "m"):
        if seconds >= _UNITS[unit]:
            return f"{seconds // _UNITS[unit]}{unit} ago"
    return f"{seconds}s ago"


def about(seconds: float) -> str:
    """``90 s``, ``10 min``, ``3 h``, ``3 days``: one unit, of which there are two at least; rounded, from 0 on."""
    for unit, word in (("d", "days"), ("h", "h"), ("m", "min")):
        if seconds >= 2 * _UNITS[unit]:
            return f"{round(seconds / _UNITS[unit])} {word}"
    return f"{max(0, round(seconds))} s"


def in_short(seconds: int) -> str:
    """``60s``, ``15m``, ``24h``, ``7d``: in the largest unit that leaves a whole number above one."""
    for unit in ("d", "h", "m"):
        if seconds % _UNITS[unit] == 0 and seconds > _UNITS[unit]:
            return f"{seconds // _UNITS[unit]}{unit}"
    return f"{seconds}s"
