"""Ids of events that the platform makes: ``evt_`` and a UUIDv7, which tells when it was made (RFC 9562, 5.7)."""

import re
import uuid
from datetime import UTC, datetime, timedelta

RANDOM_BITS = 74

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_OURS = re.compile(r"evt_([0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12})")


def event_id(at: datetime, random: int) -> str:
    """The id of an event made at a time, to the millisecond; ``random`` has 74 bits."""
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    high, low = random >> 62 & 0xFFF, random & (1 << 62) - 1
    return f"evt_{uuid.UUID(int=milliseconds << 80 | 7 << 76 | high << 64 | 2 << 62 | low)}"


def made_at(event_id: str) -> datetime | None:
    """When an id of this kind was made; None of any other, such as those that publishers choose."""
    found = _OURS.fullmatch(event_id)
    if found is None:
        return None
    try:
        return _EPOCH + timedelta(milliseconds=uuid.UUID(found[1]).int >> 80)
    except OverflowError:
        return None
