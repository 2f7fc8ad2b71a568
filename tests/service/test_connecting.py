"""What is said where Temporal is not reached: whose fault it seems to be, and what to do."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
import pytest_asyncio
import trustme

from domain.errors import SettingsError, TemporalUnavailableError
from service.temporal import connect
from service.temporal_words import ENDED, TLS_FIX
from tests.support.authorities import server_tls
from tests.support.tls_door import TlsDoor

TLS = {"TEMPORAL_TLS": "true"}


@pytest.fixture(autouse=True)
def nothing_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.temporal.ANSWER_TIMEOUT", timedelta(seconds=20))  # the machine may be busy
    for name in ("TEMPORAL_ADDRESS", "TEMPORAL_TLS", "TEMPORAL_API_KEY", "TEMPORAL_PROFILE", "TEMPORAL_CONFIG_FILE"):
        monkeypatch.delenv(name, raising=False)


@pytest_asyncio.fixture
async def plaintext() -> AsyncIterator[str]:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"


@pytest.fixture
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture
def encrypted(authority: trustme.CA) -> Iterator[str]:
    context = server_tls(authority, clients=authority)
    context.set_alpn_protocols(["h2"])
    with TlsDoor(context) as door:
        yield door.url.removeprefix("https://").removesuffix("/")


async def refused(monkeypatch: pytest.MonkeyPatch, address: str, **variables: str) -> tuple[str, str]:
    for name, value in ({"TEMPORAL_ADDRESS": address} | variables).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(TemporalUnavailableError) as caught:
        await connect()
    return caught.value.data["reason"], caught.value.advice


async def test_tls_towards_a_server_without_it_is_named(monkeypatch: pytest.MonkeyPatch, plaintext: str) -> None:
    assert await refused(monkeypatch, plaintext, **TLS) == ("TLS is on here, and it speaks none", TLS_FIX)


async def test_a_server_that_wants_tls_may_be_the_reason(monkeypatch: pytest.MonkeyPatch, encrypted: str) -> None:
    assert await refused(monkeypatch, encrypted) == (ENDED, TLS_FIX)


async def test_a_certificate_that_is_not_trusted_is_named(monkeypatch: pytest.MonkeyPatch, encrypted: str) -> None:
    assert await refused(monkeypatch, encrypted, **TLS) == ("its certificate is not trusted", TLS_FIX)


async def test_a_server_that_asks_for_a_client_certificate_is_not_taken_for_one_that_is_down(
    monkeypatch: pytest.MonkeyPatch, encrypted: str, authority: trustme.CA
) -> None:
    trusted = {"TEMPORAL_TLS_SERVER_CA_CERT_DATA": authority.cert_pem.bytes().decode()}
    reason, advice = await refused(monkeypatch, encrypted, **trusted)
    assert reason in {"it asks for a client certificate", ENDED}  # it may have ended before it was heard
    assert advice == TLS_FIX


async def test_where_nobody_listens_tls_is_not_blamed(monkeypatch: pytest.MonkeyPatch) -> None:
    reason, advice = await refused(monkeypatch, "127.0.0.1:1", **TLS)
    assert reason == "connection refused"
    assert advice.startswith("Start it")


@pytest.mark.parametrize(
    ("variables", "said", "advice"),
    [
        (
            {"TEMPORAL_ADDRESS": "http://localhost:17233"},
            "TEMPORAL_ADDRESS is host:port, without http://",
            "Write localhost:17233.",
        ),
        (
            {"TEMPORAL_ADDRESS": "https://temporal.example.com:7233/"},
            "TEMPORAL_ADDRESS is host:port, without https://",
            "Write temporal.example.com:7233; TEMPORAL_TLS=true asks for TLS.",
        ),
        (
            {"TEMPORAL_TLS_SERVER_CA_CERT_PATH": "/no/such.pem"},
            "the connection to Temporal is not set up: [Errno 2] No such file or directory: '/no/such.pem'",
            "See TEMPORAL_TLS_*, TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE.",
        ),
        (
            {"TEMPORAL_PROFILE": "nobody"},
            "the connection to Temporal is not set up: ",
            "See TEMPORAL_TLS_*, TEMPORAL_CONFIG_FILE and TEMPORAL_PROFILE.",
        ),
    ],
)
async def test_settings_that_cannot_be_used_are_not_taken_for_a_temporal_that_is_away(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], said: str, advice: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as caught:
        await connect()
    assert str(caught.value).startswith(said)
    assert caught.value.advice == advice
