"""Sends what `im listen` received on to an application, and says what became of it."""

import asyncio
from http import HTTPStatus

import httpx
from pydantic import BaseModel

from cli.listener_http import Reply
from domain.captures import Capture
from domain.connection_words import CLOSED_EARLY, NOT_HTTP, not_in_time, reason_of

FORWARD_SECONDS = 9  # within the ten that a delivery has
SHOWN_ANSWER = 2048  # characters, as `im event show` keeps of an answer
MOST_ANSWER_BYTES = 64 * 1024
# Of one connection (RFC 9110, 7.6.1), or made anew for the next one.
_OWN_HEADERS = frozenset("host content-length connection keep-alive transfer-encoding te trailer upgrade".split())
_SENT_BACK = frozenset({"content-type", "retry-after"})  # the others are of that connection, or of no use to a sender
_NO_STATUS = "the application answered {status}, which is no status of an answer (200 to 599)"
_SIGNS = (  # in what h11 and httpcore say
    ("_SWITCH_UPGRADE", _NO_STATUS.format(status=101)),
    ("disconnected without", CLOSED_EARLY),
    ("closed connection", "connection closed before the answer ended"),
)


class Forwarded(BaseModel):
    """What came of sending a request on; ``status`` is None where nothing was answered."""

    status: int | None
    duration_ms: int
    said: str


class Forwarder:
    """Posts to one URL, until it is closed."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._http = httpx.AsyncClient(trust_env=False, timeout=None)  # noqa: S113 - each request has one, in all

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def send(self, capture: Capture) -> tuple[Forwarded, Reply]:
        """Send a request on as it came; gives what is told of that, and what goes back to the sender."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        status = None
        try:
            async with asyncio.timeout(FORWARD_SECONDS):
                answer, body = await self._exchange(capture)
            status = answer.status_code
        except (httpx.HTTPError, httpx.InvalidURL, TimeoutError) as error:
            said = in_words(error)
            reply = Reply(HTTPStatus.BAD_GATEWAY, said.encode())
        else:
            said, reply = _relayed(answer, body)
        return Forwarded(status=status, duration_ms=round(1000 * (loop.time() - began)), said=said), reply

    async def _exchange(self, capture: Capture) -> tuple[httpx.Response, bytes]:
        headers = [(name, value) for name, value in capture.headers if name.lower() not in _OWN_HEADERS]
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]
        # A request that the client does not build itself has no headers of the client's.
        request = httpx.Request("POST", self._url, headers=raw, content=capture.body)
        answer = await self._http.send(request, stream=True)
        body = bytearray()
        try:
            async for part in answer.aiter_bytes():
                body += part
                if len(body) >= MOST_ANSWER_BYTES:
                    break
        finally:
            await answer.aclose()
        return answer, bytes(body[:MOST_ANSWER_BYTES])


def _relayed(answer: httpx.Response, body: bytes) -> tuple[str, Reply]:
    if not HTTPStatus.OK <= answer.status_code < 600:
        said = _NO_STATUS.format(status=answer.status_code)
        return said, Reply(HTTPStatus.BAD_GATEWAY, said.encode())
    headers = [
        (name.lower(), value)
        for name, value in answer.headers.raw
        if name.decode("latin-1").lower() in _SENT_BACK and value.decode("latin-1").isprintable()
    ]
    return _text(body, answer.encoding)[:SHOWN_ANSWER], Reply(answer.status_code, body, tuple(headers))


def _text(body: bytes, encoding: str | None) -> str:
    try:
        return body.decode(encoding or "utf-8", "replace")
    except LookupError:  # Python knows it, as something else than an encoding of text
        return body.decode("utf-8", "replace")


def in_words(error: Exception) -> str:
    """Why there was no answer, as deliveries say it."""
    if isinstance(error, TimeoutError | httpx.TimeoutException):
        return not_in_time(FORWARD_SECONDS)
    if root := _root(error):
        return reason_of(root)
    said = str(error) or "connection failed"
    for sign, meaning in _SIGNS:
        if sign in said:
            return meaning
    return f"{said}{NOT_HTTP}" if isinstance(error, httpx.RemoteProtocolError) else said


def _root(error: BaseException | None) -> OSError | None:
    """What a socket or TLS raised at the bottom of an error, if anything; of several tries the first."""
    root = None
    while error is not None:
        root = error if isinstance(error, OSError) else root
        tries = error.exceptions if isinstance(error, BaseExceptionGroup) else ()
        error = tries[0] if tries else error.__cause__ or error.__context__
    return root
