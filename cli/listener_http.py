"""The HTTP of `im listen`: what is posted is handed on as it came, and answered as is said."""

import asyncio
import logging
import socket
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import NamedTuple

import uvicorn
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from domain.captures import Capture
from service.server import KEEP_ALIVE_SECONDS, EmbeddedServer

CLOSE_SECONDS = 1
MAX_BODY_BYTES = 1024 * 1024
_NO_BODY = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})


class Reply(NamedTuple):
    """How a request is answered."""

    status: int
    text: str = ""


class PostServer:
    """Serves while it is open.

    Args:
        answer: is given each request, and says how it is answered.
    """

    def __init__(self, answer: Callable[[Capture], Awaitable[Reply]]) -> None:
        self._answer = answer
        config = uvicorn.Config(
            self._serve,
            interface="asgi3",
            http=_AsSpelt,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
            timeout_graceful_shutdown=CLOSE_SECONDS,
        )
        self._server = EmbeddedServer(config)
        self._serving: asyncio.Task[None] | None = None

    def open(self, host: str, port: int) -> int:
        """Listen; gives the port, which is a free one for 0.

        Raises:
            OSError: that is not possible.
        """
        listener = socket.create_server((host, port))
        self._serving = asyncio.create_task(self._server.serve(sockets=[listener]))
        return int(listener.getsockname()[1])

    async def close(self) -> None:
        """Listen no more; what is being answered is given a second."""
        log = logging.getLogger("uvicorn.error")
        before = log.level
        log.setLevel(logging.CRITICAL)  # that something is cut off then is nobody's error
        self._server.should_exit = True
        if self._serving is not None:
            await self._serving
        await asyncio.gather(*self._server.server_state.tasks, return_exceptions=True)
        log.setLevel(before)

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        if scope["method"] != "POST":
            await _send(send, Reply(HTTPStatus.METHOD_NOT_ALLOWED, "im listen takes POST"), (b"allow", b"POST"))
            return
        body, more = bytearray(), True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return  # it broke off
            body += message["body"]
            more = message["more_body"]
            if len(body) > MAX_BODY_BYTES:
                await _send(send, Reply(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "im listen takes 1 MiB"))
                return
        headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
        await _send(send, await self._answer(Capture(headers, bytes(body))))


class _AsSpelt(HttpToolsProtocol):
    """Leaves the names of headers as they are spelt; uvicorn has them in lower case."""

    def on_header(self, name: bytes, value: bytes) -> None:
        super().on_header(name, value)
        self.headers[-1] = name, value


async def _send(send: Send, reply: Reply, *headers: tuple[bytes, bytes]) -> None:
    body = reply.text.encode()
    if reply.status in _NO_BODY:
        body = b""
    else:
        kind = (b"content-type", b"text/plain; charset=utf-8")
        headers = (*headers, kind, (b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers, "trailers": False})
    await send({"type": "http.response.body", "body": body, "more_body": False})
