"""The only place that opens connections to receivers: httpx's interface over a guarded aiohttp connector.

httpx is what our code sees; aiohttp moves the bytes, at an eighth of the CPU of httpx's own transport (0.25 against
1.98 ms a 500-byte POST). Enforced here, on every dial: the address policy on the concrete address, TLS verification,
no redirects, no environment proxies, no cookies, no decompression. Time and size limits are the sender's.
"""

import asyncio
import errno
import functools
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator
from contextvars import ContextVar
from typing import Any

import aiohttp
import httpx
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from yarl import URL

from domain.addresses import AddressPolicy

# Below the 5 s after which Node and uvicorn close an idle connection: reusing it then would meet a reset.
KEEPALIVE_SECONDS = 4.0
DNS_CACHE_SECONDS = 10
CHUNK_BYTES = 16 * 1024
_LOCAL_ERRORS = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM, errno.EADDRNOTAVAIL})

CONNECTED = "connected"  # a request's extension: an `asyncio.Event`, set before the first byte is written

_dialled_host: ContextVar[str] = ContextVar("dialled_host", default="")
_connected: ContextVar[asyncio.Event | None] = ContextVar("connected", default=None)


class BlockedAddress(httpx.ConnectError):
    """The address policy refuses the address that the host resolved to."""


class NameNotResolved(httpx.ConnectError):
    """The host name has no address, or the resolver does not answer."""


class TlsNotVerified(httpx.ConnectError):
    """The receiver's certificate is not valid for the host, or not trusted."""


class LocalFault(httpx.TransportError):
    """This machine cannot make the request (no file descriptor, no memory): it says nothing of the receiver."""


class _BlockedError(OSError):
    """Travels through aiohttp from the guard to `GuardedTransport`."""


class _GuardedResolver(AbstractResolver):
    """Resolves by the system, and refuses a name of which any address is refused."""

    def __init__(self, policy: AddressPolicy) -> None:
        self._policy = policy

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        loop = asyncio.get_running_loop()
        found = await loop.getaddrinfo(host, port, family=family, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        for entry in found:
            _check(self._policy, host, entry[4])
        return [
            ResolveResult(
                hostname=host,
                host=str(sockaddr[0]),
                port=port,
                family=found_family,
                proto=proto,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for found_family, _, proto, _, sockaddr in found
        ]

    async def close(self) -> None:
        """Nothing is held."""


def _check(policy: AddressPolicy, host: str, sockaddr: tuple[Any, ...]) -> None:
    address, port = ipaddress.ip_address(sockaddr[0]), int(sockaddr[1])
    scoped = any(sockaddr[3:])  # an IPv6 address has its scope id there
    if scoped or not policy.allows(address, port, host=host):
        raise _BlockedError(host)


class _HeadFirst(ResponseHandler):
    """Feeds the parser the head of a response by itself.

    A fault behind the head in the same segment (bytes after a 204, a wrong Content-Length) would otherwise hide
    the status: aiohttp raises on the segment before it hands over the message.
    """

    def data_received(self, data: bytes) -> None:
        """Pass on what arrived, in two parts where a head ends in it."""
        end = data.find(b"\r\n\r\n") + 4
        if 4 <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)
        if self.exception() is not None and self._payload is not None:
            self._payload.set_exception(aiohttp.ClientPayloadError("malformed body"))  # or its reader waits for ever


class _Connector(aiohttp.TCPConnector):
    """A TCPConnector that reads with `_HeadFirst`. aiohttp has no public way to say so; a test pins this one."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._factory: Any = functools.partial(_HeadFirst, loop=asyncio.get_running_loop())

    async def connect(
        self,
        req: aiohttp.ClientRequest,
        traces: list[Any],
        timeout: aiohttp.ClientTimeout,  # noqa: ASYNC109 - the library's signature
    ) -> aiohttp.connector.Connection:
        """Connect, and say so: from here on the request may have reached the receiver."""
        connection = await super().connect(req, traces, timeout)
        if req.headers.get("Connection") == "close" and connection.protocol is not None:
            connection.protocol.force_close()  # whatever the receiver answers, it is not kept for another request
        if connected := _connected.get():
            connected.set()
        return connection


class GuardedTransport(httpx.AsyncBaseTransport):
    """An httpx transport that dials only what the policy allows.

    Raises, from a request: `BlockedAddress`, `NameNotResolved`, `TlsNotVerified`, ``httpx.ConnectError``,
    ``httpx.ReadError`` (the connection broke), ``httpx.RemoteProtocolError`` (not HTTP). It sets no time limit.
    """

    def __init__(self, policy: AddressPolicy, tls: ssl.SSLContext | None = None) -> None:
        self._policy = policy
        self._tls = tls or ssl.create_default_context()
        self._session: aiohttp.ClientSession | None = None

    def _open_session(self) -> aiohttp.ClientSession:
        connector = _Connector(
            limit=0,
            ssl=self._tls,
            resolver=_GuardedResolver(self._policy),
            ttl_dns_cache=DNS_CACHE_SECONDS,
            keepalive_timeout=KEEPALIVE_SECONDS,
            socket_factory=self._open_socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    def _open_socket(self, addr_info: Any) -> socket.socket:
        family, kind, proto, _, sockaddr = addr_info
        _check(self._policy, _dialled_host.get(), sockaddr)
        return socket.socket(family=family, type=kind, proto=proto)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send one request; the response's body is a stream."""
        self._session = self._session or self._open_session()
        _dialled_host.set(request.url.host)
        _connected.set(request.extensions.get(CONNECTED))
        try:
            answer = await self._session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers.raw],
                data=await request.aread(),
                skip_auto_headers=("Accept", "Accept-Encoding", "User-Agent", "Content-Type"),
                allow_redirects=False,
            )
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, request) from None
        return httpx.Response(answer.status, headers=answer.raw_headers, stream=_Body(answer, request), request=request)

    async def aclose(self) -> None:
        """Close every connection."""
        if self._session:
            await self._session.close()


class _Body(httpx.AsyncByteStream):
    def __init__(self, answer: aiohttp.ClientResponse, request: httpx.Request) -> None:
        self._answer = answer
        self._request = request

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._answer.content.iter_chunked(CHUNK_BYTES):
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _translated(error, self._request) from None

    async def aclose(self) -> None:
        # A body read to its end gave its connection back already; anything else is dropped with its connection.
        self._answer.close()


def _translated(error: Exception, request: httpx.Request) -> httpx.TransportError:
    """The httpx error that says what an aiohttp or socket error means for a delivery."""
    if _is_local(error):
        return LocalFault(f"this machine cannot make requests: {_os_reason(error)}", request=request)
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return TlsNotVerified(_certificate_reason(error.certificate_error), request=request)
    if isinstance(error, aiohttp.ClientConnectorError):
        return _not_connected(error, request)
    if isinstance(error, (aiohttp.ClientResponseError, aiohttp.ClientPayloadError)):
        return httpx.RemoteProtocolError("invalid response", request=request)
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return httpx.ReadError("connection closed before an answer", request=request)
    return httpx.ReadError(_os_reason(error), request=request)


def _is_local(error: Exception) -> bool:
    cause = getattr(error, "os_error", error)
    return isinstance(cause, OSError) and cause.errno in _LOCAL_ERRORS


def _not_connected(error: aiohttp.ClientConnectorError, request: httpx.Request) -> httpx.ConnectError:
    if isinstance(error.os_error, _BlockedError):
        return BlockedAddress("address refused", request=request)
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NameNotResolved("host name not found", request=request)
    return httpx.ConnectError(_os_reason(error.os_error), request=request)


def _certificate_reason(error: Exception) -> str:
    return getattr(error, "verify_message", "") or "certificate not trusted"


def _os_reason(error: Exception) -> str:
    if isinstance(error, ConnectionRefusedError):
        return "connection refused"
    if isinstance(error, ConnectionResetError):
        return "connection reset"
    if isinstance(error, ssl.SSLError):
        return "TLS handshake failed"
    reason = error.strerror if isinstance(error, OSError) else None
    return reason or "connection failed"
