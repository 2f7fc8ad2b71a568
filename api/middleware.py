"""What every request passes before a route sees it: last resort, guard, body limit. Pure ASGI, outermost first."""

import asyncio
import hmac
import ipaddress
import traceback
from http import HTTPStatus
from urllib.parse import urlsplit

import structlog
from fastapi.exceptions import ValidationException
from pydantic import SecretStr, ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import problem_response
from api.urls import EVENTS_PATH
from domain.events import MAX_BATCH_BYTES

# Everything else needs the token, paths that do not exist included: what is forgotten here is closed, not open.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
MAX_BODY_BYTES = 64 * 1024
EVENT_BODY_BYTES = MAX_BATCH_BYTES + 16 * 1024  # just past the limit, domain/ still reads it and says by how much
BODY_SECONDS = 30  # for the whole body: a client that drips does not hold a connection for ever

_log = structlog.get_logger("api")


class LastResort:
    """Answers 500 for what nobody foresaw, without its insides, and marks every answer as not to be stored."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on; answer for what it raises."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = False

        async def send_hardened(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                headers = MutableHeaders(scope=message)
                headers["Cache-Control"] = "no-store"  # an answer may hold a secret, which is shown once
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_hardened)
        except Exception as error:
            _log_unexpected(error)
            if started:
                raise
            await _unexpected(scope)(scope, receive, send_hardened)


def _log_unexpected(error: Exception) -> None:
    # The text of a validation error quotes its input, which may be a secret.
    quotes_input = isinstance(error, (ValidationError, ValidationException))
    _log.error(
        "unexpected error in a request",
        kind=type(error).__name__,
        error=None if quotes_input else str(error)[:300],
        exception="".join(traceback.format_tb(error.__traceback__)),
    )


def _unexpected(scope: Scope) -> Response:
    return problem_response(
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "something went wrong that should not have; nothing is known about what was done",
        instance=scope["path"],
        hint="The log has more: im logs --level error.",
    )


class Guard:
    """Lets in who may be let in.

    With a token, every path but the open ones needs it. Without one the API is bound to loopback, and what is left to
    fear is a web page in a browser on this machine: by DNS rebinding (a Host that is not ours) or by a request across
    origins (an Origin other than the Host).

    Args:
        app: what is guarded.
        token: IM_API_TOKEN.
    """

    def __init__(self, app: ASGIApp, token: SecretStr | None) -> None:
        self._app = app
        self._token = token.get_secret_value().encode() if token else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        headers = Headers(scope=scope)
        if self._token is None:
            return _foreign(scope["path"], headers)
        if scope["path"] in OPEN_PATHS or _bears(headers, self._token):
            return None
        if "authorization" in headers:
            _log.warning("a request with a wrong token was refused", client=(scope.get("client") or ("?",))[0])
        return problem_response(
            HTTPStatus.UNAUTHORIZED,
            "the token is missing or wrong",
            instance=scope["path"],
            hint="Send Authorization: Bearer and the value of IM_API_TOKEN.",
            headers={"WWW-Authenticate": "Bearer"},
        )


def _bears(headers: Headers, token: bytes) -> bool:
    given = headers.getlist("authorization")
    scheme, _, value = given[0].encode("latin-1").partition(b" ") if len(given) == 1 else (b"", b"", b"")
    return scheme.lower() == b"bearer" and hmac.compare_digest(value.strip(b" "), token)


def _foreign(path: str, headers: Headers) -> Response | None:
    hosts, origin = headers.getlist("host"), headers.get("origin")
    if len(hosts) != 1 or not is_loopback(hosts[0]):
        return problem_response(
            HTTPStatus.MISDIRECTED_REQUEST,
            "without a token the API answers to localhost and loopback addresses only",
            instance=path,
            hint="Set IM_API_TOKEN to serve under another name.",
        )
    if origin is not None and urlsplit(origin).netloc != hosts[0]:
        return problem_response(HTTPStatus.FORBIDDEN, "requests of other origins are refused", instance=path)
    return None


def is_loopback(host: str) -> bool:
    """Whether a Host header, with or without port, names this machine."""
    try:
        name = urlsplit(f"//{host}").hostname or ""
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


class LimitBody:
    """Reads the whole body before the application sees any of it, and no more than is allowed."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on with its whole body, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        limit = EVENT_BODY_BYTES if scope["path"] == EVENTS_PATH else MAX_BODY_BYTES
        declared = Headers(scope=scope).get("content-length", "0")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                body = None if declared.isdecimal() and int(declared) > limit else await _read(receive, limit)
        except TimeoutError:
            await _refused(HTTPStatus.REQUEST_TIMEOUT, f"the body took over {BODY_SECONDS} s", scope)(
                scope, receive, send
            )
            return
        except ConnectionAbortedError:
            return
        if body is None:
            await _too_large(scope, limit)(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)


async def _read(receive: Receive, limit: int) -> bytes | None:
    """The body, or None when it is longer than allowed; the rest is then left unread."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ConnectionAbortedError
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
    limit = MAX_BATCH_BYTES if event else limit
    status = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
    code = "event_too_large" if event else "too_large"
    return _refused(status, f"the body is past the limit of {limit} bytes", scope, code)


def _refused(status: HTTPStatus, detail: str, scope: Scope, code: str | None = None) -> Response:
    return problem_response(status, detail, instance=scope["path"], code=code, headers={"Connection": "close"})
