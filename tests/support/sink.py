"""A real HTTP/1.1 receiver over TCP that answers as it is told, and misbehaves when it is told to.

    async with Sink() as sink:
        sink.script(Answer(503), Answer(200))
        ...
        request, = await sink.wait_for(1)

It is written on raw streams, because no HTTP server library can be made to reset, drip or talk nonsense.
"""

import asyncio
import socket
import ssl
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Protocol, Self

from tests.support.eventually import eventually

_HEAD_LIMIT = 1024 * 1024


@dataclass(frozen=True)
class Received:
    """One request as it came in.

    Attributes:
        pairs: header names and values, in order and as spelt.
        headers: the same, names in lower case; the last one of a repeated name.
        at: monotonic seconds when the request was complete.
    """

    method: str
    path: str
    pairs: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    at: float


class Script(Protocol):
    """One way to answer a request."""

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Answer; whether the connection may serve another request."""


@dataclass(frozen=True)
class Answer:
    """A well-formed answer."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Send it; keeps the connection."""
        headers = {"Content-Length": str(len(self.body))} if _has_body(self.status) else {}
        writer.write(_head(self.status, headers | self.headers) + self.body)
        await writer.drain()
        return True


def Redirect(location: str, status: int = 302) -> Answer:  # noqa: N802 - stands beside the other answers
    """A redirect."""
    return Answer(status, headers={"Location": location})


def RetryAfter(status: int, value: str) -> Answer:  # noqa: N802 - likewise
    """An answer with a Retry-After header."""
    return Answer(status, headers={"Retry-After": value})


@dataclass(frozen=True)
class SlowAnswer:
    """A well-formed answer, by default 200, after a while."""

    seconds: float
    answer: Answer = Answer()

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        await asyncio.sleep(self.seconds)
        return await self.answer.play(writer)


@dataclass(frozen=True)
class Hang:
    """No answer for ``seconds``, then 200."""

    seconds: float = 3600

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Wait, then answer."""
        await asyncio.sleep(self.seconds)
        return await Answer().play(writer)


@dataclass(frozen=True)
class Held:
    """A well-formed answer, by default 200, once it is let go."""

    answer: Answer = Answer()
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Wait, then answer."""
        await self.let_go.wait()
        return await self.answer.play(writer)


@dataclass(frozen=True)
class Drip:
    """The head at once, then one byte of body each ``interval`` seconds, for ever."""

    interval: float = 0.05
    status: int = 200

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Drip until the other side has had enough."""
        writer.write(_head(self.status, {"Content-Length": "1000000000"}))
        while True:
            writer.write(b".")
            await writer.drain()
            await asyncio.sleep(self.interval)


@dataclass(frozen=True)
class DripHead:
    """The head itself, one byte each ``interval`` seconds, with header lines that never end."""

    interval: float = 0.02

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Drip until the other side has had enough."""
        writer.write(b"HTTP/1.1 200 OK\r\n")
        while True:
            for byte in b"X-Slow: 1\r\n":
                writer.write(bytes([byte]))
                await writer.drain()
                await asyncio.sleep(self.interval)


@dataclass(frozen=True)
class Drop:
    """The connection is closed instead of an answer."""

    async def play(self, _writer: asyncio.StreamWriter) -> bool:
        """Close."""
        return False


@dataclass(frozen=True)
class Reset:
    """The connection is reset (RST) instead of an answer, or in the middle of its body."""

    after: bytes = b""

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Close with lingering switched off, which sends RST."""
        if self.after:
            writer.write(self.after)
            await writer.drain()
            await asyncio.sleep(0.7)  # a reset would overtake what a loaded machine has not read from its buffer yet
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()
        return False


@dataclass(frozen=True)
class HalfBody:
    """Half of the body that Content-Length promises, then the connection is closed."""

    status: int = 200
    body: bytes = b"half of it"

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Send half, close."""
        writer.write(_head(self.status, {"Content-Length": str(2 * len(self.body))}) + self.body)
        await writer.drain()
        return False


@dataclass
class HugeBody:
    """A body of ``size`` bytes; ``sent`` tells how many were got rid of."""

    size: int
    status: int = 200
    sent: int = 0

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Send as much as the other side takes."""
        writer.write(_head(self.status, {"Content-Length": str(self.size)}))
        while self.sent < self.size:
            chunk = b"x" * min(64 * 1024, self.size - self.sent)
            writer.write(chunk)
            await writer.drain()
            self.sent += len(chunk)
        return True


@dataclass(frozen=True)
class Garbage:
    """Bytes that are not HTTP."""

    raw: bytes = b"\x00\x01SSH-2.0-OpenSSH_9.9\r\n\r\n"

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Send them, close."""
        writer.write(self.raw)
        await writer.drain()
        return False


@dataclass(frozen=True)
class InformationalFlood:
    """1xx answers without end, and never the real one."""

    status: int = 103

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Flood until the other side has had enough."""
        while True:
            writer.write(_head(self.status, {"Link": "</style.css>"}) * 50)
            await writer.drain()
            await asyncio.sleep(0.001)


@dataclass
class Endless:
    """What it begins with, and then the same piece for ever, as fast as it is taken; ``sent`` counts bytes."""

    piece: bytes
    begin: bytes = b"HTTP/1.1 200 OK\r\n"
    sent: int = 0

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        """Send until the other side has had enough."""
        writer.write(self.begin)
        many = self.piece * max(1, 16_384 // len(self.piece))
        while True:
            writer.write(many)
            await writer.drain()
            self.sent += len(many)


class Sink:
    """Listens on a free port of 127.0.0.1 while it is entered.

    Args:
        tls: serve TLS with this context.

    Attributes:
        received: every request, in order of completion.
        connections: how many connections were accepted, whatever came over them.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.received: list[Received] = []
        self.connections = 0
        self._tls = tls
        self._scripts: dict[str | None, list[Script]] = {None: [Answer()]}
        self._serving: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls, limit=_HEAD_LIMIT)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)
        await self._server.wait_closed()

    @property
    def port(self) -> int:
        """The port it listens on."""
        assert self._server is not None
        port: int = self._server.sockets[0].getsockname()[1]
        return port

    def url(self, path: str = "/", host: str = "127.0.0.1") -> str:
        """The address of a path."""
        return f"{'https' if self._tls else 'http'}://{host}:{self.port}{path}"

    def script(self, *answers: Script, path: str | None = None) -> None:
        """Answer the next requests (to ``path``, or to every path without a script) so; the last answer repeats."""
        assert answers
        self._scripts[path] = list(answers)

    async def wait_for(self, count: int, timeout: float = 10) -> Sequence[Received]:
        """The requests, once there are at least ``count``."""
        await eventually(lambda: len(self.received) >= count, timeout)
        return self.received

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        self.connections += 1
        try:
            async for request in _requests(reader):
                self.received.append(request)
                if not await self._next(request.path).play(writer):
                    break
        except (OSError, asyncio.CancelledError):
            pass  # the other side went away, or the sink is closed: both end this connection and nothing else
        finally:
            self._serving.discard(task)
            await _closed(writer)

    def _next(self, path: str) -> Script:
        bare = path.partition("?")[0]
        answers = self._scripts[bare if bare in self._scripts else None]
        return answers.pop(0) if len(answers) > 1 else answers[0]


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        async with asyncio.timeout(1):  # TLS waits for the other side's goodbye
            await writer.wait_closed()


async def _requests(reader: asyncio.StreamReader) -> AsyncIterator[Received]:
    while True:
        try:
            head = await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return
        first, *lines = head.decode("latin-1").removesuffix("\r\n\r\n").split("\r\n")
        method, path, _ = first.split(" ")
        pairs = [(name, value.strip()) for name, _, value in (line.partition(":") for line in lines)]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        yield Received(method, path, pairs, headers, body, time.monotonic())


def _head(status: int, headers: dict[str, str]) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Unregistered"
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def _has_body(status: int) -> bool:
    return status >= 200 and status not in {204, 304}
