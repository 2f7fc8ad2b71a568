"""Receivers that answer before they have read what they were asked, or before they were asked."""

import asyncio
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
import trustme

from activities.exchange import Request
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from tests.support.authorities import make_http_client, server_tls
from tests.support.client_senders import ClientSender
from tests.support.proxy import EgressProxyServer

BUSY = b"HTTP/1.1 503 Busy\r\nRetry-After: 7\r\nConnection: close\r\nContent-Length: 4\r\n\r\nbusy"
SERVERS = trustme.CA()


@contextmanager
def load_shedder(tls: ssl.SSLContext | None) -> Iterator[int]:
    """Answers 503 to the first byte of each connection, and closes it: what is left unread makes that a reset."""

    def shed(plain: socket.socket) -> None:
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with suppress(OSError), tls.wrap_socket(plain, server_side=True) if tls else plain as one:
            one.recv(1)
            one.sendall(BUSY)

    def serve() -> None:
        with suppress(OSError):
            while True:
                shed(listening.accept()[0])

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve)
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        serving.join()


@pytest.mark.parametrize("tls", [None, server_tls(SERVERS)], ids=["http", "https"])
@pytest.mark.parametrize("size", [500, 100_000, 20_000_000])
async def test_an_answer_is_read_whatever_its_sender_has_read(tls: ssl.SSLContext | None, size: int) -> None:
    client = ssl.create_default_context()
    SERVERS.configure_trust(client)
    transport, body = GuardedTransport(AddressPolicy(), client), bytearray()
    with load_shedder(tls) as port:
        for _ in range(5):
            url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/"
            async with asyncio.timeout(10):
                answer = await transport.send(Request("POST", url, content=b"x" * size))
                await answer.read_into(body, 100)
            answer.close()
            assert (answer.status, answer.header("Retry-After"), bytes(body)) == (503, "7", b"busy")
            body.clear()
    await transport.aclose()


async def test_what_comes_right_behind_the_handshake_in_a_tunnel_is_no_fault_of_ours(
    by_client: ClientSender, caplog: pytest.LogCaptureFixture
) -> None:
    async def greet(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(BUSY)
        writer.close()

    tls = server_tls(SERVERS, "receiver.example")
    tls.maximum_version = ssl.TLSVersion.TLSv1_2  # whose servers have the last word of the handshake
    async with (
        await asyncio.start_server(greet, "127.0.0.1", 0, ssl=tls) as receiver,
        EgressProxyServer(receiver.sockets[0].getsockname()) as proxy,
    ):
        by_client.have(make_http_client(proxy=proxy.url, trust=SERVERS))
        for _ in range(5):
            attempt = await by_client.send("https://receiver.example/hook")
            assert attempt.retryable
            assert attempt.status == 503 or attempt.error == "it answered before it was asked"
    assert [record.getMessage() for record in caplog.records if record.name == "asyncio"] == []
