"""The only place from which requests go to receivers: connections made under guard, and kept for the next request.

Enforced below, on every dial: the address policy on the concrete address, and TLS verification. There are no redirects,
no proxies of the environment, no cookies, no decompression. Time and size limits are the sender's.
"""

import functools
import ssl
from typing import NamedTuple

import httpx

from activities.dialling import Dialler, EgressProxy
from activities.exchange import Answer, Request
from activities.http_connection import HttpConnection
from activities.idle_connections import IdleConnections
from activities.places import Place, place_of
from activities.request_heads import head_of
from domain.addresses import AddressPolicy


class _Target(NamedTuple):
    """What is requested; the path with the query, as they are written."""

    place: Place
    path: str


@functools.lru_cache(maxsize=4096)
def _target(url: str) -> _Target:
    parsed = httpx.URL(url)
    return _Target(place_of(parsed), parsed.raw_path.decode("ascii"))


class GuardedTransport:
    """Dials only what the policy allows.

    Raises, from a request, any `TransportFault`. It sets no other time limit than the one to connect.

    Args:
        policy: checked on every dialled address; behind a proxy that is the proxy's, which dials the receiver itself.
        tls: verifies receivers (and an https proxy), by the system's trust by default.
        proxy: every request goes by way of it.
        connect_seconds: for name, connection, proxy and TLS together; no limit of its own by default.
    """

    def __init__(
        self,
        policy: AddressPolicy,
        tls: ssl.SSLContext | None = None,
        *,
        proxy: EgressProxy | None = None,
        connect_seconds: float | None = None,
    ) -> None:
        self._dialler = Dialler(policy, tls or ssl.create_default_context(), proxy, connect_seconds)
        self._proxy = proxy
        self._idle = IdleConnections()

    async def send(self, request: Request) -> Answer:
        """Send one request; the body of the answer is still to be read."""
        target = _target(request.url)
        self._dialler.check(target.place)
        head = self._head(request, target)
        connection = self._idle.take(target.place) or await self._dialler.dial(target.place)
        try:
            if request.listen_seconds:
                await connection.listen(request.listen_seconds)
            if request.tls_observer:
                request.tls_observer(connection.transport.get_extra_info("ssl_object"))
            connection.ask(head, request.content, has_body=request.method != "HEAD")
            request.connected = True
            await connection.answer.begins()
        except BaseException:
            connection.close()
            raise
        kept = self._idle if request.headers.get("Connection") != "close" else None
        return _Answer(connection, target.place, kept)

    def _head(self, request: Request, target: _Target) -> bytes:
        headers, path = {"Host": target.place.host_field, **request.headers}, target.path
        if self._proxy is not None and not target.place.tls:  # the proxy is who is asked: RFC 9112, 3.2.2
            headers |= self._proxy.headers
            path = f"http://{target.place.host_field}{path}"
        return head_of(request.method, path, headers, len(request.content))

    async def aclose(self) -> None:
        """Close every connection that is idle, and those in use as soon as they would be."""
        self._idle.close()


class _Answer:
    """An `Answer`, on the connection that it comes by."""

    __slots__ = ("_connection", "_fields", "_kept", "_place", "status")

    def __init__(self, connection: HttpConnection, place: Place, kept: IdleConnections | None) -> None:
        self._connection: HttpConnection | None = connection
        self._place = place
        self._kept = kept
        self._fields = connection.answer.fields
        self.status = connection.answer.status

    def header(self, name: str) -> str | None:
        """See `Answer`."""
        wanted = name.lower().encode()
        return next((value.decode("latin-1") for known, value in self._fields if known.lower() == wanted), None)

    async def read_into(self, body: bytearray, limit: int) -> None:
        """See `Answer`."""
        if self._connection:
            await self._connection.answer.read_into(body, limit)

    def close(self) -> None:
        """See `Answer`."""
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if self._kept is None or not self._kept.keep(self._place, connection):
            connection.close()
