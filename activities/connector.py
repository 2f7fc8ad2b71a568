"""How bytes are taken from connections: aiohttp's connector and protocol, with what they do not do by themselves."""

import asyncio
import functools
from contextvars import ContextVar
from typing import Any

import aiohttp
from aiohttp.client_proto import ResponseHandler

from activities.exchange import Request
from activities.translation import EndlessAnswer

# Of one answer, with interim answers, head and the framing of chunks. Readers stop at 64 KiB of body; this is for what
# never becomes body, such as a chunk's extension without end (1.7 GB were taken within 10 s).
MAX_BYTES_TAKEN = 1024 * 1024

sending: ContextVar[Request | None] = ContextVar("sending", default=None)


class _HeadFirst(ResponseHandler):
    """Feeds the parser the head of a response by itself, and takes so many bytes of an answer and no more.

    A fault behind the head in the same segment (bytes after a 204, a wrong Content-Length) would otherwise hide
    the status: aiohttp raises on the segment before it hands over the message.
    """

    _taken = 0

    def set_response_params(self, **options: Any) -> None:
        """Begin with the answer to another request."""
        self._taken = 0
        super().set_response_params(**options)

    def data_received(self, data: bytes) -> None:
        """Pass on what arrived, in two parts where a head ends in it."""
        self._taken += len(data)
        if self._taken > MAX_BYTES_TAKEN:
            if self.transport is not None:
                self.transport.abort()
            return
        end = data.find(b"\r\n\r\n") + 4
        if 4 <= end < len(data):
            super().data_received(data[:end])
            data = data[end:]
        super().data_received(data)
        if self.exception() is not None and self._payload is not None:
            self._payload.set_exception(aiohttp.ClientPayloadError("malformed body"))  # or its reader waits for ever

    def connection_lost(self, exc: BaseException | None) -> None:
        """Say why, where it was us."""
        super().connection_lost(EndlessAnswer() if self._taken > MAX_BYTES_TAKEN else exc)


class Connector(aiohttp.TCPConnector):
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
        if (request := sending.get()) is not None:
            request.connected = True
            if request.tls_observer and connection.transport is not None:
                request.tls_observer(connection.transport.get_extra_info("ssl_object"))
        return connection
