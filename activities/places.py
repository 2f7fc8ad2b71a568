"""Where requests go: host, port, and whether TLS is spoken there."""

from typing import NamedTuple

import httpx

_HTTP, _HTTPS = 80, 443


class Place(NamedTuple):
    """What is connected to.

    Attributes:
        host: a name, or an address without brackets.
        tls: whether it is spoken there.
    """

    host: str
    port: int
    tls: bool

    @property
    def authority(self) -> str:
        """``host:port``, for a tunnel (RFC 9112, 3.2.3)."""
        return f"{self._bracketed}:{self.port}"

    @property
    def host_field(self) -> str:
        """For the header Host: without the port, where it is that of the scheme."""
        return self._bracketed if self.port == (_HTTPS if self.tls else _HTTP) else self.authority

    @property
    def name(self) -> str:
        """Whose certificate is asked for."""
        return self.host.rstrip(".")

    @property
    def _bracketed(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


def place_of(url: httpx.URL) -> Place:
    """Where a URL leads.

    Raises:
        ValueError: to no place of HTTP.
    """
    if url.scheme not in {"http", "https"} or not url.raw_host:
        raise ValueError("not a URL of http or https")
    tls = url.scheme == "https"
    return Place(url.raw_host.decode("ascii"), url.port or (_HTTPS if tls else _HTTP), tls)
