"""Coming in with an API token, and going out again."""

import re
from http import HTTPStatus
from ipaddress import ip_address, ip_network
from math import ceil

import structlog
from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.page.access import PageRoute, cookie_name, fields, sessions_of
from api.page.render import link, page
from api.problems import status_of
from api.urls import PAGE
from domain.errors import ImError
from domain.rates import Rate
from domain.source_errors import AccessDeniedError
from domain.token_errors import ScopeMissingError
from service.sessions import SESSION_LASTS
from service.token_rate import TokenRate

ATTEMPTS = Rate(count=10, seconds=60)  # that fail, of one address, in each process
MOST_ADDRESSES = 1000
IPV6_BITS = 64  # whoever has one address of such a network has them all (RFC 6177)
# Paths of ours need nothing that browsers take for something else than Python does (https://url.spec.whatwg.org): they
# read "///host" and "/\host" as another host, drop tabs and line ends, and resolve dots, however these are escaped.
_OURS = re.compile(rf"(?:/|{PAGE}(?:/[a-z]+)+)(?:\?[^\\]*)?")

router = APIRouter(route_class=PageRoute, include_in_schema=False)
_log = structlog.get_logger("page")


class Attempts:
    """Counts who tries to log in and fails, by IPv4 address or IPv6 network.

    Of more than `MOST_ADDRESSES` the one that tried longest ago is forgotten.
    """

    def __init__(self) -> None:
        self._rate = TokenRate(most=MOST_ADDRESSES)

    def take(self, address: str) -> float:
        """Take an attempt; 0 when it may be made, otherwise after how many seconds it may."""
        return self._rate.take(_network(address), ATTEMPTS)

    def succeeded(self, address: str) -> None:
        """Do not count an attempt that was taken: a team behind one address may come in at once."""
        self._rate.give_back(_network(address), ATTEMPTS)


def _network(address: str) -> str:
    try:
        known = ip_address(address)
    except ValueError:  # of a server that says no address
        return address
    return str(ip_network((known, IPV6_BITS), strict=False)) if known.version == 6 else address


@router.get(f"{PAGE}/login")
async def login(request: Request) -> Response:
    """The form that takes a token."""
    after = _after(request.query_params.get("next", ""))
    if request.state.visitor is not None:
        return RedirectResponse(after, HTTPStatus.SEE_OTHER)
    return page(request, "login.html", after=after, fault="", advice="")


@router.post(f"{PAGE}/login")
async def log_in(request: Request) -> Response:
    """A session for a token that may read."""
    form = await fields(request)
    after, address = _after(form.get("next", "")), (request.client.host if request.client else "?")
    attempts: Attempts = request.app.state.attempts
    if (wait := attempts.take(address)) > 0:
        says = f"There were too many attempts from {address}. Try again in {ceil(wait)} s."
        answer = page(request, "login.html", HTTPStatus.TOO_MANY_REQUESTS, after=after, fault=says, advice="")
        answer.headers["Retry-After"] = str(ceil(wait))
        return answer
    try:
        # As the API reads it from a header, whose text is its bytes.
        cookie = await sessions_of(request).begin(form.get("token", "").strip().encode().decode("latin-1"))
    except (AccessDeniedError, ScopeMissingError) as error:
        _log.warning("a login was refused", reason=str(error), client=address)
        return _refused(request, error, after)
    attempts.succeeded(address)
    secure = request.url.scheme == "https" or request.headers.get("origin", "").startswith("https:")
    entered = RedirectResponse(after, HTTPStatus.SEE_OTHER)
    entered.set_cookie(
        cookie_name(request),
        cookie,
        max_age=int(SESSION_LASTS.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=secure,
    )
    return entered


@router.post(f"{PAGE}/logout")
async def log_out(request: Request) -> Response:
    """The cookie is dropped; nothing else is kept of a session."""
    gone = RedirectResponse(link("login", done="out"), HTTPStatus.SEE_OTHER)
    gone.delete_cookie(cookie_name(request), httponly=True, samesite="strict")
    return gone


def _refused(request: Request, error: ImError, after: str) -> Response:
    fault = str(error).capitalize() if not isinstance(error, ScopeMissingError) else str(error)
    return page(request, "login.html", status_of(error), after=after, fault=fault, advice=error.advice)


def _after(path: str) -> str:
    """Where to go after the login: a page of ours, or the overview."""
    return path if _OURS.fullmatch(path) and path.isprintable() else "/"
