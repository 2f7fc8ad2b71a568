"""An egress proxy over TCP: CONNECT and absolute URLs, with or without credentials."""

import asyncio
import base64
import ssl
from contextlib import suppress
from typing import Self
from urllib.parse import urlsplit


class EgressProxyServer:
    """Listens on 127.0.0.1 while it is entered.

    Args:
        leads_to: where every request goes, whatever it names; the place it names where this is None.
        credentials: ``user:password`` that it asks for.
        refuses: answered to every CONNECT instead.
        tls: serve TLS with this context.

    Attributes:
        asked: first lines of the requests.
        authorizations: what the requests had as Proxy-Authorization.
    """

    def __init__(
        self,
        leads_to: tuple[str, int] | None = None,
        *,
        credentials: str | None = None,
        refuses: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self._tls = tls
        self.asked: list[str] = []
        self.authorizations: list[str | None] = []
        self._leads_to = leads_to
        self._wanted = f"Basic {base64.b64encode(credentials.encode()).decode()}" if credentials else None
        self._refuses = refuses
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=self._tls)
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def url(self) -> str:
        """Its address."""
        assert self._server is not None
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        with suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            await self._handle(reader, writer)
        self._tasks.discard(task)
        await _closed(writer)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        self.asked.append(first)
        self.authorizations.append(headers.get("proxy-authorization"))
        method, target, _ = first.split(" ")
        if self._refuses or (self._wanted and headers.get("proxy-authorization") != self._wanted):
            status = self._refuses or 407
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Length: 0\r\n\r\n".encode())
            return
        host, port = self._leads_to or _place(method, target)
        there_reader, there_writer = await asyncio.open_connection(host, port)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        else:
            there_writer.write(head)
        try:
            await asyncio.gather(_pumped(reader, there_writer), _pumped(there_reader, writer))
        finally:
            await _closed(there_writer)


def _place(method: str, target: str) -> tuple[str, int]:
    parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
    return parts.hostname or "", parts.port or 80


async def _pumped(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(OSError, asyncio.CancelledError):
        await writer.wait_closed()
