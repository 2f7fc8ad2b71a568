"""How much of a body is read, for how long, and when: before the route, or not until who sends it is known."""

import asyncio
from http import HTTPStatus

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.middleware import has_own_door
from api.problems import problem_response
from api.urls import (
    ALARMS_PATH,
    ALERTS_PATH,
    CONFIGURATION_PATH,
    EVENTS_PATH,
    NOTIFICATIONS_PATH,
    PING_PATHS,
    RECORDS_PATH,
)
from domain.configuration import MAX_DOCUMENT_BYTES
from domain.errors import TooLargeError
from domain.event_parsing import MAX_BATCH_BYTES

MAX_BODY_BYTES = 64 * 1024
EVENT_BODY_BYTES = MAX_BATCH_BYTES + 16 * 1024  # just past the limit, domain/ still reads it and says by how much
RECORDS_BODY_BYTES = 4 * 1024 * 1024  # some 6,000 records
ALERTS_BODY_BYTES = 256 * 1024  # it is read before its signature can be checked
ALARM_BODY_BYTES = 256 * 1024  # texts of some 100 KiB, however they are escaped
PING_BODY_BYTES = 1024 * 1024 * 1024  # a job may post its log; only the first 10 KiB are read
BODY_SECONDS = 30  # for the whole body: a client that drips does not hold a connection for ever

_LIMITS = {
    EVENTS_PATH: EVENT_BODY_BYTES,
    RECORDS_PATH: RECORDS_BODY_BYTES,
    ALERTS_PATH: ALERTS_BODY_BYTES,
    ALARMS_PATH: ALARM_BODY_BYTES,
    NOTIFICATIONS_PATH: ALARM_BODY_BYTES,
    CONFIGURATION_PATH: MAX_DOCUMENT_BYTES,
}


class LimitBody:
    """Lets no more of a body in than is allowed.

    The whole of it is read before the application sees any, but on paths with a door of their own: there the guard
    has checked no credential yet, so the body waits until the route has, and asks for it.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = _limit_of(scope["path"])
        declared = Headers(scope=scope).get("content-length", "0")
        if declared.isdecimal() and int(declared) > limit:
            await _too_large(scope, limit)(scope, receive, send)
            return
        try:
            if has_own_door(scope["path"]):
                await self._app(scope, _Metered(receive, limit), send)
            else:
                await self._with_whole_body(scope, receive, send, limit)
        except ClientDisconnect:
            return

    async def _with_whole_body(self, scope: Scope, receive: Receive, send: Send, limit: int) -> None:
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = await _read(receive, limit)
        except TimeoutError:
            await _refused(HTTPStatus.REQUEST_TIMEOUT, _too_slow(), scope)(scope, receive, send)
            return
        if body is None:
            await _too_large(scope, limit)(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)


class _Metered:
    """A body that is handed on as it comes, until it is too long or takes too long."""

    def __init__(self, receive: Receive, limit: int) -> None:
        self._receive = receive
        self._limit = limit
        self._left = limit
        self._ends_at = asyncio.get_running_loop().time() + BODY_SECONDS
        self._complete = False

    async def __call__(self) -> Message:
        if self._complete:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._ends_at):
                message = await self._receive()
        except TimeoutError:
            raise HTTPException(HTTPStatus.REQUEST_TIMEOUT, _too_slow(), {"Connection": "close"}) from None
        self._left -= len(message.get("body", b""))
        self._complete = not message.get("more_body")
        if self._left < 0:
            raise TooLargeError(reason=_too_long(self._limit))
        return message


def _limit_of(path: str) -> int:
    return PING_BODY_BYTES if path.startswith(PING_PATHS) else _LIMITS.get(path, MAX_BODY_BYTES)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body, or None when it is longer than allowed; the rest is then left unread."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientDisconnect
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > limit:
            return None
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Receive) -> Receive:
    first: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return first.pop() if first else await receive()

    return again


def _too_large(scope: Scope, limit: int) -> Response:
    event = scope["path"] == EVENTS_PATH
    code = "event_too_large" if event else "too_large"
    return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, _too_long(MAX_BATCH_BYTES if event else limit), scope, code)


def _too_long(limit: int) -> str:
    return f"the body is past the limit of {limit} bytes"


def _too_slow() -> str:
    return f"the body took over {BODY_SECONDS} s"


def _refused(status: HTTPStatus, detail: str, scope: Scope, code: str | None = None) -> Response:
    return problem_response(status, detail, instance=scope["path"], code=code, headers={"Connection": "close"})
