"""Idle connections to the API are ended, and there are only so many: real sockets, a server of a few lines."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

import pytest
import pytest_asyncio
import uvicorn

from service.reception import MOST_HEAD_BYTES, Reception
from service.server import api_config, listen
from tests.support.eventually import eventually, within

LARGE = bytes(16 * 1024 * 1024)
LITTLE = bytes(60 * 1024)  # less than what writing pauses for, and more than small buffers of sockets take
REQUEST = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"


@dataclass
class Served:
    """A server whose application answers ``/`` at once, and anything else when it is told to."""

    port: int
    reception: Reception
    asked: list[str] = field(default_factory=list)
    clients: list[str] = field(default_factory=list)
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    visitors: list["Visitor"] = field(default_factory=list)
    connections: Any = ()

    async def __call__(self, scope: Any, _receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        self.asked.append(scope["path"])
        self.clients.append(scope["client"][0])
        if scope["path"] == "/held":
            await self.go_on.wait()
        if scope["path"] == "/begun":
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await self.go_on.wait()
        if scope["path"] == "/large":
            length = str(len(LARGE)).encode()
            await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
            for _ in range(2):
                await send({"type": "http.response.body", "body": LARGE[: len(LARGE) // 2], "more_body": True})
            self.asked.append("/large is over")
            return
        body = LITTLE if scope["path"] == "/little" else b"ok"
        length = str(len(body)).encode()
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        await send({"type": "http.response.body", "body": body})

    async def visit(self, sent: bytes = b"") -> "Visitor":
        visitor = Visitor(*await asyncio.open_connection("127.0.0.1", self.port))
        visitor.writer.write(sent)
        self.visitors.append(visitor)
        return visitor


@dataclass
class Visitor:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def answer(self) -> bytes:
        head = await self.reader.readuntil(b"\r\n\r\n")
        length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return head.partition(b"\r\n")[0] + b" " + await self.reader.readexactly(length)

    async def ended(self) -> bytes:
        """What came until the connection was closed, or reset as a client is that goes on sending."""
        came = b""
        with suppress(ConnectionResetError):
            while piece := await self.reader.read(65536):
                came += piece
        return came + bytes(self.reader._buffer)  # type: ignore[attr-defined]  # had it come just before the reset


Open = Callable[..., Any]


@asynccontextmanager
async def serving(most: int, head_seconds: float) -> AsyncIterator[Served]:
    listener: socket.socket = listen("127.0.0.1", 0)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)  # of each connection: what is not taken shows soon
    served = Served(listener.getsockname()[1], Reception(most, head_seconds))
    server = uvicorn.Server(api_config(served, served.reception))
    served.connections = server.server_state.connections
    running = asyncio.create_task(server.serve(sockets=[listener]))
    await eventually(lambda: server.started)
    try:
        yield served
    finally:
        served.go_on.set()
        for visitor in served.visitors:
            visitor.writer.transport.abort()
        server.should_exit = True
        await running


@pytest_asyncio.fixture
async def opened() -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def start(*, most: int = 100, head_seconds: float = 60.0) -> Served:
            return await stack.enter_async_context(serving(most, head_seconds))

        yield start


async def test_a_connection_that_asks_for_nothing_is_closed(opened: Open) -> None:
    served = await opened(head_seconds=0.1)
    assert await (await served.visit()).ended() == b""


@pytest.mark.parametrize("before", [b"", REQUEST])
async def test_a_head_that_comes_byte_by_byte_is_408(opened: Open, before: bytes) -> None:
    served = await opened(head_seconds=0.5)
    visitor = await served.visit(before)
    if before:
        assert await visitor.answer() == b"HTTP/1.1 200 OK ok"
    dripping = asyncio.create_task(drip(visitor, b"\r\nGET / HTTP/1.1\r\nX: " + b"x" * 10_000))
    assert (await visitor.ended()).startswith(b"HTTP/1.1 408 Request Timeout\r\n")
    dripping.cancel()


async def drip(visitor: Visitor, data: bytes) -> None:
    for byte in data:
        visitor.writer.write(bytes([byte]))
        await asyncio.sleep(0.1)  # seldom enough for an answer to be read before the next one finds nobody


async def test_a_head_without_end_is_431(opened: Open) -> None:
    begun = b"GET / HTTP/1.1\r\nX: "
    visitor = await (await opened()).visit(begun.ljust(MOST_HEAD_BYTES + 1, b"x"))
    assert (await visitor.ended()).startswith(b"HTTP/1.1 431 ")


async def test_a_body_that_nobody_waited_for_is_no_head(opened: Open) -> None:
    served = await opened()
    visitor = await served.visit(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 300000\r\n\r\n")
    assert await visitor.answer() == b"HTTP/1.1 200 OK ok"
    visitor.writer.write(b"x" * 300_000 + REQUEST)
    assert await visitor.answer() == b"HTTP/1.1 200 OK ok"


async def test_a_request_under_way_has_all_the_time_it_needs_and_so_has_what_is_pipelined(opened: Open) -> None:
    served = await opened(head_seconds=0.1)
    held = await served.visit(REQUEST.replace(b"/ ", b"/held ") + REQUEST)
    await eventually(lambda: served.asked == ["/held"])
    assert await (await served.visit()).ended() == b""  # longer than a head may take
    served.go_on.set()
    assert [await held.answer(), await held.answer()] == [b"HTTP/1.1 200 OK ok"] * 2


async def test_past_the_limit_the_one_that_idles_longest_makes_room(opened: Open) -> None:
    served = await opened(most=3)
    held = await served.visit(REQUEST.replace(b"/ ", b"/held "))
    await eventually(lambda: served.asked == ["/held"])
    idle = await served.visit()
    kept = await served.visit(REQUEST)
    assert await kept.answer() == b"HTTP/1.1 200 OK ok"
    newcomer = await served.visit(REQUEST)
    assert await newcomer.answer() == b"HTTP/1.1 200 OK ok"
    assert await idle.ended() == b""
    kept.writer.write(REQUEST)
    assert await kept.answer() == b"HTTP/1.1 200 OK ok"
    served.go_on.set()
    assert await held.answer() == b"HTTP/1.1 200 OK ok"


async def test_a_flood_of_idle_connections_leaves_few_open_and_keeps_nobody_out(opened: Open) -> None:
    served = await opened(most=10)
    flood = [await served.visit() for _ in range(100)]
    assert await (await served.visit(REQUEST)).answer() == b"HTTP/1.1 200 OK ok"
    assert [await visitor.ended() for visitor in flood[:90]] == [b""] * 90


async def test_where_all_are_in_use_a_newcomer_is_503(opened: Open) -> None:
    served = await opened(most=2)
    held = [await served.visit(REQUEST.replace(b"/ ", b"/held ")) for _ in range(2)]
    await eventually(lambda: len(served.asked) == 2)
    for newcomer in [await served.visit() for _ in range(3)]:
        newcomer.writer.write(REQUEST)
        refused = await newcomer.ended()
        assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"retry-after: 1\r\n" in refused
        assert b'"code": "service_unavailable"' in refused
    served.go_on.set()
    assert [await visitor.answer() for visitor in held] == [b"HTTP/1.1 200 OK ok"] * 2


async def test_nobody_says_by_a_header_where_a_request_is_from(opened: Open) -> None:
    served = await opened()
    claim = REQUEST.replace(b"Host", b"X-Forwarded-For: 192.0.2.7\r\nHost")
    assert await (await served.visit(claim)).answer() == b"HTTP/1.1 200 OK ok"
    assert served.clients == ["127.0.0.1"]


async def test_who_does_not_take_an_answer_does_not_keep_the_place(
    opened: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.reception.UNREAD_SECONDS", 0.2)
    served = await opened()
    await served.visit(REQUEST.replace(b"/ ", b"/large ", 1) * 3)
    await eventually(lambda: "/large is over" in served.asked)


@pytest.mark.parametrize(
    "then",
    [
        b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: " + b"x" * MOST_HEAD_BYTES,
        b"\0",
        b"",
    ],
)
async def test_an_end_does_not_wait_for_a_client_that_takes_nothing(
    opened: Open, monkeypatch: pytest.MonkeyPatch, then: bytes
) -> None:
    monkeypatch.setattr("service.reception.UNREAD_SECONDS", 0.2)
    monkeypatch.setattr("service.server.KEEP_ALIVE_SECONDS", 1)
    served = await opened()
    deaf = socket.socket()
    deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    with deaf:
        deaf.connect(("127.0.0.1", served.port))
        deaf.sendall(REQUEST.replace(b"/ ", b"/little ", 1))
        await eventually(lambda: served.asked == ["/little"])
        assert served.connections
        deaf.sendall(then)
        await eventually(lambda: not served.connections)


async def test_what_is_no_http_is_not_answered_within_an_answer(opened: Open) -> None:
    visitor = await (await opened()).visit(REQUEST.replace(b"/ ", b"/begun ", 1))
    assert await visitor.reader.readexactly(9) == b"HTTP/1.1 "
    visitor.writer.write(b"\0\r\n\r\n")
    assert b"HTTP/1.1" not in await within(3, visitor.ended())


@pytest.mark.parametrize("trailers", [b"X: y\r\n" * 20_000, b"X: " + b"y" * 120_000])
async def test_trailers_are_neither_kept_nor_without_end(opened: Open, trailers: bytes) -> None:
    served = await opened()
    visitor = await served.visit(b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n")
    assert await visitor.answer() == b"HTTP/1.1 200 OK ok"
    for begin in range(0, len(trailers), 4096):
        visitor.writer.write(trailers[begin : begin + 4096])
        await asyncio.sleep(0)
    await within(3, visitor.ended())  # not only when a body that nobody wants has had its time
