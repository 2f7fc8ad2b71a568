"""Requests that offer another protocol are requests like any other: real sockets, uvicorn, an echo of a few lines."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from service.reception import Reception
from service.server import api_config, listen
from tests.support.eventually import eventually

H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAA\r\n"
WEBSOCKET = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAA\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"


class Connection:
    """One to the server, by hand."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer

    async def answer(self) -> list[str]:
        """The method, the path and the body that were understood."""
        head = await self._reader.readuntil(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 200 "), head
        told: list[str] = json.loads(await self._reader.readexactly(int(head.split(b"content-length: ")[1].split()[0])))
        return told


async def _echo(scope: Any, receive: Any, send: Any) -> None:
    if scope["type"] != "http":
        return
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = json.dumps([scope["method"], scope["path"], body.decode()]).encode()
    length = [(b"content-length", str(len(told)).encode())]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": told})


@pytest_asyncio.fixture
async def connection() -> AsyncIterator[Connection]:
    """To a server as the API has it."""
    listener = listen("127.0.0.1", 0)
    server = uvicorn.Server(api_config(_echo, Reception(100)))
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    connection = Connection(*await asyncio.open_connection(*listener.getsockname()))
    yield connection
    connection.writer.transport.abort()
    server.should_exit = True
    await running


def request(line: str, *headers: bytes, body: bytes = b"") -> bytes:
    """A request with a length."""
    head = f"{line} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    return head.encode() + b"".join(headers) + b"\r\n" + body


@pytest.mark.parametrize("offer", [H2C, WEBSOCKET, H2C.upper()], ids=["h2c", "websocket", "in capitals"])
@pytest.mark.parametrize("piece", [1, 7, 65536])
async def test_the_body_of_a_request_that_offers_another_protocol_is_taken(
    connection: Connection, offer: bytes, piece: int
) -> None:
    sent = request("POST /a", offer, body=b"hello") + request("PUT /b", body=b"plain") + request("POST /c", offer)
    for place in range(0, len(sent), piece):
        connection.writer.write(sent[place : place + piece])
        await asyncio.sleep(0)
    assert await connection.answer() == ["POST", "/a", "hello"]
    assert await connection.answer() == ["PUT", "/b", "plain"]
    assert await connection.answer() == ["POST", "/c", ""]


@pytest.mark.parametrize("length", [b"Content-Length: 5\r\n\r\nhello", CHUNKED], ids=["counted", "chunked"])
async def test_every_request_of_a_connection_may_have_an_offer(connection: Connection, length: bytes) -> None:
    for number in range(3):
        connection.writer.write(f"POST /{number} HTTP/1.1\r\nHost: localhost\r\n".encode() + H2C + length)
        assert await connection.answer() == ["POST", f"/{number}", "hello"]
    connection.writer.write(b"GET /last HTTP/1.1\r\nHost: localhost\r\n" + H2C + b"\r\n")
    assert await connection.answer() == ["GET", "/last", ""]


async def test_thousands_of_requests_with_offers_may_come_at_once(connection: Connection) -> None:
    asked = 3000  # in fewer bytes than a connection reads at once, and more than Python's calls may be nested
    offer = b"Connection: upgrade\r\nUpgrade: a\r\n"
    connection.writer.write(b"".join(request(f"GET /{number}", offer) for number in range(asked)))
    for number in range(asked):
        assert await connection.answer() == ["GET", f"/{number}", ""]


async def test_what_is_in_the_body_is_no_request(connection: Connection) -> None:
    inner = request("DELETE /all")
    connection.writer.write(request("POST /a", H2C, body=inner) + request("GET /b"))
    assert await connection.answer() == ["POST", "/a", inner.decode()]
    assert await connection.answer() == ["GET", "/b", ""]


async def test_a_long_body_of_a_request_with_an_offer_comes_whole(connection: Connection) -> None:
    body = b"x" * 3_000_000
    connection.writer.write(request("POST /a", H2C, body=body))
    assert await connection.answer() == ["POST", "/a", body.decode()]


async def test_a_request_with_two_lengths_is_refused_whatever_it_offers(connection: Connection) -> None:
    connection.writer.write(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n" + H2C + CHUNKED)
    with pytest.raises(AssertionError, match="400"):
        await connection.answer()
