"""Basic and OAuth2 client credentials, against a real token endpoint and a real receiver."""

import asyncio
import base64
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

import pytest

from activities import oauth2
from activities.oauth2 import TokenSource
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.http_clients import OAuth2, TokenAuth
from domain.outcomes import Attempt, Failure
from tests.support.authorities import ACCESS_TOKEN, CLIENT_SECRET, PASSWORD, make_http_client, token_answer
from tests.support.client_senders import ClientSender
from tests.support.sink import Answer, Drop, Garbage, Hang, HugeBody, Redirect, Script, Sink, SlowAnswer

OTHER_TOKEN = "at-another-token-0123456789"
TOKENS = "/token"


@dataclass(frozen=True)
class Wants:
    """401 to every token but one."""

    sink: Sink
    token: str

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        borne = self.sink.received[-1].headers["authorization"]
        return await Answer(200 if borne == f"Bearer {self.token}" else 401).play(writer)


@pytest.fixture
def granting(sink: Sink) -> Sink:
    """A receiver, and a token endpoint at /token."""
    sink.script(token_answer(), path=TOKENS)
    return sink


def _asked(sink: Sink) -> int:
    return sum(request.path == TOKENS for request in sink.received)


def _client(by_client: ClientSender, sink: Sink, **parts: Any) -> None:
    by_client.have(make_http_client(token_url=sink.url(TOKENS), **parts))


def _said(attempt: Attempt) -> str:
    return attempt.model_dump_json() + repr(attempt)


async def test_basic_is_sent_and_nothing_of_it_is_kept(sink: Sink, by_client: ClientSender) -> None:
    by_client.have(make_http_client(password=PASSWORD))
    expected = "Basic " + base64.b64encode(f"im:{PASSWORD}".encode()).decode()
    sink.script(Answer(403, f"no: {expected} {PASSWORD}".encode()))
    attempt = await by_client.send(sink.url())
    assert sink.received[0].headers["authorization"] == expected
    assert (attempt.failure, attempt.status) == (Failure.HTTP_STATUS, 403)
    assert PASSWORD not in _said(attempt)
    assert expected.removeprefix("Basic ") not in _said(attempt)


async def test_a_token_is_fetched_and_borne(granting: Sink, by_client: ClientSender) -> None:
    _client(by_client, granting, scope="alarms write")
    attempt = await by_client.send(granting.url("/hook"))
    asked, told = granting.received
    assert attempt.status == 200
    credentials = base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")).decode()
    assert credentials == "im+client:s3cr3t%2Fof%2Bthe+client", "form-encoded first: RFC 6749, 2.3.1"
    assert parse_qs(asked.body.decode()) == {"grant_type": ["client_credentials"], "scope": ["alarms write"]}
    assert told.headers["authorization"] == f"Bearer {ACCESS_TOKEN}"


async def test_the_secret_can_be_posted(granting: Sink, by_client: ClientSender) -> None:
    _client(by_client, granting, auth=TokenAuth.POST)
    await by_client.send(granting.url())
    asked = granting.received[0]
    assert "authorization" not in asked.headers
    form = parse_qs(asked.body.decode())
    assert (form["client_id"], form["client_secret"]) == (["im client"], [CLIENT_SECRET])


async def test_fifty_concurrent_deliveries_fetch_one_token(granting: Sink, by_client: ClientSender) -> None:
    granting.script(SlowAnswer(0.2, token_answer()), path=TOKENS)
    _client(by_client, granting)
    attempts = await asyncio.gather(*(by_client.send(granting.url()) for _ in range(50)))
    assert {attempt.status for attempt in attempts} == {200}
    assert _asked(granting) == 1


@pytest.mark.parametrize(
    ("expires_in", "after", "fetches"),
    [(3600, 3569, 1), (3600, 3571, 2), (None, 269, 1), (None, 271, 2), ("3600", 3569, 1), (20, 9, 1), (20, 11, 2)],
)
async def test_a_token_is_kept_until_shortly_before_it_expires(
    expires_in: object, after: float, fetches: int, granting: Sink
) -> None:
    granting.script(token_answer(expires_in=expires_in), path=TOKENS)
    now = [0.0]
    transport = GuardedTransport(AddressPolicy())
    config = OAuth2(token_url=granting.url(TOKENS), client_id="im", sealed_secret="")
    tokens = TokenSource(config, CLIENT_SECRET, transport, 10, clock=lambda: now[0])
    await tokens.token()
    now[0] = after
    await tokens.token()
    assert _asked(granting) == fetches
    await transport.aclose()


async def test_a_401_renews_an_older_token_once_within_the_attempt(granting: Sink, by_client: ClientSender) -> None:
    granting.script(token_answer(), token_answer(OTHER_TOKEN), path=TOKENS)
    _client(by_client, granting)
    await by_client.send(granting.url("/first"))
    granting.script(Answer(401), Answer(200), path="/second")
    attempt = await by_client.send(granting.url("/second"))
    assert (attempt.status, attempt.number) == (200, 1)
    borne = [request.headers["authorization"] for request in granting.received if request.path == "/second"]
    assert borne == [f"Bearer {ACCESS_TOKEN}", f"Bearer {OTHER_TOKEN}"]
    granting.script(Answer(401), path="/third")
    assert (await by_client.send(granting.url("/third"))).status == 401
    assert len([request for request in granting.received if request.path == "/third"]) == 2


async def test_a_401_on_a_fresh_token_is_the_answer(granting: Sink, by_client: ClientSender) -> None:
    _client(by_client, granting)
    granting.script(Answer(401), path="/hook")
    attempt = await by_client.send(granting.url("/hook"))
    assert (attempt.status, attempt.failure, attempt.retryable) == (401, Failure.HTTP_STATUS, False)
    assert (_asked(granting), len(granting.received)) == (1, 2)


async def test_fifty_401s_renew_one_token_once(granting: Sink, by_client: ClientSender) -> None:
    granting.script(token_answer(), SlowAnswer(1.0, token_answer(OTHER_TOKEN)), path=TOKENS)
    _client(by_client, granting)
    await by_client.send(granting.url("/first"))
    granting.script(Wants(granting, OTHER_TOKEN), path="/hook")
    attempts = await asyncio.gather(*(by_client.send(granting.url("/hook")) for _ in range(50)))
    assert {attempt.status for attempt in attempts} == {200}
    assert _asked(granting) == 2


@pytest.mark.parametrize(
    ("answer", "failure", "said"),
    [
        (Answer(400, b'{"error":"invalid_scope"}'), Failure.TOKEN_REFUSED, "HTTP 400 Bad Request: invalid_scope"),
        (Answer(401, CLIENT_SECRET.encode()), Failure.TOKEN_REFUSED, "HTTP 401 Unauthorized. Check"),
        (Answer(403, b'{"error":"Not A Code"}'), Failure.TOKEN_REFUSED, "HTTP 403 Forbidden. Check"),
        (Redirect("/elsewhere"), Failure.TOKEN_REFUSED, "HTTP 302 Found"),
        (Answer(200, b"<html>"), Failure.TOKEN_REFUSED, "no usable access_token"),
        (Answer(200, b"[]"), Failure.TOKEN_REFUSED, "no usable access_token"),
        (token_answer("with space"), Failure.TOKEN_REFUSED, "no usable access_token"),
        (token_answer("line\r\nX-Evil: 1"), Failure.TOKEN_REFUSED, "no usable access_token"),
        (token_answer("x" * 20_000), Failure.TOKEN_REFUSED, "no usable access_token"),
        (token_answer(token_type="mac"), Failure.TOKEN_REFUSED, "not Bearer"),
        (token_answer(token_type=None), Failure.TOKEN_REFUSED, "not Bearer"),
        (token_answer(expires_in=-1), Failure.TOKEN_REFUSED, "not a number of seconds"),
        (token_answer(expires_in=True), Failure.TOKEN_REFUSED, "not a number of seconds"),
        (HugeBody(10_000_000), Failure.TOKEN_REFUSED, "over 64 KiB"),
        (Answer(500), Failure.TOKEN_UNAVAILABLE, "HTTP 500 Internal Server Error"),
        (Answer(503), Failure.TOKEN_UNAVAILABLE, "HTTP 503"),
        (Answer(429), Failure.TOKEN_UNAVAILABLE, "HTTP 429"),
        (Drop(), Failure.CONNECTION, "token endpoint: connection closed"),
        (Garbage(), Failure.INVALID_RESPONSE, "token endpoint: invalid response"),
    ],
)
async def test_what_a_token_endpoint_answers_is_classed(
    answer: Script, failure: Failure, said: str, granting: Sink, by_client: ClientSender
) -> None:
    granting.script(answer, token_answer(), path=TOKENS)
    _client(by_client, granting)
    attempt = await by_client.send(granting.url("/hook"))
    assert attempt.failure is failure
    assert said in (attempt.error or "")
    assert attempt.retryable is (failure in {Failure.TOKEN_UNAVAILABLE, Failure.CONNECTION})
    assert CLIENT_SECRET not in _said(attempt)
    assert not [request for request in granting.received if request.path == "/hook"]
    assert (await by_client.send(granting.url("/hook"))).status == 200, "a failure is not kept"


async def test_fifty_concurrent_deliveries_share_one_failure(granting: Sink, by_client: ClientSender) -> None:
    granting.script(SlowAnswer(0.2, Answer(500)), path=TOKENS)
    _client(by_client, granting)
    attempts = await asyncio.gather(*(by_client.send(granting.url()) for _ in range(50)))
    assert {attempt.failure for attempt in attempts} == {Failure.TOKEN_UNAVAILABLE}
    assert _asked(granting) == 1


async def test_a_slow_token_endpoint_is_within_the_attempts_own_time(granting: Sink, by_client: ClientSender) -> None:
    granting.script(Hang(), path=TOKENS)
    _client(by_client, granting, total_seconds=1)
    attempt = await by_client.send(granting.url())
    assert (attempt.failure, attempt.retryable) == (Failure.TOKEN_UNAVAILABLE, True)
    assert attempt.error == "timeout: no token from the token endpoint within 0.9 s"
    assert 850 <= attempt.duration_ms < 8000


async def test_token_and_receiver_share_the_attempts_time(granting: Sink, by_client: ClientSender) -> None:
    granting.script(SlowAnswer(1.0, token_answer()), path=TOKENS)
    granting.script(SlowAnswer(2.0), path="/hook")
    _client(by_client, granting, total_seconds=2.5)
    attempt = await by_client.send(granting.url("/hook"))
    assert (attempt.failure, attempt.error) == (Failure.TIMEOUT, "timeout: no answer within 2.5 s")


async def test_a_token_endpoint_at_a_private_address_is_not_dialled(sink: Sink, by_client: ClientSender) -> None:
    by_client.have(make_http_client(token_url="https://169.254.169.254/token"))
    attempt = await by_client.send(sink.url())
    assert (attempt.failure, attempt.retryable) == (Failure.BLOCKED_ADDRESS, False)
    assert "169.254.169.254" in (attempt.error or "")


async def test_what_a_receiver_repeats_of_a_token_is_redacted(granting: Sink, by_client: ClientSender) -> None:
    _client(by_client, granting)
    echo = json.dumps({"got": f"Bearer {ACCESS_TOKEN}", "id": CLIENT_SECRET}).encode()
    granting.script(Answer(200, echo), path="/hook")
    attempt = await by_client.send(granting.url("/hook"))
    assert attempt.response
    for secret in (ACCESS_TOKEN, CLIENT_SECRET):
        assert secret not in _said(attempt)


async def test_no_token_is_in_a_representation(granting: Sink, by_client: ClientSender) -> None:
    _client(by_client, granting)
    async with by_client.clients.using("client") as route:
        tokens = route.transport.tokens  # type: ignore[attr-defined]
        token = await tokens.token()
        for shown in (repr(token), repr(tokens), repr(route), repr(by_client.clients), repr(by_client.known)):
            assert ACCESS_TOKEN not in shown
            assert CLIENT_SECRET not in shown
    assert oauth2.DEFAULT_LIFE_SECONDS == 300


async def test_a_client_that_is_not_known_counts_no_attempt(sink: Sink, by_client: ClientSender) -> None:
    from activities.transport_errors import LocalFault

    with pytest.raises(LocalFault, match="not known"):
        await by_client.send(sink.url(), "gone")


@pytest.mark.parametrize("expires_in", ["9" * 400, f'"{"9" * 5000}"', "1e400", "-1", "true", "[]"])
async def test_a_life_out_of_range_is_refused_and_breaks_nothing(
    granting: Sink, by_client: ClientSender, expires_in: str
) -> None:
    answer = f'{{"access_token": "{ACCESS_TOKEN}", "token_type": "Bearer", "expires_in": {expires_in}}}'
    granting.script(Answer(200, answer.encode()), path=TOKENS)
    _client(by_client, granting)
    attempt = await by_client.send(granting.url())
    assert attempt.failure in {Failure.TOKEN_REFUSED, None}  # a very long life is a long one


async def test_a_secret_that_the_token_endpoint_gives_as_its_error_is_not_kept(
    granting: Sink, by_client: ClientSender
) -> None:
    granting.script(Answer(400, json.dumps({"error": "correcthorsebatterystaple"}).encode()), path=TOKENS)
    _client(by_client, granting)
    attempt = await by_client.send(granting.url())
    assert attempt.failure is Failure.TOKEN_REFUSED
    assert "correcthorse" not in _said(attempt)
