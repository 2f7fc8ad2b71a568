"""The receiver of `im listen`, over real connections."""

import asyncio
import logging

import httpx
import pytest

from cli.listener_http import MAX_BODY_BYTES
from tests.support.eventually import eventually
from tests.support.own_receiver import listening, saying
from tests.support.sink import Answer, Hang, Sink


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
        refused = [(shown.status, shown.remark) for shown in one.shown if shown.refused]
        others = [(405, f"{method} /hook: im listen takes POST") for method in ("GET", "HEAD", "PUT")]
        assert refused == [*others, (413, "POST /hook: its body is over 1 MiB")]
        assert len(one.shown) == 5


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


async def test_what_takes_longer_at_the_end_is_answered_503_and_shown(caplog: pytest.LogCaptureFixture) -> None:
    async with listening(delay=60) as one, httpx.AsyncClient() as http:
        asking = asyncio.create_task(http.post(one.url, content=b"{}"))
        await eventually(lambda: one.receiver.reached)
        async with asyncio.timeout(5):
            await one.receiver.close()
            answer = await asking
        assert (answer.status_code, answer.text) == (503, "im listen was stopped")
        assert [(shown.status, shown.remark) for shown in one.shown] == [(503, "im listen was stopped")]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_hanging_application_is_no_answer_of_its_at_the_end() -> None:
    async with Sink() as application, listening(forward_to=application.url()) as one, httpx.AsyncClient() as http:
        application.script(Hang())
        asking = asyncio.create_task(http.post(one.url, content=b"{}"))
        await application.wait_for(1)
        await one.receiver.close()
        assert ((await asking).status_code, one.shown[0].forwarded) == (503, None)


async def test_half_a_body_at_the_end_is_answered_503_and_shown() -> None:
    async with listening() as one:
        words = b"POST /half HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n12"
        async with saying(one.receiver.port, words) as reader:
            await asyncio.sleep(0.2)
            await one.receiver.close()
            answered = await reader.read()
        assert answered.startswith(b"HTTP/1.1 503 ")
        assert answered.endswith(b"im listen was stopped")
        assert [(shown.refused, shown.remark) for shown in one.shown] == [
            (True, "POST /half: im listen was stopped before the body was whole")
        ]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "somebody speaks https to this port, which speaks http"),
        (b"SSH-2.0-OpenSSH_9.9\r\n\r\n", "what came is no HTTP/1.1 request"),
    ],
)
async def test_what_is_no_http_is_told_once_in_words_of_ours(
    caplog: pytest.LogCaptureFixture, words: bytes, said: str
) -> None:
    async with listening() as one, saying(one.receiver.port, words) as reader:
        assert (await reader.read()).startswith(b"HTTP/1.1 400 ")
        assert [(shown.status, shown.refused, shown.remark) for shown in one.shown] == [(400, True, said)]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_a_request_for_a_websocket_is_told_in_words_of_ours(caplog: pytest.LogCaptureFixture) -> None:
    words = b"GET /ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    async with listening() as one, saying(one.receiver.port, words) as reader:
        assert (await reader.readline()).startswith(b"HTTP/1.1 405 ")
        said = "GET /ws: im listen takes POST, and does not upgrade to websocket"
        assert [shown.remark for shown in one.shown] == [said]
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_an_upgrade_that_is_asked_for_with_an_event_is_told_beside_it(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as one, httpx.AsyncClient() as http:
        headers = {"Connection": "Upgrade", "Upgrade": "h2c"}
        answer = await http.post(one.url, content=b'{"id": "evt_1"}', headers=headers)
        assert answer.status_code == 200
        assert [shown.remark for shown in one.shown] == ["it asked to upgrade to h2c, which is not done"]
        assert one.shown[0].event == {"id": "evt_1"}
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


async def test_what_has_no_id_is_no_repetition_and_uses_up_no_statuses() -> None:
    async with listening(statuses=[503, 200]) as one, httpx.AsyncClient() as http:
        one.receiver.secret = "a-secret-of-this-test"
        for body in (b"{}", b"{}", b"[]", b"no JSON"):
            assert (await http.post(one.url, content=body)).status_code == 503
        assert [shown.attempt for shown in one.shown] == [1, 1, 1, 1]
        assert {(shown.verified, *shown.problems) for shown in one.shown} == {(False, "not from im: unsigned")}


async def test_an_id_in_the_body_or_the_header_counts_attempts() -> None:
    async with listening(statuses=[503, 200]) as one, httpx.AsyncClient() as http:
        for headers, body in (({}, b'{"source": "a", "id": 0}'), ({"webhook-id": "msg"}, b"{}")):
            answers = [(await http.post(one.url, content=body, headers=headers)).status_code for _ in range(2)]
            assert answers == [503, 200]


async def test_a_missing_signature_is_not_laid_to_a_missing_secret() -> None:
    async with listening() as one, httpx.AsyncClient() as http:
        one.receiver.secret = "a-secret-of-this-test"
        await http.post(one.url, content=b"{}", headers={"X-CloudEvents-Signature": "sha256=" + "0" * 64})
        problems = " ".join(one.shown[0].problems)
        assert "something between im and the receiver removed the header" in problems
        assert "--generate-secret" not in problems
