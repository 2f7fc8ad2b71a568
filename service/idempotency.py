"""Requests that are carried out once, however often they are sent."""

import hashlib
from dataclasses import dataclass


@dataclass(frozen=True)
class Once:
    """What makes a request the same again.

    Attributes:
        key: that the sender chose for it, as `key_of` has it.
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


def key_of(caller: str, key: str) -> str:
    """A key of one caller's own: what others choose is another one, and so are the keys that this platform makes.

    Args:
        caller: the name of the token, which has no slash.
        key: as it was sent.
    """
    return f"token/{caller}/{key}"
