"""One request: what is sent, and what each answer means."""

import asyncio
import base64
import gc
import gzip
import hashlib
import hmac
import json
import socket
import ssl
import time
import uuid
from datetime import UTC, datetime, timedelta
from http import HTTPStatus
from http.cookiejar import CookieJar
from typing import Any

import pytest
import trustme
from cloudevents.core.bindings import http as oracle
from standardwebhooks import Webhook

from activities.sealing import Keyring
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.outcomes import Attempt, Failure
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.sink import (
    Answer,
    Drip,
    DripHead,
    Drop,
    Endless,
    Garbage,
    HalfBody,
    Hang,
    HugeBody,
    InformationalFlood,
    Redirect,
    Reset,
    RetryAfter,
    Script,
    Sink,
)

SECRET = "your-webhook-secret"
WHSEC = "whsec_" + base64.b64encode(bytes(range(32))).decode()
SHORT = 1.5  # long enough for a loaded machine to see an answer that is there
LATE = 5.0


@pytest.fixture
def short_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The total limit, shortened from the guide's 10 s."""
    monkeypatch.setattr("activities.sender.TOTAL_SECONDS", SHORT)


async def _send(sender: Sender, url: str, number: int = 1, **parts: Any) -> Attempt:
    return await sender.send(make_event(), make_subscriber(url, **parts), number)


# What is sent


async def test_the_request_is_the_guides(sink: Sink, sender: Sender) -> None:
    await _send(sender, sink.url("/your-webhook-endpoint"), secrets=[SECRET])
    (request,) = sink.received
    assert (request.method, request.path) == ("POST", "/your-webhook-endpoint")
    sent = {name: value for name, value in request.pairs if not name.startswith("webhook-")}
    assert sent == {
        "Host": f"127.0.0.1:{sink.port}",
        "Content-Type": "application/cloudevents+json",
        "User-Agent": "incidents-platform/1.0",
        "Accept-Encoding": "identity",
        "Ce-Id": "evt_550e8400-e29b-41d4-a716-446655440000",
        "Ce-Source": "/incidents/INC-12345",
        "Ce-Specversion": "1.0",
        "Ce-Type": "im.incident.declared.v1",
        "Ce-Time": "2025-12-26T14:30:00Z",
        "X-CloudEvents-Signature": "sha256=" + hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest(),
        "Content-Length": str(len(request.body)),
    }


async def test_the_body_is_an_event_for_an_independent_library(sink: Sink, sender: Sender) -> None:
    await _send(sender, sink.url())
    (request,) = sink.received
    event = oracle.from_structured_event(oracle.HTTPMessage(request.headers, request.body))
    assert (event.get_id(), event.get_source(), event.get_type()) == (
        make_event().id,
        make_event().source,
        make_event().type,
    )
    assert event.get_data() == make_event().data
    assert event.get_extension("imincidentid") == "INC-12345"


async def test_the_signature_verifies_with_an_independent_library(sink: Sink, sender: Sender) -> None:
    await _send(sender, sink.url(), secrets=[WHSEC])
    (request,) = sink.received
    assert Webhook(WHSEC).verify(request.body, request.headers) == json.loads(request.body)


async def test_both_secrets_of_a_rotation_verify(sink: Sink, sender: Sender) -> None:
    other = "whsec_" + base64.b64encode(b"o" * 32).decode()
    await _send(sender, sink.url(), secrets=[WHSEC, other])
    (request,) = sink.received
    for secret in (WHSEC, other):
        Webhook(secret).verify(request.body, request.headers)
    newest = hmac.new(WHSEC.encode(), request.body, hashlib.sha256).hexdigest()
    assert request.headers["x-cloudevents-signature"] == f"sha256={newest}"


async def test_an_expired_secret_signs_nothing(sink: Sink, sender: Sender) -> None:
    subscriber = make_subscriber(sink.url(), secrets=[WHSEC, SECRET])
    ended = subscriber.secrets[1].model_copy(update={"expires_at": datetime.now(UTC) - timedelta(seconds=1)})
    await sender.send(make_event(), subscriber.model_copy(update={"secrets": (subscriber.secrets[0], ended)}), 1)
    assert len(sink.received[0].headers["webhook-signature"].split()) == 1


async def test_without_a_secret_nothing_is_signed(sink: Sink, sender: Sender) -> None:
    await _send(sender, sink.url())
    names = sink.received[0].headers
    assert not [name for name in names if name.startswith("webhook-") or name == "x-cloudevents-signature"]


async def test_webhook_id_is_the_same_on_every_attempt(sink: Sink, sender: Sender) -> None:
    for number in (1, 2):
        await _send(sender, sink.url(), number, secrets=[SECRET])
    assert len({request.headers["webhook-id"] for request in sink.received}) == 1


async def test_added_headers_are_sent(sink: Sink, sender: Sender) -> None:
    await _send(sender, sink.url(), headers={"Authorization": "Bearer t0ken", "X-Team": "ops"})
    assert sink.received[0].headers["authorization"] == "Bearer t0ken"
    assert sink.received[0].headers["x-team"] == "ops"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
async def test_no_cookie_is_sent_back(host: str, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(headers={"Set-Cookie": "session=abc; Path=/"}))
    for _ in range(2):
        await _send(sender, sink.url(host=host))
    assert [request.headers.get("cookie") for request in sink.received] == [None, None]


async def test_no_cookie_is_kept(sink: Sink, sender: Sender) -> None:
    value = uuid.uuid4().hex  # clients of other tests may have cookies
    sink.script(Answer(headers={"Set-Cookie": f"session={value}; Path=/"}))
    await _send(sender, sink.url())
    jars = [each for each in gc.get_objects() if isinstance(each, CookieJar)]
    kept = [cookie for jar in jars for cookie in jar if cookie.value == value]
    assert kept == [], "a jar that every receiver can fill grows for ever"


async def test_proxies_from_the_environment_are_ignored(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    async with Sink() as proxy:
        for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
            monkeypatch.setenv(name, proxy.url())
        sender = Sender(GuardedTransport(AddressPolicy()), make_keyring(), AddressPolicy())
        assert (await _send(sender, sink.url())).status == 200
        assert proxy.connections == 0
        await sender.aclose()


# What a status means: the guide's "Response Expectations"


@pytest.mark.parametrize("status", [200, 201, 202, 204, 206, 226, 299])
async def test_2xx_is_delivered(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(status))
    attempt = await _send(sender, sink.url(), 3)
    assert (attempt.number, attempt.status, attempt.failure, attempt.error) == (3, status, None, None)
    assert not attempt.retryable


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 410, 413, 415, 418, 422, 425, 451, 499])
async def test_4xx_is_not_retried(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(status))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (status, Failure.HTTP_STATUS, False)


@pytest.mark.parametrize("status", [408, 429, 500, 501, 502, 503, 504, 507, 520, 599])
async def test_5xx_408_and_429_are_retried(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(status))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (status, Failure.HTTP_STATUS, True)


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 307, 308])
async def test_3xx_is_a_permanent_failure_and_not_followed(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(Redirect(sink.url("/elsewhere"), status))
    attempt = await _send(sender, sink.url("/first"))
    assert (attempt.status, attempt.failure, attempt.retryable) == (status, Failure.REDIRECT, False)
    assert [request.path for request in sink.received] == ["/first"]


@pytest.mark.parametrize(
    "location",
    [
        "",
        "http://[",
        "http://:99999999/",
        "https:foo",
        "mailto:a@example.com",
        "//",
        "http://xn--a/",
        "\xe9",
        "a" * 7000,
    ],
)
async def test_a_redirect_to_nonsense_is_still_a_redirect(location: str, sink: Sink, sender: Sender) -> None:
    sink.script(Redirect(location))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure) == (302, Failure.REDIRECT)


@pytest.mark.parametrize("status", [600, 799, 999])
async def test_a_status_outside_http_is_an_invalid_response(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(status))
    attempt = await _send(sender, sink.url())
    assert (attempt.failure, attempt.retryable) == (Failure.INVALID_RESPONSE, False)


async def test_an_upgrade_nobody_asked_for_is_an_invalid_response(sink: Sink, sender: Sender) -> None:
    sink.script(Answer(101, headers={"Upgrade": "chat", "Connection": "Upgrade"}))
    attempt = await _send(sender, sink.url())
    assert (attempt.failure, attempt.retryable) == (Failure.INVALID_RESPONSE, False)


async def test_the_error_reads_as_in_the_guide(sink: Sink, sender: Sender) -> None:
    sink.script(Answer(503))
    assert (await _send(sender, sink.url())).error == "HTTP 503 Service Unavailable"


async def test_an_informational_answer_before_the_real_one_is_passed_over(sink: Sink, sender: Sender) -> None:
    sink.script(Garbage(b"HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"))
    assert (await _send(sender, sink.url())).status == HTTPStatus.ACCEPTED


# Retry-After


@pytest.mark.parametrize("status", [429, 503])
async def test_retry_after_in_seconds_is_taken_from_429_and_503(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(RetryAfter(status, "120"))
    assert (await _send(sender, sink.url())).retry_after_seconds == 120


async def test_retry_after_as_a_date_is_taken(sink: Sink, sender: Sender) -> None:
    when = datetime.now(UTC) + timedelta(seconds=60)
    sink.script(RetryAfter(503, when.strftime("%a, %d %b %Y %H:%M:%S GMT")))
    asked = (await _send(sender, sink.url())).retry_after_seconds
    assert asked is not None
    assert 50 < asked <= 60


@pytest.mark.parametrize("status", [200, 301, 404, 500])
async def test_retry_after_means_nothing_elsewhere(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(RetryAfter(status, "120"))
    assert (await _send(sender, sink.url())).retry_after_seconds is None


@pytest.mark.parametrize("value", ["soon", "-5", "Mon, 01 Jan 99999999999999999999 00:00:00 GMT", "9" * 4000])
async def test_a_mad_retry_after_does_not_break_the_attempt(value: str, sink: Sink, sender: Sender) -> None:
    sink.script(RetryAfter(503, value))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure) == (503, Failure.HTTP_STATUS)


# Failures without a status: the guide's "What Gets Retried"


@pytest.mark.parametrize("script", [Drop(), Reset(), Reset(after=b"HTTP/1.1 200")])
async def test_a_broken_connection_is_retried(script: Script, sink: Sink, sender: Sender) -> None:
    sink.script(script)
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (None, Failure.CONNECTION, True)


async def test_a_refused_connection_is_retried(sender: Sender) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        attempt = await _send(sender, f"http://127.0.0.1:{closed.getsockname()[1]}/")
    assert (attempt.failure, attempt.error, attempt.retryable) == (Failure.CONNECTION, "connection refused", True)


async def test_an_unknown_host_is_retried(sender: Sender) -> None:
    attempt = await _send(sender, "https://does-not-exist.invalid/")
    assert (attempt.failure, attempt.retryable) == (Failure.DNS, True)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01SSH-2.0-OpenSSH_9.9\r\n\r\n",
        b"HTTP/1.1 OK\r\n\r\n",
        b"HTTP/9.9.9 200 OK\r\n\r\n",
        b"HTTP/1.1 000 None\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nBad Header: 1\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"<html>hello</html>\r\n\r\n",
    ],
)
async def test_malformed_http_is_an_invalid_response_and_not_retried(raw: bytes, sink: Sink, sender: Sender) -> None:
    sink.script(Garbage(raw))
    attempt = await _send(sender, sink.url())
    assert (attempt.failure, attempt.retryable) == (Failure.INVALID_RESPONSE, False)
    assert attempt.error == "invalid response: not HTTP"


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("script", [Hang(), DripHead()])
async def test_no_status_within_the_total_limit_is_a_timeout_and_retried(
    script: Script, sink: Sink, sender: Sender
) -> None:
    sink.script(script)
    began = time.monotonic()
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (None, Failure.TIMEOUT, True)
    assert SHORT <= time.monotonic() - began < SHORT + LATE


@pytest.mark.parametrize("status", [100, 103])
async def test_interim_answers_without_end_are_cut_off_and_retried(status: int, sink: Sink, sender: Sender) -> None:
    sink.script(InformationalFlood(status))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (None, Failure.CONNECTION, True)
    assert "does not begin" in (attempt.error or "")


async def test_framing_without_end_is_cut_off_and_the_status_stands(sink: Sink, sender: Sender) -> None:
    extension = Endless(b"x", b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n1;")
    sink.script(extension)
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure) == (503, Failure.HTTP_STATUS)
    assert extension.sent < 32 * 1024 * 1024


@pytest.mark.usefixtures("short_limit")
async def test_a_tls_handshake_that_never_comes_is_a_timeout(sink: Sink, sender: Sender) -> None:
    attempt = await _send(sender, sink.url().replace("http://", "https://"))
    assert attempt.failure is Failure.TIMEOUT


@pytest.mark.usefixtures("short_limit")
async def test_a_resolver_that_never_answers_is_a_timeout(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    async def silent(*_: Any, **__: Any) -> None:
        await asyncio.sleep(3600)

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", silent)
    assert (await _send(sender, "https://receiver.example/")).failure is Failure.TIMEOUT


async def test_the_total_limit_is_the_guides_ten_seconds() -> None:
    from activities import sender

    assert sender.TOTAL_SECONDS == 10


# The body decides nothing


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("status", [200, 202])
@pytest.mark.parametrize(
    "script", [Drip, HalfBody, lambda status: HugeBody(64 * 1024 * 1024, status)], ids=["drip", "half", "huge"]
)
async def test_a_2xx_status_is_delivered_whatever_the_body_does(
    status: int, script: Any, sink: Sink, sender: Sender
) -> None:
    sink.script(script(status=status))
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure) == (status, None)


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize("script", [Drip(status=503), HalfBody(503), HugeBody(64 * 1024 * 1024, 503)])
async def test_a_5xx_status_stands_whatever_the_body_does(script: Script, sink: Sink, sender: Sender) -> None:
    sink.script(script)
    attempt = await _send(sender, sink.url())
    assert (attempt.status, attempt.failure, attempt.retryable) == (503, Failure.HTTP_STATUS, True)


async def test_a_2xx_whose_body_is_reset_is_delivered(sink: Sink, sender: Sender) -> None:
    sink.script(Reset(after=b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf"))
    assert (await _send(sender, sink.url())).failure is None


@pytest.mark.usefixtures("short_limit")
async def test_a_dripping_body_ends_with_the_total_limit_and_not_later(sink: Sink, sender: Sender) -> None:
    sink.script(Drip(interval=0.02))
    began = time.monotonic()
    attempt = await _send(sender, sink.url())
    assert time.monotonic() - began < SHORT + LATE
    assert attempt.duration_ms < SHORT * 1000, "the duration is until the status, not until the end of the body"


async def test_a_huge_body_is_not_read_to_its_end(sink: Sink, sender: Sender) -> None:
    huge = HugeBody(64 * 1024 * 1024)
    sink.script(huge)
    attempt = await _send(sender, sink.url())
    assert attempt.response == "x" * 2048
    assert huge.sent < huge.size / 2, "the rest was never taken"


@pytest.mark.parametrize(("size", "kept"), [(0, 0), (1, 1), (2048, 2048), (2049, 2048), (65536, 2048), (70000, 2048)])
async def test_the_start_of_the_response_is_kept(size: int, kept: int, sink: Sink, sender: Sender) -> None:
    sink.script(Answer(500, b"y" * size))
    attempt = await _send(sender, sink.url())
    assert (attempt.response or "") == "y" * kept


async def test_control_characters_are_stripped_from_the_response(sink: Sink, sender: Sender) -> None:
    hostile = b"\x1b[2J\x1b[31mred\x1b[0m\x00\x07\x08\x9b\xc2\x9b1m \x1b]0;title\x07ok\ttab\r\nline\x7f"
    sink.script(Answer(400, hostile))
    response = (await _send(sender, sink.url())).response or ""
    assert response == "red\ufffd1m ]0;titleok\ttab\nline"


async def test_a_response_that_is_not_utf8_is_shown_as_far_as_it_can_be(sink: Sink, sender: Sender) -> None:
    sink.script(Answer(400, b"caf\xe9"))
    assert (await _send(sender, sink.url())).response == "caf\ufffd"


async def test_gzip_is_not_decompressed(sink: Sink, sender: Sender) -> None:
    bomb = gzip.compress(b"A" * 10_000_000)
    sink.script(Answer(200, bomb, {"Content-Encoding": "gzip"}))
    attempt = await _send(sender, sink.url())
    assert attempt.failure is None
    assert "AAAA" not in (attempt.response or "")


# Refusals


@pytest.mark.parametrize(
    "url",
    [
        "http://example.com/",
        "https://10.0.0.1/",
        "https://169.254.169.254/latest/meta-data",
        "https://user:pass@example.com/",
        "https://2130706433/",
        "ftp://example.com/",
        "https://[v1.example]/",
        "https://example.com[::1]/",
        "https://[::1]x/",
    ],
)
async def test_a_url_that_may_not_be_registered_is_not_dialled_either(url: str, sender: Sender) -> None:
    attempt = await _send(sender, url)
    assert (attempt.failure, attempt.retryable) == (Failure.BLOCKED_ADDRESS, False)


async def test_a_malformed_punycode_host_fails_the_attempt_and_raises_nothing(sender: Sender) -> None:
    assert (await _send(sender, "https://xn--a.invalid/")).failure is not None


async def test_a_name_that_resolves_to_loopback_is_refused_for_good(
    sink: Sink, sender: Sender, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def rebind(_host: str, port: int, **_: Any) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", rebind)
    attempt = await _send(sender, f"https://rebound.example:{sink.port}/")
    assert (attempt.failure, attempt.retryable) == (Failure.BLOCKED_ADDRESS, False)
    assert "IM_ALLOWED_NETWORKS" in (attempt.error or "")
    assert sink.connections == 0


@pytest.mark.parametrize("trusted", [True, False])
async def test_an_untrusted_certificate_is_a_permanent_failure(trusted: bool) -> None:
    authority, server, client = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH), None
    authority.issue_cert("localhost").configure_cert(server)
    if trusted:
        client = ssl.create_default_context()
        authority.configure_trust(client)
    sender = Sender(GuardedTransport(AddressPolicy(), client), make_keyring(), AddressPolicy())
    async with Sink(server) as sink:
        attempt = await _send(sender, sink.url(host="localhost"))
        assert len(sink.received) == (1 if trusted else 0)
        await sender.aclose()
    assert attempt.failure is (None if trusted else Failure.TLS)
    assert not attempt.retryable


async def test_a_secret_sealed_with_an_unknown_key_is_retried_and_nothing_is_sent(sink: Sink) -> None:
    other = Keyring([("other", b"o" * 32)])
    sender = Sender(GuardedTransport(AddressPolicy()), other, AddressPolicy())
    attempt = await _send(sender, sink.url(), secrets=[SECRET])
    assert (attempt.failure, attempt.retryable, sink.received) == (Failure.SEALING_KEY, True, [])
    await sender.aclose()


@pytest.mark.usefixtures("short_limit")
@pytest.mark.parametrize(
    "script", [Answer(), Answer(500), Drop(), Reset(), Garbage(), Hang(), HalfBody(500), Redirect("/x")], ids=repr
)
async def test_no_secret_is_in_the_attempt(script: Script, sink: Sink, sender: Sender) -> None:
    sink.script(script)
    url = sink.url("/hook?token=url-t0ken")
    attempt = await _send(sender, url, secrets=[SECRET], headers={"Authorization": "Bearer hdr-t0ken"})
    said = attempt.model_dump_json()
    assert not [word for word in (SECRET, "url-t0ken", "hdr-t0ken") if word in said]


async def test_durations_are_at_least_a_millisecond(sink: Sink, sender: Sender) -> None:
    attempt = await _send(sender, sink.url())
    assert 1 <= attempt.duration_ms < 5000


async def test_what_a_receiver_repeats_of_an_added_header_is_redacted(sink: Sink, sender: Sender) -> None:
    headers = {"Authorization": "Bearer hdr-t0ken-of-the-other", "X-Api-Key": "k3y-of-the-other", "X-Env": "prod"}
    sink.script(Answer(400, b"prod: Bearer hdr-t0ken-of-the-other k3y-of-the-other"))
    attempt = await _send(sender, sink.url(), headers=headers)
    assert attempt.response is not None
    assert "of-the-other" not in attempt.response
    assert attempt.response.startswith("prod: ")
