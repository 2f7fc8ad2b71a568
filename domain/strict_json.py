"""JSON as it may enter the platform: UTF-8, no repeated keys, no NaN or Infinity, bounded depth and numbers."""

import json
import math
from typing import Any, NoReturn

from domain.event_errors import InvalidEventError

MAX_JSON_DEPTH = 64
MAX_INTEGER_DIGITS = 1000  # exact, far beyond 64 bits, and well below what makes parsing slow


def load_json(body: bytes) -> Any:
    """JSON without NaN or Infinity, repeated keys, or nesting deeper than 64.

    Raises:
        InvalidEventError: with the place of the fault.
    """
    try:
        text = body.decode()
        if text.startswith("\ufeff"):
            raise InvalidEventError(reason="it begins with a byte order mark, which JSON in UTF-8 must not have")
        value = _DECODER.decode(text)
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidEventError(reason=f"it is not JSON in UTF-8 ({error})") from None
    except RecursionError:
        raise InvalidEventError(reason=f"JSON nested deeper than {MAX_JSON_DEPTH}") from None
    if _depth_exceeds(value, MAX_JSON_DEPTH):
        raise InvalidEventError(reason=f"JSON nested deeper than {MAX_JSON_DEPTH}")
    if "\\u" in text and _has_surrogate(value):
        raise InvalidEventError(reason="a string has half of a surrogate pair, which no encoding can carry")
    return value


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise InvalidEventError(reason=f"the number {text[:40]} is too large")
    return value


def _bounded(text: str) -> int:
    if len(text) > MAX_INTEGER_DIGITS:
        raise InvalidEventError(reason=f"an integer has more than {MAX_INTEGER_DIGITS} digits")
    return int(text)


def _has_surrogate(value: Any) -> bool:
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return True
    return False


def _no_constant(name: str) -> NoReturn:
    raise InvalidEventError(reason=f"{name} is not JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InvalidEventError(reason="a JSON object has the same key twice")
    return members


# Made once, as `json.loads` would for every text.
_DECODER = json.JSONDecoder(
    parse_constant=_no_constant, parse_float=_finite, parse_int=_bounded, object_pairs_hook=_unique
)


def _depth_exceeds(value: Any, limit: int) -> bool:
    level = [value]
    for _ in range(limit):
        level = [
            child
            for parent in level
            if isinstance(parent, (dict, list))
            for child in (parent.values() if isinstance(parent, dict) else parent)
        ]
        if not level:
            return False
    return True
