"""The HTTP of `im listen`: what is posted is handed on as it came, and answered as is said."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, NamedTuple

import uvicorn
from starlette.types import Receive, Scope, Send

from domain.captures import Capture
from service.http11 import Http11
from service.server import KEEP_ALIVE_SECONDS, EmbeddedServer

CLOSE_SECONDS = 1
MAX_BODY_BYTES = 1024 * 1024
SHOWN_PATH = 200  # characters
STOPPED = "im listen was stopped"
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})
_TLS_HANDSHAKE = b"\x16"  # how a connection begins on which TLS is spoken (RFC 8446, 5.1)


class Reply(NamedTuple):
    """How a request is answered; as plain text where ``headers`` name no content type."""

    status: int
    body: bytes = b""
    headers: tuple[tuple[bytes, bytes], ...] = ()


class Refusal(NamedTuple):
    """What was answered without being looked at, and why."""

    status: int
    said: str


class PostServer:
    """Serves while it is open.

    Args:
        answer: is given each request, and says how it is answered. It is cancelled a second after the end has begun.
        refused: is told of what is not handed on.
    """

    def __init__(self, answer: Callable[[Capture], Awaitable[Reply]], refused: Callable[[Refusal], None]) -> None:
        self._answer = answer
        self._refused = refused
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            http=self._visit,  # type: ignore[arg-type]  # uvicorn calls it as it would a class
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CLOSE_SECONDS + 1,  # what is answered then may take a moment to go out
        )
        self._server = EmbeddedServer(config)
        self._serving: asyncio.Task[None] | None = None
        self._held: set[asyncio.Timeout] = set()
        self._ends_at: float | None = None
        self._log = logging.getLogger("uvicorn.error")
        self._log_level = self._log.level

    def open(self, host: str, port: int) -> int:
        """Listen; gives the port, which is a free one for 0.

        Raises:
            OSError: that is not possible.
        """
        listener = socket.create_server((host, port))
        self._log_level = self._log.level
        self._log.setLevel(logging.ERROR)  # of what clients do wrong, `refused` is told
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Listen no more; what is being answered is given a second, and then 503."""
        if self._serving is None:
            return
        self._ends_at = asyncio.get_running_loop().time() + CLOSE_SECONDS
        for limit in self._held:
            limit.reschedule(self._ends_at)
        self._log.setLevel(logging.CRITICAL)  # that something is cut off then is nobody's error
        self._server.should_exit = True
        await self._serving
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)
        self._log.setLevel(self._log_level)
        self._serving = None

    def _visit(self, **parts: Any) -> Http11:
        """The protocol of a new connection; ``parts`` are uvicorn's."""
        return _Visit(lambda said: self._refused(Refusal(HTTPStatus.BAD_REQUEST, said)), **parts)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        reply: Reply | None
        try:
            async with asyncio.timeout_at(self._ends_at) as limit:
                self._held.add(limit)
                try:
                    reply = await self._reply(scope, receive)
                finally:
                    self._held.discard(limit)
        except TimeoutError:
            if not limit.expired():
                raise
            reply = Reply(HTTPStatus.SERVICE_UNAVAILABLE, STOPPED.encode())
        if reply is not None:
            await _send(send, reply)

    async def _reply(self, scope: Scope, receive: Receive) -> Reply | None:
        """How a request is answered; None where it broke off."""
        what = f"{scope['method']} {scope['path'][:SHOWN_PATH]}"
        if scope["method"] != "POST":
            upgrade = [value for name, value in scope["headers"] if name.lower() == b"upgrade"]
            unless = f", and does not upgrade to {upgrade[0].decode('latin-1')}" if upgrade else ""
            self._refused(Refusal(HTTPStatus.METHOD_NOT_ALLOWED, f"{what}: im listen takes POST{unless}"))
            return Reply(HTTPStatus.METHOD_NOT_ALLOWED, b"im listen takes POST", ((b"allow", b"POST"),))
        try:
            body = await _body(receive)
        except asyncio.CancelledError:
            self._refused(Refusal(HTTPStatus.SERVICE_UNAVAILABLE, f"{what}: {STOPPED} before the body was whole"))
            raise
        if body is None:
            return None
        if len(body) > MAX_BODY_BYTES:
            self._refused(Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"{what}: its body is over 1 MiB"))
            return Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, b"im listen takes 1 MiB")
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        return await self._answer(Capture(headers, body))


class _Visit(Http11):
    """Leaves the names of headers as they are spelt, which uvicorn has in lower case; tells of what is no HTTP."""

    def __init__(self, tell: Callable[[str], None], **parts: Any) -> None:
        super().__init__(**parts)
        self._tell: Callable[[str], None] | None = tell
        self._first = b""

    def data_received(self, data: bytes) -> None:
        self._first = self._first or data[:1]
        super().data_received(data)

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.headers[-1] = name, value

    def send_400_response(self, msg: str) -> None:
        super().send_400_response(msg)
        if self._tell is not None:  # once a connection
            tls = self._first == _TLS_HANDSHAKE
            self._tell(
                "somebody speaks https to this port, which speaks http" if tls else "what came is no HTTP/1.1 request"
            )
            self._tell = None


async def _body(receive: Receive) -> bytes | None:
    """The body of a request, of one that is too large not all; None where it broke off."""
    body, more = bytearray(), True
    while more and len(body) <= MAX_BODY_BYTES:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message["body"]
        more = message["more_body"]
    return bytes(body)


async def _send(send: Send, reply: Reply) -> None:
    body, headers = reply.body, list(reply.headers)
    if reply.status in _NO_BODY:
        body = b""
        headers = [(name, value) for name, value in headers if name != b"content-type"]
    else:
        if not any(name == b"content-type" for name, _ in headers):
            headers.append((b"content-type", b"text/plain; charset=utf-8"))
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
