"""One connection to a receiver, or to a proxy: requests of HTTP/1.1, one after the other, and their answers."""

import asyncio
import select
from contextvars import Context
from typing import cast

from activities.incoming_answer import IncomingAnswer
from activities.translation import broken_off
from activities.transport_errors import BrokenOff, NotConnected, TransportFault

SHUTDOWN_SECONDS = 1.0  # for the other side to say that it ends TLS, too


class HttpConnection(asyncio.Protocol):
    """Makes one request at a time, and has its answer take in what comes.

    Attributes:
        answer: to the request at hand.
        transport: the bytes' way out.
    """

    answer: IncomingAnswer
    transport: asyncio.Transport

    def __init__(self) -> None:
        self._asked = False  # from a request on until its answer has been read
        self._fault: TransportFault | None = None  # what keeps the next one from being made
        self._made = self._closed = False
        self._end_by: asyncio.TimerHandle | None = None

    def ask(self, head: bytes, content: bytes = b"", *, has_body: bool = True) -> None:
        """Write a request; its answer is still to come.

        Args:
            head: see `activities.request_heads`.
            content: the body.
            has_body: whether the answer may have one.

        Raises:
            TransportFault: a request can no longer be made, and none was.
        """
        if self._fault is not None:
            raise self._fault
        if not self._is_open():
            raise NotConnected("connection closed before the request")
        self._asked, self.answer.has_body = True, has_body
        self.transport.write(head + content)

    def rest(self) -> bool:
        """Wait for another request; False where none may be made.

        The answer has to have ended, with nothing behind it, and nobody closes. Whatever comes meanwhile ends the
        connection.
        """
        if not (self.answer.lasts and self._is_open() and self._is_written()):
            return False
        self._asked = False
        self.answer.renew()
        return True

    @property
    def rests(self) -> bool:
        """Whether it waits for another request, and nothing has come meanwhile: no answer, and no end of it."""
        return not self._asked and self._is_open() and not self._has_news()

    def close(self) -> None:
        """End the connection: at once where its answer has not ended, or its request is still being written."""
        gracefully = (self.answer.ended or not self._asked) and self._is_open() and self._is_written()
        self.leave()
        self._fault = None  # what was raised knows who was asked
        if not gracefully:
            self.transport.abort()
        elif self._end_by is None:
            self.transport.close()
            # Below TLS more may wait to be written, which nobody tells, to one who reads it as late as it likes.
            self._end_by = asyncio.get_running_loop().call_later(
                2 * SHUTDOWN_SECONDS, self.transport.abort, context=Context()
            )

    def leave(self) -> asyncio.Transport:
        """Stop reading answers, and return the transport, which somebody else may use from here on."""
        self._asked = False
        self.answer.leave()
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
        """Keep the way out, and be ready to ask.

        In a tunnel, something may have come before, or the end of it: TLS was spoken there already.
        """
        self._made = True
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name
        self.answer = IncomingAnswer(self.transport)

    def data_received(self, data: bytes) -> None:
        """Take in a part of the answer."""
        if self._asked:
            self.answer.take(data)
        else:  # RFC 9112, 9.2: that is no valid answer to what comes next
            self._fault = BrokenOff("it answered before it was asked")
            if self._made:
                self.transport.abort()

    def connection_lost(self, exc: BaseException | None) -> None:
        """Say what that means for the answer, or the next request."""
        self._closed = True
        if self._end_by is not None:
            self._end_by.cancel()
        if self._asked:
            self.answer.lose(exc)
        elif self._fault is None:
            self._fault = broken_off(exc)
