"""Connections to receivers: under the address policy, by way of an egress proxy where there is one, TLS verified."""

import asyncio
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import aiohappyeyeballs
import httpx

from activities.guarded_addresses import GuardedAddresses
from activities.http_connection import SHUTDOWN_SECONDS, HttpConnection
from activities.places import Place, place_of
from activities.request_heads import head_of
from activities.translation import not_connected
from activities.transport_errors import (
    BlockedAddress,
    CertificateRefused,
    LocalFault,
    NoConnectionInTime,
    ProxyFailed,
    TlsNotVerified,
    TransportFault,
)
from domain.addresses import AddressPolicy
from domain.outcomes import status_text

HAPPY_EYEBALLS_SECONDS = 0.25  # RFC 8305, 5: before the next address is tried beside the one before


@dataclass(frozen=True)
class EgressProxy:
    """A proxy, as ``http(s)://host:port``, and what it is told as Proxy-Authorization."""

    url: str
    authorization: str | None = field(default=None, repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """What is for the proxy alone."""
        return {"Proxy-Authorization": self.authorization} if self.authorization else {}

    @cached_property
    def place(self) -> Place:
        """What is dialled."""
        return place_of(httpx.URL(self.url))


class Dialler:
    """Makes connections, and only such as the policy allows.

    Args:
        policy: checked on every dialled address; behind a proxy that is the proxy's, which dials the receiver itself.
        tls: verifies receivers, and an https proxy.
        proxy: all connections are made by way of it.
        seconds: for name, connection, proxy and TLS together; None for no limit of its own.
    """

    def __init__(
        self, policy: AddressPolicy, tls: ssl.SSLContext, proxy: EgressProxy | None, seconds: float | None
    ) -> None:
        self._addresses = GuardedAddresses(policy)
        self._tls = tls
        self._proxy = proxy
        self._seconds = seconds

    def check(self, place: Place) -> None:
        """Check a receiver behind a proxy, at every request: the proxy is what is dialled, and that once for many.

        Raises:
            BlockedAddress: the policy refuses it.
        """
        if self._proxy is not None:
            self._addresses.check_behind_proxy(place, proxy_host=self._proxy.place.host)

    async def dial(self, place: Place) -> HttpConnection:
        """Connect to a receiver: to the proxy in its stead, where there is one, and through that where TLS is spoken.

        Raises:
            TransportFault: there is no connection.
        """
        try:
            async with asyncio.timeout(self._seconds):
                if self._proxy is None:
                    return await self._connect(place)
                with _proxys_fault("the proxy is not reached"):
                    connection = await self._connect(self._proxy.place)
                return await self._tunnel(connection, self._proxy, place) if place.tls else connection
        except TimeoutError:
            raise NoConnectionInTime("no connection in time") from None

    async def _connect(self, place: Place) -> HttpConnection:
        """Connect to one address of a place, and speak TLS there if that is due; to another one where that fails."""
        entries = await self._addresses.of(place)
        try:
            while True:
                sock = await aiohappyeyeballs.start_connection(entries, happy_eyeballs_delay=HAPPY_EYEBALLS_SECONDS)
                tried = _peer(sock)
                try:
                    return await self._speak(sock, place)
                except OSError:
                    with suppress(ValueError):  # it is none of them: 0.0.0.0 leads to 127.0.0.1
                        aiohappyeyeballs.remove_addr_infos(entries, tried)
                        if entries:
                            continue
                    raise
        except (OSError, RuntimeError) as error:  # the latter may be uvloop's
            raise not_connected(error) from None

    async def _speak(self, sock: socket.socket, place: Place) -> HttpConnection:
        options: dict[str, Any] = {}
        if place.tls:
            options = {"ssl": self._tls, "server_hostname": place.name, "ssl_shutdown_timeout": SHUTDOWN_SECONDS}
        # Whatever goes wrong, the loop closes the socket: it may know it still, and would mistake the next one for it.
        _, connection = await asyncio.get_running_loop().create_connection(HttpConnection, sock=sock, **options)
        return connection

    async def _tunnel(self, outer: HttpConnection, proxy: EgressProxy, place: Place) -> HttpConnection:
        """Have the proxy connect to the receiver, and speak TLS with that."""
        inner, loop = HttpConnection(), asyncio.get_running_loop()
        try:
            await _ask_tunnel(outer, proxy, place)
            way, until = outer.leave(), SHUTDOWN_SECONDS
            spoken = await loop.start_tls(way, inner, self._tls, server_hostname=place.name, ssl_shutdown_timeout=until)
        except BaseException as error:
            outer.close()
            if isinstance(error, (OSError, TypeError, RuntimeError)):  # the latter two are asyncio's, which lost it
                raise not_connected(error) from None
            raise
        if spoken is None:
            raise not_connected(ConnectionResetError())
        inner.connection_made(spoken)  # which is left to whoever upgrades a connection
        return inner


async def _ask_tunnel(outer: HttpConnection, proxy: EgressProxy, place: Place) -> None:
    """RFC 9110, 9.3.6."""
    with _proxys_fault("the proxy makes no tunnel"):
        outer.ask(head_of("CONNECT", place.authority, {"Host": place.authority, **proxy.headers}, 0), has_body=False)
        await outer.answer.begins()
    if not 200 <= outer.answer.status < 300:
        raise ProxyFailed(f"the proxy answered {status_text(outer.answer.status)}")


@contextmanager
def _proxys_fault(said: str) -> Iterator[None]:
    """What goes wrong here is the proxy's fault, and none of the receiver's."""
    try:
        yield
    except (BlockedAddress, CertificateRefused, LocalFault, TlsNotVerified):
        raise
    except TransportFault as fault:
        raise ProxyFailed(f"{said}: {fault}") from None


def _peer(sock: socket.socket) -> Any:
    try:
        return sock.getpeername()
    except OSError:  # it has none any more
        sock.close()
        raise
