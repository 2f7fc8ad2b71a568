"""Who may see a page and press its buttons: sessions, scopes, and forms that only our own pages can send."""

import hmac
from collections.abc import Callable, Coroutine
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import structlog
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.middleware import CALLER, log_unexpected
from api.page.render import explain, link, page
from api.problems import headers_of, status_of
from domain.errors import ImError, InvalidRequestError
from domain.source_errors import AccessDeniedError
from domain.token_errors import ScopeMissingError, TokenMissingError
from domain.tokens import Scope
from service.sessions import Sessions, Visitor

# By name of the endpoint; None: for anybody.
_PAGES: dict[Scope | None, str] = {
    Scope.READ: "overview events event why incidents incident subscriber changes",
    Scope.MANAGE: "resend pause resume enable",
    None: "static login log_in log_out nothing",
}
PAGES: dict[str, Scope | None] = {name: scope for scope, names in _PAGES.items() for name in names.split()}
_ASK_NOBODY = {"static", "log_in"}  # whoever it is; a request for a stylesheet is none of the token's rate
MAX_FIELDS = 20

Handler = Callable[[Request], Coroutine[Any, Any, Response]]

_log = structlog.get_logger("page")


class PageRoute(APIRoute):
    """A route of the page: its endpoint takes the request, and what it raises is shown as a page."""

    def get_route_handler(self) -> Handler:
        """The endpoint, behind session, scope and the check of forms.

        Raises:
            LookupError: the page is not in the table.
        """
        if self.name not in PAGES:
            raise LookupError(f"{self.name} ({self.path}) has no scope: add it to the table in api/page/access.py")
        scope = PAGES[self.name]

        async def checked(request: Request) -> Response:
            try:
                await _enter(request, scope, asks=self.name not in _ASK_NOBODY)
                return await self.endpoint(request)  # type: ignore[no-any-return]  # FastAPI's endpoint is any callable
            except AccessDeniedError as error:
                return _to_login(request, error)
            except ImError as error:
                return _explained(request, error)
            except HTTPException as error:
                return explain(request, error.status_code, error.detail, "Go back, reload the page, and try again.")
            except Exception as error:  # noqa: BLE001 - the last resort answers programs
                log_unexpected(error)
                says = "Something went wrong that should not have; nothing is known about what was done."
                return explain(
                    request, HTTPStatus.INTERNAL_SERVER_ERROR, says, "The log has more: im logs --level error."
                )

        return checked


def cookie_name(request: Request) -> str:
    """The session's cookie: browsers share cookies between the ports of a machine, and two may run on one."""
    return f"im_session_{request.url.port or 'page'}"


def sessions_of(request: Request) -> Sessions:
    """The sessions of the deployment."""
    sessions: Sessions = request.app.state.backend.gateway.sessions
    return sessions


async def fields(request: Request) -> dict[str, str]:
    """The fields of a form; raises `InvalidRequestError` for anything that our own forms do not send."""
    try:
        return dict(parse_qsl((await request.body()).decode(), strict_parsing=True, max_num_fields=MAX_FIELDS))
    except ValueError:
        raise InvalidRequestError(reason="the form cannot be read") from None


async def _enter(request: Request, scope: Scope | None, *, asks: bool) -> None:
    """Let somebody in, with ``request.state.visitor`` as who it is, or raise why not."""
    visitor = await _visitor(request, needed=scope is not None) if asks else None
    request.state.visitor = visitor
    if scope is not None:
        if visitor is None:
            raise TokenMissingError
        if not visitor.caller.may(scope):
            raise ScopeMissingError(name=visitor.caller.name, scope=scope.value)
    if request.method == "POST":
        await _check_form(request, visitor)


async def check_again(request: Request) -> None:
    """Raise `AccessDeniedError` for a request that goes on when its session has ended, or its token counts no more."""
    if sessions_of(request).needed:
        await _resumed(request, counts=False)


async def _resumed(request: Request, *, counts: bool = True) -> Visitor:
    cookie = request.cookies.get(cookie_name(request))
    if cookie is None:
        raise TokenMissingError
    return await sessions_of(request).resume(cookie, counts=counts)


async def _visitor(request: Request, *, needed: bool) -> Visitor | None:
    if not sessions_of(request).needed:
        return Visitor(request.scope[CALLER])
    try:
        return await _resumed(request)
    except ImError:
        if needed:
            raise
        return None


async def _check_form(request: Request, visitor: Visitor | None) -> None:
    """Refuse a form that none of our pages sent: SameSite keeps most of them without a cookie, this the rest."""
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin", "")
    ours = site == "same-origin" if site else urlsplit(origin).netloc == request.headers.get("host")
    given = (await fields(request)).get("form_token", "")
    wanted = visitor.form_token if visitor else given  # without a session there is nothing to be stolen
    if not ours or not hmac.compare_digest(given.encode(), wanted.encode()):
        raise HTTPException(HTTPStatus.FORBIDDEN, "the form was not sent by this page, or by one of an older session")


def _to_login(request: Request, error: AccessDeniedError) -> Response:
    """The way to the form that lets in; what was to be sent is not sent afterwards."""
    if request.method == "GET" and request.headers.get("sec-fetch-site") in {"cross-site", "same-site"}:
        # A link from elsewhere: the cookie comes with the next request, which this page itself makes.
        return page(request, "arriving.html")
    after = request.url.path + (f"?{request.url.query}" if request.url.query else "")
    answer = RedirectResponse(link("login", next=after if request.method == "GET" else None), HTTPStatus.SEE_OTHER)
    if not isinstance(error, TokenMissingError):
        _log.info("a session ended", reason=str(error))
    answer.delete_cookie(cookie_name(request), path="/", httponly=True, samesite="strict")
    return answer


def _explained(request: Request, error: ImError) -> Response:
    status = status_of(error)
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        _log.warning("a page could not be shown", code=error.code, error=str(error))
    answer = explain(request, status, str(error), error.advice)
    answer.headers.update({name: value for name, value in headers_of(error, status).items() if name == "Retry-After"})
    return answer
