"""Times as callers give them."""

from datetime import UTC, datetime

from domain.errors import InvalidRequestError
from domain.naming import given_as
from domain.timing import parse_duration


def read_moment(name: str, value: str | None, now: datetime) -> datetime | None:
    """An RFC 3339 time, or a duration before now. A + that was not percent-encoded arrives as a space.

    Raises:
        InvalidRequestError: it is neither, or lies before the year 1; ``name`` is the parameter's.
    """
    if value is None:
        return None
    with given_as(name):
        return _read_moment(name, value, now)


def _read_moment(name: str, value: str, now: datetime) -> datetime:
    try:
        at = datetime.fromisoformat(value.replace(" ", "+"))
    except ValueError:
        at = None
    try:
        if at is None:
            return now - parse_duration(value)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except OverflowError:
        raise InvalidRequestError(reason=f"{name} is too long ago") from None
    except InvalidRequestError:
        known = "an RFC 3339 time such as 2026-11-20T08:00:00Z, nor a duration before now such as 15m, 24h or 5d"
        raise InvalidRequestError(reason=f"{name} is {value!r}, which is neither {known}") from None
    raise InvalidRequestError(reason=f"{name} needs an offset from UTC, such as Z")
