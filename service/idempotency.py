"""Requests that are carried out once, however often they are sent."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Once:
    """What makes a request the same again.

    Attributes:
        key: that the sender chose for it.
        asked: the request, in words that are the same each time; times that count from now are in it as they were sent.
    """

    key: str
    asked: str

    @property
    def id(self) -> str:
        """24 hexadecimal digits that follow from the key."""
        return hashlib.sha256(self.key.encode()).hexdigest()[:24]

    @property
    def digest(self) -> str:
        """Tells it from another request under the same key."""
        return hashlib.sha256(self.asked.encode()).hexdigest()[:32]
