"""What a connection has to read: an answer of HTTP/1.1, as it comes in.

httptools (llhttp) parses it. What is done with it is ours, and no more than a delivery needs: nothing is followed,
decompressed or taken for the answer to another request.
"""

import asyncio
from http import HTTPStatus

import httptools

from activities.translation import broken_off
from activities.transport_errors import BrokenOff, NotHttp, TransportFault

# Of one answer, with interim answers, head and the framing of chunks. Readers stop at 64 KiB of body; this is for what
# never becomes body, such as a chunk's extension without end (1.7 GB were taken within 10 s).
MAX_BYTES_TAKEN = 1024 * 1024
MAX_HEAD_BYTES = 64 * 1024  # httptools has no limit of its own
MAX_WAITING = 64 * 1024  # bytes of body that nobody has read: no more are taken from the socket meanwhile


class _HeadTooLarge(Exception):  # noqa: N818 - a fact about an answer
    """What comes is no answer that is taken."""


class IncomingAnswer:
    """The answers to the requests of a connection, one after the other: the one at hand.

    Args:
        way: what they come by.

    Attributes:
        has_body: whether it may have one, for who asks to say; those to HEAD and CONNECT have none.
        status: 0 until it is known.
        fields: its headers.
        ended: whether all of it has come.
    """

    def __init__(self, way: asyncio.Transport) -> None:
        self._loop = asyncio.get_running_loop()
        self._way = way
        self._parser: httptools.HttpResponseParser | None = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # those of many others: what they understand is understood
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self.renew()

    def renew(self) -> None:
        """Be the next answer, of which nothing has come."""
        self.has_body = True
        self.status = 0
        self.fields: list[tuple[bytes, bytes]] = []
        self.ended = False
        self._news: asyncio.Future[None] | None = None  # done once there is more of it, or there will be none
        self._body = bytearray()
        self._taken = 0
        self._head_room = MAX_HEAD_BYTES  # bytes that its head, or that of an interim answer, may still have
        self._fault: TransportFault | None = None
        self._lasts = self._paused = False

    async def begins(self) -> None:
        """Wait until the status is known.

        Raises:
            TransportFault: there is no answer.
        """
        while not self.status:
            if self._fault is not None:
                raise self._fault
            self._news = self._loop.create_future()
            await self._news

    async def read_into(self, body: bytearray, limit: int) -> None:
        """Read the body until it ends, or ``limit`` bytes of it have come.

        Raises:
            TransportFault: it broke off; what came before is in ``body``.
        """
        while len(body) < limit:
            if self._body:
                room = limit - len(body)
                body += self._body[:room]
                del self._body[:room]
                if self._paused:
                    self._go_on()
            elif self.ended:
                return
            elif self._fault is not None:
                raise self._fault
            else:
                self._news = self._loop.create_future()
                await self._news

    @property
    def lasts(self) -> bool:
        """Whether its connection outlasts it: it has ended, with nothing behind it, and nobody closes."""
        return self.ended and self._lasts and not self._paused

    def take(self, data: bytes) -> None:
        """Take in a part of it."""
        self._taken += len(data)
        if self._taken > MAX_BYTES_TAKEN:
            self._break(BrokenOff("the answer does not begin: more than 1 MiB came before it"))
            self._way.abort()
            return
        try:
            while not self.status and len(data) > self._head_room:
                data = self._parse_head(data)
            self._head_room -= len(data)
            if self._parser is not None:
                self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade, _HeadTooLarge):
            self._spoil()

    def lose(self, error: BaseException | None) -> None:
        """Say what it means for it that its connection has ended.

        Args:
            error: what ended it; None where the other side closed it.
        """
        self._parser = None
        if self.status and error is None:
            if not any(map(_frames, self.fields)):
                self._end()
            self._spoil()
        else:
            self._break(broken_off(error))

    def leave(self) -> None:
        """Take in no more of it; whoever waits for it all the same is told."""
        self._parser = None  # which knows us, as we know it
        self._fault = None  # what was raised knows who was asked
        self._break(BrokenOff("connection closed before the answer ended"))

    def _parse_head(self, data: bytes) -> bytes:
        """Parse as much as the head may still have; gives the rest, which then is not of it."""
        head, rest = data[: self._head_room], data[self._head_room :]
        self._head_room = 0
        if self._parser is not None:
            self._parser.feed_data(head)
        if self.status or self._head_room:  # it has ended, or it was that of an interim answer
            return rest
        raise _HeadTooLarge

    # httptools; what one of these raises makes the answer invalid

    def on_message_begin(self) -> None:
        """Refuse what follows the answer: nobody has asked for it."""
        if self.ended:
            raise ValueError("more than one answer")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep one; those behind the body are no headers."""
        if not self.status:
            self.fields.append((name, value))

    def on_headers_complete(self) -> None:
        """Note the status; an interim answer (RFC 9110, 15.2) has none that counts."""
        if self._parser is None:
            return
        status = self._parser.get_status_code()
        if status < 100 or status == HTTPStatus.SWITCHING_PROTOCOLS:
            raise ValueError("no status, or another protocol, which nobody has asked for")
        if status < 200:
            self.fields.clear()
            self._head_room = MAX_HEAD_BYTES
            return
        self.status = status
        self._lasts = self.has_body and self._parser.should_keep_alive()
        if not self.has_body:
            self._end()
        self._tell()

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body until it is read."""
        if self.ended:
            return
        self._body += data
        if len(self._body) > MAX_WAITING and not self._paused:
            self._paused = True
            self._way.pause_reading()
        self._tell()

    def on_message_complete(self) -> None:
        """Note the end of the answer."""
        if self.status:
            self._end()

    def _end(self) -> None:
        self.ended = True
        self._tell()

    def _spoil(self) -> None:
        """What has come is no answer, or has more behind it."""
        self._lasts = False
        self._break(NotHttp("invalid response"))

    def _break(self, fault: TransportFault) -> None:
        """There is no more of the answer, and perhaps none at all."""
        if self.ended or self._fault is not None:
            return
        self._fault = fault
        self._tell()

    def _tell(self) -> None:
        if self._news is not None and not self._news.done():
            self._news.set_result(None)

    def _go_on(self) -> None:
        if not self._way.is_closing():
            self._paused = False
            self._way.resume_reading()


def _frames(field: tuple[bytes, bytes]) -> bool:
    """Whether a header says where the body ends (RFC 9112, 6.3); where none does, it ends with the connection."""
    name = field[0].lower()
    return name == b"content-length" or (name == b"transfer-encoding" and b"chunked" in field[1].lower())
