"""Hostname, port and context (the path), as some platforms have them set apart: the parts of a webhook's URL."""

from typing import NamedTuple
from urllib.parse import urlsplit

from domain.errors import InvalidUrlError

HTTPS_PORT = 443


class WebService(NamedTuple):
    """Where a webhook is posted, in parts.

    Attributes:
        hostname: name or address; an IPv6 address without brackets.
        context: path, with its query if there is one; it begins with a slash.
    """

    hostname: str
    port: int = HTTPS_PORT
    context: str = "/"

    @property
    def url(self) -> str:
        """``https://hostname:port/context``, without the port where it is 443; raises `InvalidUrlError`."""
        if not self.hostname or any(sign in self.hostname for sign in "/?#@[]"):
            raise InvalidUrlError(reason="a hostname is a name or an address alone")
        if not 1 <= self.port <= 65535:
            raise InvalidUrlError(reason="a port is 1 to 65535")
        host = f"[{self.hostname}]" if ":" in self.hostname else self.hostname
        port = "" if self.port == HTTPS_PORT else f":{self.port}"
        return f"https://{host}{port}/{self.context.removeprefix('/')}"


def parts_of(url: str) -> WebService:
    """The parts of a webhook's URL."""
    parts = urlsplit(url)
    context = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return WebService(parts.hostname or "", parts.port or (HTTPS_PORT if parts.scheme == "https" else 80), context)


def settled_url(
    url: str | None, hostname: str | None, port: int | None, context: str | None, current: str | None = None
) -> str | None:
    """The URL that was given, whole or in parts; parts that were not given stay as in ``current``.

    Raises:
        InvalidUrlError: both were given, or parts without a hostname where there is none to keep.
    """
    if hostname is None and port is None and context is None:
        return url
    if url is not None:
        raise InvalidUrlError(reason="give the URL whole, or by hostname, port and context")
    if hostname is None and current is None:
        raise InvalidUrlError(reason="port and context need a hostname")
    known = parts_of(current) if current else WebService("")
    return WebService(
        known.hostname if hostname is None else hostname,
        known.port if port is None else port,
        known.context if context is None else context,
    ).url
