"""What every request passes before a route sees it: last resort and guard, and then `body_limit`. Pure ASGI."""

import re
import traceback
from collections.abc import Callable
from http import HTTPStatus

import structlog
from fastapi.exceptions import ValidationException
from prometheus_client import Counter
from pydantic import ValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from api.problems import on_im_error, problem_response
from api.urls import ALERTS_PATH, PING_PATHS, RECORDS_PATH, is_page
from domain.errors import ImError
from domain.token_errors import TokenMissingError, TokenRefusedError
from service.callers import Caller, Callers

# Everything else needs the token, paths that do not exist included: what is forgotten here is closed, not open.
OPEN_PATHS = frozenset({"/healthz", "/readyz", "/metrics", "/openapi.json"})
# But for these, whose routes ask for a credential of their own: an exact path, or all below one that ends in a slash.
OWN_DOORS = frozenset({RECORDS_PATH, ALERTS_PATH, PING_PATHS})
# A path that anything on the way could read as another one has no door of its own: dots, empty segments, escapes.
_PLAIN_PATH = re.compile(r"(?:/(?!\.+(?:/|\Z))[A-Za-z0-9._~-]+)+/?")
CALLER = "im.caller"  # in the scope of a request: the `Caller` that the guard let in
ANYBODY = Caller("anybody on this machine")

RESPONSES = Counter("im_api_responses", "Answers of the API, by HTTP status.", ["status"])

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
                RESPONSES.labels(str(message["status"])).inc()
                headers = MutableHeaders(scope=message)
                headers.setdefault("Cache-Control", "no-store")  # an answer may hold a secret, which is shown once
                headers["X-Content-Type-Options"] = "nosniff"
            await send(message)

        try:
            await self._app(scope, receive, send_hardened)
        except Exception as error:
            log_unexpected(error)
            if started:
                raise
            await _unexpected(scope)(scope, receive, send_hardened)


def log_unexpected(error: Exception) -> None:
    """Log what nobody foresaw, with where it happened."""
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
    """Lets in who may be let in; what somebody may do then is for the route to say (`api.scopes`).

    With a token, every path needs one but the open ones and those with a door of their own. Without one the API is
    bound to loopback, and what is left to fear is a web page in a browser on this machine, which `api.hosts` refuses.

    Args:
        app: what is guarded.
        callers: know every token, and whether one is needed.
        scope_of: the scope that a request needs, by method and path; None where it is not known.
    """

    def __init__(self, app: ASGIApp, callers: Callers, scope_of: Callable[[str, str], str | None]) -> None:
        self._app = app
        self._callers = callers
        self._scope_of = scope_of

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = await self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    async def _refusal(self, scope: Scope) -> Response | None:
        if not self._callers.needed:
            scope[CALLER] = ANYBODY
            return None
        if is_open(scope["path"]) or has_own_door(scope["path"]):
            return None
        try:
            scope[CALLER] = await self._callers.of(Headers(scope=scope).getlist("authorization"))
        except ImError as error:
            if isinstance(error, TokenRefusedError):
                _log.warning("a token was refused", reason=str(error), client=(scope.get("client") or ("?",))[0])
            if isinstance(error, TokenMissingError | TokenRefusedError):
                needed = self._scope_of(scope["method"], scope["path"])
                error = type(error)(**error.data | ({"scope": needed} if needed else {}))
            return await on_im_error(Request(scope), error)
        return None


def is_open(path: str) -> bool:
    """Whether a path needs no token: a probe's, or of the page, which asks for a session where it shows something."""
    return path in OPEN_PATHS or is_page(path)


def has_own_door(path: str) -> bool:
    """Whether the route of a path, percent-decoded once as ASGI has it, asks for a credential other than the token."""
    if not _PLAIN_PATH.fullmatch(path):
        return False
    return any(path.startswith(door) and path != door if door.endswith("/") else path == door for door in OWN_DOORS)
