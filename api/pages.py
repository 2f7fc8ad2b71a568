"""Lists in an envelope, ``{data, next_cursor}``, with a Link header to the next page."""

import base64
import binascii
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from urllib.parse import urlencode

from fastapi import Query, Request, Response
from pydantic import BaseModel, Field

from api.urls import location
from domain.errors import InvalidRequestError

DEFAULT_LIMIT = 100
MAX_LIMIT = 1000

WARNINGS = "What looks mistaken about what is asked for, such as an unknown type; and why the list may lack something."

Row = TypeVar("Row")

Limit = Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Rows at most.")]
Cursor = Annotated[str | None, Query(max_length=1024, description="``next_cursor`` of the page before.")]


class Page(BaseModel, Generic[Row]):
    """A part of a list."""

    data: list[Row]
    next_cursor: str | None = Field(None, description="Pass it as ``cursor`` for the next page; null on the last one.")


class WarnedPage(Page[Row], Generic[Row]):
    """A part of a list that may lack something: because of a mistake, or of what cannot be found."""

    warnings: list[str] = Field([], description=WARNINGS)


def page_of(rows: Sequence[Row], key: Callable[[Row], str], limit: int, cursor: str | None) -> Page[Row]:
    """The page that follows a cursor, of rows in the order of their keys.

    Raises:
        InvalidRequestError: for a cursor that is not one of ours.
    """
    after = _decode(cursor) if cursor else ""
    rest = [row for row in rows if key(row) > after]
    more = len(rest) > limit
    return Page(data=rest[:limit], next_cursor=_encode(key(rest[limit - 1])) if more else None)


def read_time(cursor: str | None) -> datetime | None:
    """The time that a cursor of `page_before` stands for.

    Raises:
        InvalidRequestError: for a cursor that is not one of ours.
    """
    if not cursor:
        return None
    try:
        at = datetime.fromisoformat(_decode(cursor))
    except ValueError:
        raise _foreign() from None
    if at.tzinfo is None:
        raise _foreign()
    return at


def page_before(rows: Sequence[Row], older: datetime | None) -> Page[Row]:
    """A page of a list that is ordered by time, the latest first; ``older`` is where the next one begins."""
    return Page(data=list(rows), next_cursor=_encode(older.isoformat()) if older else None)


def link_next(request: Request, response: Response, cursor: str | None) -> None:
    """Say where the next page is (RFC 8288), with every condition of this one."""
    if cursor is not None:
        url = request.url.include_query_params(cursor=cursor)
        response.headers["Link"] = f'<{url.path}?{url.query}>; rel="next"'


def link_by_name(response: Response, limit: int, cursor: str | None, *segments: str) -> None:
    """`link_next`, for a list by name at this path, whose only condition is its limit."""
    if cursor is not None:
        query = urlencode({"limit": limit, "cursor": cursor})
        response.headers["Link"] = f'<{location(*segments)}?{query}>; rel="next"'


def _foreign() -> InvalidRequestError:
    return InvalidRequestError(reason="the cursor is not one that this API gave")


def _encode(key: str) -> str:
    return base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")


def _decode(cursor: str) -> str:
    try:
        return base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError):
        raise _foreign() from None
