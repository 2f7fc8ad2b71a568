"""The receiver of `im listen`, over real connections."""

import asyncio
import logging
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import httpx
import pytest

from cli.listener_http import MAX_BODY_BYTES
from cli.listener_server import Arrival, Behaviour, Receiver
from tests.support.eventually import eventually
from tests.support.sink import Answer, Sink


class Listening:
    """A receiver, and what it showed."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.shown: list[Arrival] = []
        self.receiver = Receiver("listen-here-1", behaviour, self.shown.append)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}/hook"


@asynccontextmanager
async def listening(
    forward_to: str | None = None, statuses: Sequence[int] | None = None, delay: float = 0
) -> AsyncIterator[Listening]:
    made = Listening(Behaviour(forward_to, statuses, delay))
    made.receiver.open("127.0.0.1", 0)
    try:
        yield made
    finally:
        await made.receiver.close()


@asynccontextmanager
async def saying(port: int, words: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which so much is said, and no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        await writer.drain()
        yield reader
    finally:
        writer.close()


async def test_the_names_of_headers_are_sent_on_as_they_are_spelt_and_repeated() -> None:
    async with Sink() as application, listening(forward_to=application.url("/app")) as one:
        pairs = [("X-CloudEvents-Signature", "sha256=0"), ("ce-ID", "1"), ("x-Twice", "a"), ("x-Twice", "b")]
        async with httpx.AsyncClient() as http:
            answer = await http.post(one.url, headers=pairs, content=b'{"id": 1}')
        assert answer.status_code == 200
        assert [pair for pair in application.received[0].pairs if pair in pairs] == pairs


@pytest.mark.parametrize("status", [204, 304])
async def test_a_status_that_has_no_body_is_answered_without_one(status: int) -> None:
    async with Sink() as application, listening(forward_to=application.url(), statuses=[status, 200]) as one:
        application.script(Answer(200, b"said"), Answer(200, b"more"))
        async with httpx.AsyncClient() as http:
            first = await http.post(one.url, content=b"{}", headers={"webhook-id": "a"})
            second = await http.post(one.url, content=b"{}", headers={"webhook-id": "a"})
        assert (first.status_code, first.content, "content-length" in first.headers) == (status, b"", False)
        assert (second.status_code, second.text) == (200, "more")
        assert second.headers["content-type"] == "text/plain; charset=utf-8"


async def test_it_takes_post_alone_and_no_more_than_a_mebibyte() -> None:
    async with listening() as one, httpx.AsyncClient() as http:
        for method in ("GET", "HEAD", "PUT"):
            answer = await http.request(method, one.url)
            assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
        assert (await http.post(one.url, content=b"x" * MAX_BODY_BYTES)).status_code == 200
        assert (await http.post(one.url, content=b"x" * (MAX_BODY_BYTES + 1))).status_code == 413
        assert len(one.shown) == 1


async def test_a_request_that_breaks_off_is_not_shown_or_told_of(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as one:
        async with saying(one.receiver.port, b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12"):
            pass
        await asyncio.sleep(0.1)
        assert one.shown == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_is_being_answered_at_the_end_is_answered_and_nothing_new_is_taken() -> None:
    async with listening(delay=0.6) as one, httpx.AsyncClient() as http, saying(one.receiver.port, b"") as idle:
        asking = asyncio.create_task(http.post(one.url, content=b"{}"))
        await eventually(lambda: one.receiver.reached)
        await one.receiver.close()
        assert (await asking).status_code == 200
        assert await idle.read() == b""
        with pytest.raises(httpx.ConnectError):
            await http.post(one.url)


async def test_what_takes_longer_at_the_end_is_cut_off_in_silence(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(delay=60) as one, httpx.AsyncClient() as http:
        asking = asyncio.create_task(http.post(one.url, content=b"{}"))
        await eventually(lambda: one.receiver.reached)
        async with asyncio.timeout(5):
            await one.receiver.close()
            answered = await asyncio.gather(asking, return_exceptions=True)
        assert getattr(answered[0], "status_code", 500) == 500
        assert one.shown == []
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []
