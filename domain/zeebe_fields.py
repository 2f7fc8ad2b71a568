"""Single values of a Zeebe record: keys exact to the last digit, texts of bounded length without control characters."""

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from domain.zeebe import MAX_MESSAGE

MAX_NAME = 255  # characters of an id or a type that are kept
MAX_KEY = 2**63 - 1  # keys and positions are signed 64-bit integers in Zeebe
LATEST = 253_402_300_799_999  # ms since 1970: the end of the year 9999, the last that a datetime holds

_INTEGER = re.compile(r"-?[0-9]{1,19}")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class UnusableError(Exception):
    """A record that cannot be used; the text names the field, and never its value."""


def needed(holder: Mapping[str, Any], name: str, most: int = MAX_KEY) -> int:
    """A positive number that a record cannot do without; raises `UnusableError`."""
    number = _integer(holder, name)
    if number is None:
        raise UnusableError(f"{name} is missing")
    return _bounded(name, number, most)


def key_in(holder: Mapping[str, Any], name: str) -> str | None:
    """A key; None where there is none, which Zeebe writes as -1. Raises `UnusableError`."""
    number = _integer(holder, name)
    return None if number is None or number < 1 else str(_bounded(name, number, MAX_KEY))


def moment_in(holder: Mapping[str, Any], name: str) -> int:
    """Milliseconds since 1970, from such a number or from ISO 8601 (UTC where it says nothing else).

    Raises:
        UnusableError: there is none, or it is neither.
    """
    text = holder.get(name)
    if not isinstance(text, str) or _INTEGER.fullmatch(text):
        return needed(holder, name, LATEST)
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UnusableError(f"{name} is no time in ISO 8601") from None
    since = (at if at.tzinfo else at.replace(tzinfo=UTC)) - _EPOCH
    return _bounded(name, since // timedelta(milliseconds=1), LATEST)


def moment_or_none(record: Mapping[str, Any]) -> int | None:
    """The timestamp of a record that may have none; None as well for one that is out of range."""
    found = record.get("timestamp")
    return found if type(found) is int and 0 < found <= LATEST else None


def name_in(holder: Mapping[str, Any], name: str) -> str:
    """An id or a type, at most 255 characters of it; empty where there is none. Raises `UnusableError`."""
    text = holder.get(name)
    if text is not None and not isinstance(text, str):
        raise UnusableError(f"{name} is not a text")
    return printable(text or "")


def message_in(holder: Mapping[str, Any]) -> str:
    """The error message, at most 2,000 characters of it; its lines stay lines."""
    text = holder.get("errorMessage")
    if not isinstance(text, str):
        return ""
    text = _replaced(text[: MAX_MESSAGE + 1], kept="\n\t")
    return text if len(text) <= MAX_MESSAGE else text[: MAX_MESSAGE - 1] + "…"


def printable(text: str) -> str:
    """At most 255 characters of a text, on one line."""
    return _replaced(text[:MAX_NAME], kept="")


def _integer(holder: Mapping[str, Any], name: str) -> int | None:
    given = holder.get(name)
    if isinstance(given, float):
        raise UnusableError(f"{name} is a floating-point number, so its precision is lost; send an integer or a string")
    if isinstance(given, str) and _INTEGER.fullmatch(given):
        return int(given)
    if given is not None and (isinstance(given, bool) or not isinstance(given, int)):
        raise UnusableError(f"{name} is not a whole number")
    return given


def _bounded(name: str, number: int, most: int) -> int:
    if not 1 <= number <= most:
        raise UnusableError(f"{name} is not between 1 and {most}")
    return number


def _replaced(text: str, *, kept: str) -> str:
    """A text with a space or U+FFFD for every character that cannot be printed, but for those kept."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char in kept else " " if char.isspace() else "\ufffd" for char in text)
