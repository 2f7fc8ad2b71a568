"""How many connections the API has at once, and for how long one may go without asking for anything."""

import asyncio
import json
import time
from http import HTTPStatus
from typing import Any

from uvicorn._types import ASGISendCallable
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle

from activities.logger import Logger
from domain.statuses import code_of, phrase_of
from service.http11 import Http11

HEAD_SECONDS = 10.0  # from the connection, or the first byte after an answer, to the last of a request's head
UNWANTED_SECONDS = 30.0  # for the rest of a body that was answered before its end, as for any body
UNREAD_SECONDS = 30.0  # for a client to take what fills the buffers towards it
MOST_HEAD_BYTES = 64 * 1024  # httptools has no limit of its own
MOST_TURNED_AWAY = 100  # connections at once that have no place, and are open to be told so
TELL_AFTER_SECONDS = 60.0  # between two warnings that there are too many

_log = Logger("server")


class Reception:
    """Makes the protocol of each connection, and knows those that wait for a request.

    Args:
        most: connections at once, in this process.
        head_seconds: how long the head of a request may take.
    """

    def __init__(self, most: int, head_seconds: float = HEAD_SECONDS) -> None:
        self.most = most
        self.head_seconds = head_seconds
        self._admitted: set[Visit] = set()
        self._waiting: dict[Visit, None] = {}  # of them; the one that waits longest first
        self._turned_away: dict[Visit, None] = {}  # until they have asked, and been answered 503
        self._told_at = float("-inf")

    def __call__(self, **parts: Any) -> "Visit":
        """The protocol of a new connection; ``parts`` are uvicorn's."""
        return Visit(self, **parts)

    def admit(self, newcomer: "Visit") -> None:
        """Have a place for a newcomer: if need be that of the one that waits longest, and otherwise none."""
        if len(self._admitted) >= self.most:
            self._tell()
            if self._waiting:
                self._end(next(iter(self._waiting)))
        if len(self._admitted) < self.most:
            self._admitted.add(newcomer)
            self._waiting[newcomer] = None
            return
        newcomer.app = _no_room
        self._turned_away[newcomer] = None
        if len(self._turned_away) > MOST_TURNED_AWAY:
            self._end(next(iter(self._turned_away)))

    def asked(self, visit: "Visit") -> None:
        """Note that a request has begun."""
        self._waiting.pop(visit, None)

    def answered(self, visit: "Visit") -> None:
        """Note that the next request is waited for."""
        if visit in self._admitted:
            self._waiting[visit] = None

    def forget(self, visit: "Visit") -> None:
        """Note that a connection has ended."""
        self._admitted.discard(visit)
        self._waiting.pop(visit, None)
        self._turned_away.pop(visit, None)

    def _end(self, visit: "Visit") -> None:
        self.forget(visit)
        visit.transport.abort()  # what is left to be written to it would hold it open

    def _tell(self) -> None:
        if time.monotonic() - self._told_at > TELL_AFTER_SECONDS:
            self._told_at = time.monotonic()
            _log.warning(
                "the API has as many connections as it may: idle ones are closed for new ones",
                most=self.most,
                idle=len(self._waiting),
                fix="See who opens them (ss -tn), or raise IM_API_MAX_CONNECTIONS.",
            )


class Visit(Http11):
    """A connection that is ended when the head of a request takes too long, or too much.

    uvicorn has a limit of time between an answer and the next byte, and none before the first request or once a
    byte has come: docs/decisions/0034-idle-connections-are-ended.md.
    """

    def __init__(self, reception: Reception, **parts: Any) -> None:
        super().__init__(**parts)
        self._reception = reception
        self._head_timer: asyncio.TimerHandle | None = None
        self._unread_timer: asyncio.TimerHandle | None = None
        self._head_bytes = 0
        self._in_body = False
        self._body_came = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as in uvicorn
        """Wait for a request, if there is room."""
        super().connection_made(transport)
        self._expect_within(self._reception.head_seconds)
        self._reception.admit(self)

    def data_received(self, data: bytes) -> None:
        """Take in what comes; outside of a request somebody may take ever longer for it."""
        in_body, self._body_came = self._in_body, False
        if not in_body:
            self._head_bytes += len(data)
        super().data_received(data)
        if in_body and self._in_body and not self._body_came:
            self._head_bytes += len(data)  # trailers, which httptools gathers as it does headers
        if self._head_bytes > MOST_HEAD_BYTES:
            self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"the head is over {MOST_HEAD_BYTES} bytes long")
        elif self._head_timer is None and not self._is_asked():
            self._expect_within(UNWANTED_SECONDS if self._in_body else self._reception.head_seconds)

    def pause_writing(self) -> None:
        """The client does not take what it asked for: it is given some time."""
        super().pause_writing()
        self._give_up_later()

    def resume_writing(self) -> None:
        """The client has taken it."""
        super().resume_writing()
        if not self.transport.is_closing():
            self._stop_unread_timer()

    def send_400_response(self, msg: str) -> None:
        """What came is no HTTP."""
        if self._is_asked() and self.cycle.response_started:
            self.transport.abort()  # an answer is under way, and this would be in the middle of it
        else:
            super().send_400_response(msg)
            self._give_up_in_time()

    def timeout_keep_alive_handler(self) -> None:
        """Nothing more was asked for."""
        super().timeout_keep_alive_handler()
        self._give_up_in_time()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header; trailers, of which nobody here knows what to do, are dropped."""
        if not self._in_body:
            super().on_header(name, value)

    def on_body(self, body: bytes) -> None:
        """A part of the body came."""
        self._body_came = True
        super().on_body(body)

    def on_headers_complete(self) -> None:
        """A request begins."""
        self._in_body, self._head_bytes = True, 0
        self._reception.asked(self)
        self._stop_timer()
        super().on_headers_complete()

    def on_request_sent(self) -> None:
        """A request has been sent whole."""
        self._in_body, self._head_bytes = False, 0
        super().on_request_sent()

    def on_response_complete(self) -> None:
        """A request has ended."""
        super().on_response_complete()
        self._give_up_in_time()
        if not self._is_asked():  # otherwise the next one of a pipeline has begun
            self._reception.answered(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._reception.forget(self)
        self._stop_timer()
        self._stop_unread_timer()
        super().connection_lost(exc)

    def _is_asked(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle  # None before the first request, whatever uvicorn declares
        return cycle is not None and not cycle.response_complete

    def _expect_within(self, seconds: float) -> None:
        self._head_timer = self.loop.call_later(seconds, self._on_late_head)

    def _on_late_head(self) -> None:
        if self._head_bytes and not self._in_body:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, f"the head took over {self._reception.head_seconds:g} s")
        else:
            self.transport.abort()

    def _give_up_in_time(self) -> None:
        """Bound an end that waits for a client to take the rest, where that is too little to pause for."""
        if self.transport.is_closing():
            self._give_up_later()

    def _give_up_later(self) -> None:
        if self._unread_timer is None:
            self._unread_timer = self.loop.call_later(UNREAD_SECONDS, self.transport.abort)

    def _stop_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _stop_unread_timer(self) -> None:
        if self._unread_timer is not None:
            self._unread_timer.cancel()
            self._unread_timer = None

    def _refuse(self, status: HTTPStatus, detail: str) -> None:
        if self._is_asked():  # an answer is under way, and this would be in the middle of it
            self.transport.abort()
        elif not self.transport.is_closing():
            body = _problem(status, detail)
            head = (
                f"HTTP/1.1 {status} {phrase_of(status)}\r\nContent-Type: application/problem+json\r\n"
                f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            )
            self.transport.write(head.encode() + body)
        self.transport.close()
        self._give_up_in_time()


async def _no_room(_scope: object, _receive: object, send: ASGISendCallable) -> None:
    """The application of a connection past the limit."""
    body = _problem(HTTPStatus.SERVICE_UNAVAILABLE, "the API has as many connections as it may, all of them in use")
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"retry-after", b"1"),
        (b"connection", b"close"),
    ]
    await send({"type": "http.response.start", "status": HTTPStatus.SERVICE_UNAVAILABLE, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _problem(status: HTTPStatus, detail: str) -> bytes:
    code = code_of(status)
    title = code.replace("_", " ").capitalize()
    problem = {"type": f"urn:im:problem:{code}", "title": title, "status": status, "code": code, "detail": detail}
    return json.dumps(problem).encode()  # as `api.problems`, without the path, which is not known
