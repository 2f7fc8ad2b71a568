"""One connection to a receiver, or to a proxy: requests of HTTP/1.1, one after the other, and their answers.

httptools (llhttp) parses what comes. What is done with it is ours, and no more than a delivery needs: nothing is
followed, decompressed or taken for the answer to another request.
"""

import asyncio
from collections.abc import Mapping
from http import HTTPStatus
from typing import cast

import httptools

from activities.translation import broken_off
from activities.transport_errors import BrokenOff, NotConnected, NotHttp, TransportFault

# Of one answer, with interim answers, head and the framing of chunks. Readers stop at 64 KiB of body; this is for what
# never becomes body, such as a chunk's extension without end (1.7 GB were taken within 10 s).
MAX_BYTES_TAKEN = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024  # names and values of an answer's headers; httptools has no limit of its own
MAX_WAITING = 64 * 1024  # bytes of body that nobody has read: no more are taken from the socket meanwhile

_LINE_ENDS = frozenset("\r\n\0")


def head_of(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    """The head of a request (RFC 9112, 3 and 5).

    Args:
        method: a token.
        target: the request target, in whichever form is due.
        headers: all of them, but for the length.
        length: bytes of the body; a request that has none says so where its method leads to expect one.

    Raises:
        ValueError: a part of it would end its line.
    """
    parts = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if length or method == "POST":
        parts.append(f"Content-Length: {length}")
    if not _LINE_ENDS.isdisjoint("".join(parts)):
        raise ValueError("a header of a request has a line break in it")
    return "\r\n".join((*parts, "", "")).encode()


class HttpConnection(asyncio.Protocol):
    """Makes one request at a time, and takes in its answer.

    Attributes:
        status: of the answer at hand; 0 until it is known.
        fields: its headers.
        transport: the bytes' way out.
    """

    transport: asyncio.Transport

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # those of aiohttp and others: what they understand is understood
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self._asked: asyncio.Future[None] | None = None  # done once the status is known, or that there will be none
        self._news: asyncio.Future[None] | None = None
        self._closed = False
        self._prepare(has_body=True)

    def _prepare(self, *, has_body: bool) -> None:
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._taken = self._head_bytes = 0
        self._fault: TransportFault | None = None
        self._has_body = has_body
        self._ends_with_connection = self._ended = self._lasts = self._paused = False

    async def ask(self, head: bytes, content: bytes = b"", *, has_body: bool = True) -> None:
        """Write a request, and wait until the status of its answer is known.

        Args:
            head: see `head_of`.
            content: the body.
            has_body: whether the answer may have one; those to HEAD and CONNECT have none.

        Raises:
            TransportFault: there is no answer.
        """
        self._prepare(has_body=has_body)
        if self._closed:
            raise NotConnected("connection closed before the request")
        self._asked = self._loop.create_future()
        self.transport.write(head + content)
        await self._asked

    async def read_into(self, body: bytearray, limit: int) -> None:
        """Read the answer's body until it ends, or ``limit`` bytes of it have come.

        Raises:
            TransportFault: it broke off; what came before is in ``body``.
        """
        while len(body) < limit:
            if self._body:
                room = limit - len(body)
                body += self._body[:room]
                del self._body[:room]
                self._go_on()
            elif self._ended:
                return
            elif self._fault is not None:
                raise self._fault
            else:
                self._news = self._loop.create_future()
                await self._news

    @property
    def reusable(self) -> bool:
        """Whether another request may be made: the answer has ended, nothing came after it, nobody closes."""
        settled = self._ended and self._lasts and not self._paused
        return settled and not self._closed and not self.transport.is_closing() and self._is_written()

    def _is_written(self) -> bool:
        return self.transport.get_write_buffer_size() == 0

    def rest(self) -> None:
        """Wait for the next request: whatever comes before that ends the connection."""
        self._asked = None

    def close(self) -> None:
        """End the connection: at once where its answer has not ended."""
        self._asked = self._fault = None  # what was raised knows who was asked
        if self._ended:
            self.transport.close()
        else:
            self.transport.abort()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name

    def data_received(self, data: bytes) -> None:
        """Take in a part of the answer."""
        self._taken += len(data)
        if self._asked is None or self._parser is None:
            self.transport.abort()
        elif self._taken > MAX_BYTES_TAKEN:
            self._break(BrokenOff("the answer does not begin: more than 1 MiB came before it"))
            self.transport.abort()
        else:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                self._lasts = False
                self._break(NotHttp("invalid response"))

    def connection_lost(self, exc: BaseException | None) -> None:
        """Say what that means for the answer."""
        self._closed = True
        self._parser = None  # which keeps what keeps it
        if self.status and exc is None:
            if self._ends_with_connection:
                self._end()
            self._break(NotHttp("invalid response"))
        else:
            self._break(broken_off(exc))

    # httptools; what one of these raises makes the answer invalid

    def on_message_begin(self) -> None:
        """Refuse what follows an answer: nobody has asked for it."""
        if self._ended:
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one; those behind the body are no headers."""
        if self.status:
            return
        self.fields.append((name, value))
        self._head_bytes += len(name) + len(value)
        if self._head_bytes > MAX_HEAD_BYTES:
            raise ValueError("the head is too large")

    def on_headers_complete(self) -> None:
        """Note the status; an interim answer (RFC 9110, 15.2) has none that counts."""
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ValueError("nobody has asked for another protocol")
        if 100 <= status < 200:
            self.fields.clear()
            self._head_bytes = 0
            return
        self.status = status
        self._lasts = self._has_body and self._parser.should_keep_alive()
        self._ends_with_connection = not any(map(_frames, self.fields))
        if not self._has_body:
            self._end()
        if self._asked is not None and not self._asked.done():
            self._asked.set_result(None)

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body until it is read."""
        if self._ended:
            return
        self._body += data
        if len(self._body) > MAX_WAITING and not self._paused:
            self._paused = True
            self.transport.pause_reading()
        self._tell()

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self.status:
            self._end()

    def _end(self) -> None:
        self._ended = True
        self._tell()

    def _break(self, fault: TransportFault) -> None:
        """There is no more of the answer, and perhaps none at all."""
        if self._ended or self._fault is not None:
            return
        self._fault = fault
        if self._asked is not None and not self._asked.done():
            self._asked.set_exception(fault)
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _go_on(self) -> None:
        if self._paused and not self._closed:
            self._paused = False
            self.transport.resume_reading()


def _frames(field: tuple[bytes, bytes]) -> bool:
    """Whether a header says where the body ends (RFC 9112, 6.3); where none does, it ends with the connection."""
    name = field[0].lower()
    return name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in field[1].lower())
