"""`im listen --forward-to`: what the application gets, and what goes back of its answer."""

import ssl

import httpx
import pytest
import trustme

from cli import listener_forward
from tests.support.own_receiver import listening, saying
from tests.support.sink import Answer, Drip, Drop, Garbage, HalfBody, Hang, Reset, Script, Sink


async def test_the_application_gets_the_headers_that_came_and_no_more() -> None:
    words = b"POST / HTTP/1.1\r\nHost: x\r\nX-Latin: caf\xe9\r\nContent-Length: 2\r\n\r\n{}"
    async with (
        Sink() as application,
        listening(forward_to=application.url()) as one,
        saying(one.receiver.port, words) as reader,
    ):
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        own = [("Host", f"127.0.0.1:{application.port}"), ("Content-Length", "2")]
        assert sorted(application.received[0].pairs) == sorted([*own, ("X-Latin", "caf\xe9")])


async def test_retry_after_and_content_type_of_the_application_go_back() -> None:
    async with Sink() as application, listening(forward_to=application.url()) as one, httpx.AsyncClient() as http:
        headers = {"Retry-After": "17", "Content-Type": "application/json", "Set-Cookie": "a=b", "X-Own": "1"}
        application.script(Answer(503, b'{"wait": "caf\xc3\xa9"}', headers), Answer(204))
        answer = await http.post(one.url, content=b"{}")
        assert (answer.status_code, answer.json()) == (503, {"wait": "caf\xe9"})
        assert (answer.headers["retry-after"], answer.headers["content-type"]) == ("17", "application/json")
        assert not {"set-cookie", "x-own"} & set(answer.headers)
        await http.post(one.url, content=b"{}")
        assert "cookie" not in application.received[1].headers


@pytest.mark.parametrize("status", [101, 600, 999])
async def test_what_is_no_status_of_an_answer_is_a_502_that_says_it(
    caplog: pytest.LogCaptureFixture, status: int
) -> None:
    async with Sink() as application, listening(forward_to=application.url()) as one, httpx.AsyncClient() as http:
        application.script(Answer(status, b"said"))
        answer = await http.post(one.url, content=b"{}")
        said = f"the application answered {status}, which is no status of an answer (200 to 599)"
        assert (answer.status_code, answer.text) == (502, said)
        forwarded = one.shown[0].forwarded
        assert (one.shown[0].status, forwarded and forwarded.said) == (502, said)
    assert caplog.records == [record for record in caplog.records if record.levelname in {"INFO", "DEBUG"}]


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (Drop(), "connection closed before an answer"),
        (Reset(), "connection reset"),
        (HalfBody(), "connection closed before the answer ended"),
        (Garbage(), "not HTTP"),
        (Answer(103), "timeout: no answer within 0.5 s"),
        (Hang(), "timeout: no answer within 0.5 s"),
        (Drip(), "timeout: no answer within 0.5 s"),
    ],
)
async def test_why_there_was_no_answer_is_said_as_deliveries_say_it(
    monkeypatch: pytest.MonkeyPatch, script: Script, said: str
) -> None:
    assert listener_forward.FORWARD_SECONDS == 9
    monkeypatch.setattr(listener_forward, "FORWARD_SECONDS", 0.5)
    async with Sink() as application, listening(forward_to=application.url()) as one, httpx.AsyncClient() as http:
        application.script(script)
        answer = await http.post(one.url, content=b"{}")
        assert answer.status_code == 502
        assert answer.text.endswith(said)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_nobody_there_is_connection_refused(host: str) -> None:
    async with Sink() as gone:
        url = gone.url(host=host)
    async with listening(forward_to=url) as one, httpx.AsyncClient() as http:
        answer = await http.post(one.url, content=b"{}")
        assert (answer.status_code, answer.text) == (502, "connection refused")


async def test_a_certificate_that_is_not_trusted_is_said_as_deliveries_say_it() -> None:
    tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(tls)
    async with (
        Sink(tls=tls) as application,
        listening(forward_to=application.url()) as one,
        httpx.AsyncClient() as http,
    ):
        answer = await http.post(one.url, content=b"{}")
        assert answer.status_code == 502
        assert answer.text.startswith("TLS verification failed: ")


async def test_of_an_endless_answer_the_beginning_is_taken() -> None:
    async with Sink() as application, listening(forward_to=application.url()) as one, httpx.AsyncClient() as http:
        application.script(Answer(200, b"x" * 300_000))
        answer = await http.post(one.url, content=b"{}")
        assert len(answer.content) == listener_forward.MOST_ANSWER_BYTES
