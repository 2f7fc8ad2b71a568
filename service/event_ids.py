"""New ids of events: nobody can tell one beforehand, and publish under it first."""

import secrets
from datetime import UTC, datetime

from domain.event_ids import RANDOM_BITS, event_id


def new_event_id() -> str:
    """An id that tells when it was made, and holds 74 random bits."""
    return event_id(datetime.now(UTC), secrets.randbits(RANDOM_BITS))
