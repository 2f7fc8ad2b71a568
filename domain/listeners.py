"""The subscribers that `im listen` adds for as long as it runs; they are no configuration."""

import re
from collections.abc import Sequence

HOST = "127.0.0.1"
PREFIX = "listen-"

_CANCELLED = "cancelled:"
_NAME = re.compile(re.escape(PREFIX) + r"[a-z0-9-]+-[0-9a-f]{6}")


def listener_prefix(machine: str) -> str:
    """How the names begin of those of one machine."""
    return f"{PREFIX}{machine}-"


def listener_name(machine: str, unique: str) -> str:
    """A name; ``unique`` is six hexadecimal digits."""
    return f"{listener_prefix(machine)}{unique}"


def is_listener(name: str, url: str) -> bool:
    """Whether a subscriber is one of `im listen`: by its name, and because it is on the machine itself."""
    return _NAME.fullmatch(name) is not None and url.startswith(f"http://{HOST}:")


def in_trouble(words: Sequence[str]) -> list[str]:
    """Of such as ``failed:ops`` those that are trouble: what an `im listen` had not taken when it ended is none."""
    return [word for word in words if not (word.startswith(_CANCELLED) and _NAME.fullmatch(word[len(_CANCELLED) :]))]
