"""The guarded transport against real sockets."""

import asyncio
import ipaddress
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from typing import Any

import httpx
import pytest
import pytest_asyncio
import trustme

from activities import exchange
from activities.exchange import Request
from activities.transport import GuardedTransport
from activities.transport_errors import (
    BlockedAddress,
    BrokenOff,
    NameNotResolved,
    NotConnected,
    NotHttp,
    TlsNotVerified,
    TransportFault,
)
from domain.addresses import AddressPolicy
from tests.support.sink import Answer, Drop, Garbage, HalfBody, Redirect, Reset, Sink

Resolve = Callable[..., None]
LOOPBACK_ALLOWED = AddressPolicy(allowed_networks=(ipaddress.ip_network("127.0.0.0/8"),))


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[GuardedTransport]:
    """With the default policy."""
    made = GuardedTransport(AddressPolicy())
    yield made
    await made.aclose()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Resolve:
    """Makes the system's resolver answer with chosen addresses for every name, within a running loop."""

    def install(*addresses: str) -> None:
        async def answer(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
            return [_entry(address, port) for address in addresses]

        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", answer)

    return install


def _entry(address: str, port: int) -> tuple[Any, ...]:
    if ":" not in address:
        return (socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port))
    plain, _, scope = address.partition("%")
    return (socket.AF_INET6, socket.SOCK_STREAM, 6, "", (plain, port, 0, int(scope or 0)))


async def _post(transport: GuardedTransport, url: str, **parts: Any) -> tuple[exchange.Answer, bytes]:
    """One request, and the answer with its body."""
    answer = await transport.send(Request("POST", url, **parts))
    try:
        body = bytearray()
        await answer.read_into(body, 1_000_000)
        return answer, bytes(body)
    finally:
        answer.close()


async def test_a_loopback_url_is_dialled(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Answer(201, b"made", {"X-Told": "yes"}))
    answer, body = await _post(transport, sink.url("/hook"), content=b"bytes")
    assert (answer.status, body, answer.header("x-told")) == (201, b"made", "yes")
    assert [(got.method, got.path, got.body) for got in sink.received] == [("POST", "/hook", b"bytes")]


async def test_localhost_is_dialled(sink: Sink, transport: GuardedTransport) -> None:
    assert (await _post(transport, sink.url(host="localhost")))[0].status == 200


@pytest.mark.parametrize(
    "path",
    ["/", "/a/b?c=d", "/a%2Fb?x=%20&y=a+b", "/%7Euser", "/a;b=c,d", "/?q", "/a//b", "/'quoted'", "/a?b=%zz"],
)
async def test_path_and_query_arrive_as_registered(path: str, sink: Sink, transport: GuardedTransport) -> None:
    await _post(transport, sink.url(path))
    assert [got.path for got in sink.received] == [path]


async def test_headers_arrive_as_given_and_none_is_added_but_framing(sink: Sink, transport: GuardedTransport) -> None:
    await _post(transport, sink.url(), headers={"X-Mine": "1"}, content=b"abc")
    assert sorted(sink.received[0].headers) == ["content-length", "host", "x-mine"]
    assert sink.received[0].headers["host"] == f"127.0.0.1:{sink.port}"


async def test_a_connection_is_used_again(sink: Sink, transport: GuardedTransport) -> None:
    for _ in range(3):
        await _post(transport, sink.url())
    assert (len(sink.received), sink.connections) == (3, 1)


async def test_a_connection_whose_body_was_not_read_is_not_used_again(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Answer(200, b"x" * 1_000_000), Answer())
    for _ in range(2):
        (await transport.send(Request("POST", sink.url()))).close()
    assert sink.connections == 2


@pytest.mark.parametrize(
    "host",
    ["2130706433", "0177.0.0.1", "0x7f.0.0.1", "0x7f000001", "127.1", "0", "0.0.0.0", "[::ffff:127.0.0.1]", "[::]"],
)
async def test_odd_spellings_of_loopback_are_not_dialled(host: str, sink: Sink, transport: GuardedTransport) -> None:
    with pytest.raises((TransportFault, httpx.InvalidURL)):
        await _post(transport, f"http://{host}:{sink.port}/")
    assert sink.connections == 0


@pytest.mark.parametrize(
    "address",
    ["10.0.0.1", "169.254.169.254", "192.168.1.1", "100.64.0.1", "[fd00:ec2::254]", "[fe80::1]", "[64:ff9b::7f00:1]"],
)
async def test_private_literals_are_not_dialled(address: str, transport: GuardedTransport) -> None:
    with pytest.raises(BlockedAddress):
        await _post(transport, f"http://{address}/")


async def test_own_ports_are_not_dialled(sink: Sink) -> None:
    transport = GuardedTransport(AddressPolicy(own_ports=frozenset({sink.port})))
    for host in ("127.0.0.1", "localhost"):
        with pytest.raises(BlockedAddress):
            await _post(transport, sink.url(host=host))
    assert sink.connections == 0
    await transport.aclose()


async def test_a_name_that_resolves_to_loopback_is_refused(
    sink: Sink, transport: GuardedTransport, resolve: Resolve
) -> None:
    resolve("127.0.0.1")
    with pytest.raises(BlockedAddress):
        await _post(transport, sink.url(host="rebound.example"))
    assert sink.connections == 0


async def test_a_name_that_resolves_to_loopback_is_dialled_where_the_deployment_allows_it(
    sink: Sink, resolve: Resolve
) -> None:
    resolve("127.0.0.1")
    transport = GuardedTransport(LOOPBACK_ALLOWED)
    assert (await _post(transport, sink.url(host="rebound.example")))[0].status == 200
    assert sink.received[0].headers["host"] == f"rebound.example:{sink.port}"
    await transport.aclose()


@pytest.mark.parametrize(
    "addresses",
    [
        ("93.184.216.34", "127.0.0.1"),
        ("127.0.0.1", "93.184.216.34"),
        ("2606:4700::1111", "10.0.0.1"),
        ("::ffff:127.0.0.1",),
        ("2606:4700::1111%2",),
        ("fe80::1%2",),
    ],
)
async def test_one_refused_address_refuses_the_name(
    addresses: tuple[str, ...], transport: GuardedTransport, resolve: Resolve
) -> None:
    resolve(*addresses)
    with pytest.raises(BlockedAddress):
        await _post(transport, "http://mixed.example/")


async def test_a_redirect_is_not_followed(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Redirect(sink.url("/elsewhere"), 307))
    assert (await _post(transport, sink.url("/first")))[0].status == 307
    assert [got.path for got in sink.received] == ["/first"]


async def test_an_unknown_name_is_not_resolved(transport: GuardedTransport) -> None:
    with pytest.raises(NameNotResolved):
        await _post(transport, "https://does-not-exist.invalid/")


async def test_a_closed_port_is_a_connect_error(transport: GuardedTransport) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        with pytest.raises(NotConnected, match="connection refused"):
            await _post(transport, f"http://127.0.0.1:{taken.getsockname()[1]}/")


async def test_a_reset_is_a_read_error(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Reset())
    with pytest.raises(BrokenOff):
        await _post(transport, sink.url())


async def test_a_connection_closed_before_an_answer_is_a_read_error(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Drop())
    with pytest.raises(BrokenOff, match="closed before an answer"):
        await _post(transport, sink.url())


async def test_garbage_is_a_protocol_error(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(Garbage())
    with pytest.raises(NotHttp):
        await _post(transport, sink.url())


async def test_half_a_body_is_a_protocol_error(sink: Sink, transport: GuardedTransport) -> None:
    sink.script(HalfBody())
    with pytest.raises(NotHttp):
        await _post(transport, sink.url())


async def test_proxies_from_the_environment_are_ignored(
    sink: Sink, transport: GuardedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Sink() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        await _post(transport, sink.url())
        assert (len(sink.received), proxy.connections) == (1, 0)


def _contexts(name: str, *, trusted: bool) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    authority = trustme.CA()
    server, client = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), ssl.create_default_context()
    authority.issue_cert(name).configure_cert(server)
    (authority if trusted else trustme.CA()).configure_trust(client)
    return server, client


async def test_a_trusted_certificate_is_accepted() -> None:
    server, client = _contexts("127.0.0.1", trusted=True)
    transport = GuardedTransport(AddressPolicy(), client)
    async with Sink(server) as sink:
        assert (await _post(transport, sink.url()))[0].status == 200
        await transport.aclose()


@pytest.mark.parametrize(("name", "trusted"), [("127.0.0.1", False), ("other.example", True)])
async def test_an_untrusted_or_foreign_certificate_is_refused_before_a_byte_is_sent(name: str, trusted: bool) -> None:
    server, client = _contexts(name, trusted=trusted)
    transport = GuardedTransport(AddressPolicy(), client)
    async with Sink(server) as sink:
        with pytest.raises(TlsNotVerified):
            await _post(transport, sink.url())
        assert sink.received == []
        await transport.aclose()


async def test_the_system_trust_is_the_default() -> None:
    server, _ = _contexts("127.0.0.1", trusted=True)
    transport = GuardedTransport(AddressPolicy())
    async with Sink(server) as sink:
        with pytest.raises(TlsNotVerified):
            await _post(transport, sink.url())
        await transport.aclose()


async def test_the_certificate_is_checked_against_the_name_not_the_address(resolve: Resolve) -> None:
    server, client = _contexts("receiver.example", trusted=True)
    transport = GuardedTransport(LOOPBACK_ALLOWED, client)
    resolve("127.0.0.1")
    async with Sink(server) as sink:
        assert (await _post(transport, sink.url(host="receiver.example")))[0].status == 200
        await transport.aclose()


async def test_tls_against_a_plain_port_is_a_connect_error(transport: GuardedTransport) -> None:
    async def hello(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(hello, "127.0.0.1", 0)
    async with server:
        with pytest.raises(NotConnected, match="TLS handshake failed"):
            await _post(transport, f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/")
