"""One connection to a receiver, or to a proxy: requests of HTTP/1.1, one after the other, and their answers.

httptools (llhttp) parses what comes. What is done with it is ours, and no more than a delivery needs: nothing is
followed, decompressed or taken for the answer to another request.
"""

import asyncio
import select
from contextvars import Context
from http import HTTPStatus
from typing import cast

import httptools

from activities.translation import broken_off
from activities.transport_errors import BrokenOff, NotConnected, NotHttp, TransportFault

# Of one answer, with interim answers, head and the framing of chunks. Readers stop at 64 KiB of body; this is for what
# never becomes body, such as a chunk's extension without end (1.7 GB were taken within 10 s).
MAX_BYTES_TAKEN = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024  # names and values of an answer's headers; httptools has no limit of its own
SHUTDOWN_SECONDS = 1.0  # for the other side to say that it ends TLS, too
MAX_WAITING = 64 * 1024  # bytes of body that nobody has read: no more are taken from the socket meanwhile


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
        self._parser: httptools.HttpResponseParser | None = None  # from the connection until its end
        self._closed = self._resting = False
        self._end_by: asyncio.TimerHandle | None = None
        self._expect()

    def _expect(self) -> None:
        """The next answer has not begun."""
        self._asked: asyncio.Future[None] | None = None  # done once the status is known, or that there will be none
        self._news: asyncio.Future[None] | None = None
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self._body = bytearray()
        self._taken = self._head_bytes = self._head_began = 0
        self._fault: TransportFault | None = None
        self._has_body = True
        self._ends_with_connection = self._ended = self._lasts = self._paused = False

    def check(self) -> None:
        """Whether a request can still be made.

        Raises:
            TransportFault: it cannot, and none was.
        """
        if self._fault is not None:
            raise self._fault
        if not self._is_open():
            raise NotConnected("connection closed before the request")

    async def ask(self, head: bytes, content: bytes = b"", *, has_body: bool = True) -> None:
        """Write a request, and wait until the status of its answer is known.

        Args:
            head: see `activities.request_heads`.
            content: the body.
            has_body: whether the answer may have one; those to HEAD and CONNECT have none.

        Raises:
            TransportFault: there is no answer.
        """
        self.check()
        self._resting, self._has_body = False, has_body
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

    def rest(self) -> bool:
        """Wait for another request; False where none may be made.

        The answer has to have ended, with nothing behind it, and nobody closes. Whatever comes meanwhile ends the
        connection.
        """
        if not (self._ended and self._lasts and not self._paused and self._is_open() and self._is_written()):
            return False
        self._expect()
        self._resting = True
        return True

    @property
    def rests(self) -> bool:
        """Whether it waits for another request, and nothing has come meanwhile: no answer, and no end of it."""
        return self._resting and self._is_open() and not self._has_news()

    def close(self) -> None:
        """End the connection: at once where its answer has not ended, or its request is still being written."""
        gracefully = (self._ended or self._resting) and self._is_open() and self._is_written()
        self.leave()
        self._asked = self._fault = None  # what was raised knows who was asked
        if not gracefully:
            self.transport.abort()
        elif self._end_by is None:
            self.transport.close()
            # Below TLS more may wait to be written, which nobody tells, to one who reads it as late as it likes.
            self._end_by = self._loop.call_later(2 * SHUTDOWN_SECONDS, self.transport.abort, context=Context())

    def leave(self) -> asyncio.Transport:
        """Have nothing to do with it any more; gives the bytes' way out, on which somebody else may go on."""
        self._parser = None  # which knows us, as we know it
        return self.transport

    def _is_open(self) -> bool:
        return not self._closed and not self.transport.is_closing()

    def _is_written(self) -> bool:
        return self.transport.get_write_buffer_size() == 0

    def _has_news(self) -> bool:
        """Whether there is something to read that the loop has not come to yet."""
        poll = select.poll()
        try:
            poll.register(self.transport.get_extra_info("socket"), select.POLLIN)
        except (AttributeError, TypeError, ValueError):
            return True  # what it goes by has ended, and it hears of that next
        return bool(poll.poll(0))

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # those of aiohttp and others: what they understand is understood
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )

    def data_received(self, data: bytes) -> None:
        """Take in a part of the answer."""
        self._taken += len(data)
        if self._asked is None or self._parser is None:  # RFC 9112, 9.2: that is no valid answer to what comes next
            self._break(BrokenOff("it answered before it was asked"))
            self.transport.abort()
        elif self._taken > MAX_BYTES_TAKEN:
            self._break(BrokenOff("the answer does not begin: more than 1 MiB came before it"))
            self.transport.abort()
        else:
            try:
                self._parser.feed_data(data)
            except (httptools.HttpParserError, httptools.HttpParserUpgrade):
                self._spoil()
            if not self.status and self._taken - self._head_began > MAX_HEAD_BYTES:
                self._spoil()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Say what that means for the answer."""
        self._closed = True
        self._parser = None
        if self._end_by is not None:
            self._end_by.cancel()
        if self.status and exc is None:
            if self._ends_with_connection:
                self._end()
            self._spoil()
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
        if status < 100 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ValueError("no status, or another protocol, which nobody has asked for")
        if status < 200:
            self.fields.clear()
            self._head_bytes, self._head_began = 0, self._taken
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

    def _spoil(self) -> None:
        """What has come is no answer, or has more behind it."""
        self._lasts = False
        self._break(NotHttp("invalid response"))

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
