"""Under which names the API answers on this machine, and who is at the other end of a request."""

import ipaddress
import re
from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from api.middleware import is_open
from api.problems import problem_response

# RFC 9112, 3.2: host [ ":" port ], without user or path. Of the names of RFC 3986 those that anybody has: no escapes.
_HOST = re.compile(r"(?:\[([0-9A-Fa-f.]*:[0-9A-Fa-f:.]*)\]|([A-Za-z0-9._-]+))(?::[0-9]{0,5})?")
_PROXIED = ("forwarded", "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-real-ip", "via")


class Hosts:
    """Refuses web pages that reach this machine by a name of their own (DNS rebinding) or across origins.

    Without a token anything on loopback may do everything, so every request is looked at. With one it is the open
    paths and the page, where they are asked for from this machine. Whether that is so is told by the connection alone:
    a script may write any header but Host and Origin. So it comes before what believes X-Forwarded-For.

    Args:
        app: what is guarded.
        needs_token: whether requests need a token.
        names: by which a reverse proxy on this machine passes requests on, in lower case.
    """

    def __init__(self, app: ASGIApp, *, needs_token: bool, names: Iterable[str] = ()) -> None:
        self._app = app
        self._needs_token = needs_token
        self._names = frozenset(names)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        refusal = self._refusal(scope) if scope["type"] == "http" else None
        await (refusal or self._app)(scope, receive, send)

    def _refusal(self, scope: Scope) -> Response | None:
        if not self._needs_token:
            headers = Headers(scope=scope)
            return self._misdirected(scope["path"], headers) or _of_elsewhere(scope["path"], headers)
        if is_open(scope["path"]) and _from_loopback(scope):
            return self._misdirected(scope["path"], Headers(scope=scope))
        return None

    def _misdirected(self, path: str, headers: Headers) -> Response | None:
        """Refuse a request to this machine under a name that is none of its own: some page had it looked up as ours."""
        hosts = headers.getlist("host")
        if len(hosts) == 1 and (is_loopback(hosts[0]) or _name(hosts[0]) in self._names):
            return None
        return problem_response(
            HTTPStatus.MISDIRECTED_REQUEST,
            "what comes from this machine is answered to localhost, loopback addresses and IM_API_HOSTNAMES only",
            instance=path,
            hint="Ask for http://localhost. Behind a reverse proxy on this machine, set IM_API_HOSTNAMES to the name "
            "that it passes on (and IM_API_TOKEN).",
        )


def is_local(scope: Scope) -> bool:
    """Whether a request comes from a program on this machine: from loopback, through no proxy, from no web page."""
    headers = Headers(scope=scope)
    hosts = headers.getlist("host")
    return (
        _from_loopback(scope)
        and not any(name in headers for name in _PROXIED)  # a client that adds one gets less by it, never more
        and len(hosts) == 1
        and is_loopback(hosts[0])
        and _of_elsewhere(scope["path"], headers) is None
    )


def is_loopback(host: str) -> bool:
    """Whether a Host header, with or without port, names this machine."""
    name = _name(host)
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def proxy_networks(networks: Iterable[ipaddress.IPv4Network | ipaddress.IPv6Network]) -> list[str]:
    """Networks as uvicorn's middleware takes them: those of IPv4 also as a listener on `::` sees their addresses."""
    return [
        written
        for network in networks
        for written in (
            [str(network)]
            if network.version == 6
            else [str(network), f"::ffff:{network.network_address}/{96 + network.prefixlen}"]
        )
    ]


def _name(host: str) -> str:
    found = _HOST.fullmatch(host)
    return (found[1] or found[2]).lower() if found else ""


def _of_elsewhere(path: str, headers: Headers) -> Response | None:
    # An image or a HEAD of another page bears no Origin, and a GET may be a beat.
    elsewhere = headers.get("sec-fetch-site", "none") not in {"none", "same-origin"}
    origin = headers.get("origin")
    if elsewhere or (origin is not None and urlsplit(origin).netloc != headers.get("host")):
        return problem_response(HTTPStatus.FORBIDDEN, "requests of other origins are refused", instance=path)
    return None


def _from_loopback(scope: Scope) -> bool:
    try:
        address = ipaddress.ip_address((scope.get("client") or ("",))[0])
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback
