"""Mutual TLS and trust stores, against receivers that ask for certificates."""

import asyncio
import os
import ssl
import tempfile
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trustme

from activities.certificates import read_certified_key, tls_context
from activities.transport_errors import LocalFault
from domain.http_clients import HttpClient
from domain.outcomes import Failure
from tests.support.authorities import make_http_client, pem_of, server_tls
from tests.support.client_senders import ClientSender
from tests.support.eventually import eventually
from tests.support.files import out_of_files
from tests.support.sink import Answer, Held, Sink
from tests.support.tls_door import TlsDoor

SERVERS, CLIENTS, STRANGERS = trustme.CA(), trustme.CA(), trustme.CA()
EXPIRED = datetime.now(UTC) - timedelta(days=1)


def _certificate(kind: str) -> trustme.LeafCert | None:
    match kind:
        case "right":
            return CLIENTS.issue_cert("im.example.com", common_name="im")
        case "wrong":
            return STRANGERS.issue_cert("im.example.com", common_name="im")
        case "expired":
            return CLIENTS.issue_cert("im.example.com", common_name="im", not_after=EXPIRED)
        case _:
            return None


async def test_the_right_certificate_is_let_in(by_client: ClientSender) -> None:
    by_client.have(make_http_client(certificate=_certificate("right"), trust=SERVERS))
    async with Sink(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        attempt = await by_client.send(receiver.url("/hook"), secrets=["a-secret-of-the-tests"])
    assert (attempt.failure, attempt.status) == (None, 200)
    assert "webhook-signature" in receiver.received[0].headers


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("wrong", "it does not know the CA of the client certificate"),
        ("expired", "it says that the client certificate has expired"),
        ("none", "it asks for a client certificate"),
    ],
)
async def test_another_certificate_is_refused_for_good_and_in_words(
    kind: str, said: str, by_client: ClientSender
) -> None:
    by_client.have(make_http_client(certificate=_certificate(kind), trust=SERVERS))
    with TlsDoor(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        attempt = await by_client.send(receiver.url)
    assert attempt.error == f"client certificate refused: {said}"
    assert (attempt.failure, attempt.retryable) == (Failure.CLIENT_CERTIFICATE, False)
    assert receiver.received == []


@pytest.mark.parametrize(("trust", "name"), [(None, "127.0.0.1"), (STRANGERS, "127.0.0.1"), (SERVERS, "other.example")])
async def test_an_unknown_authority_or_another_name_is_not_trusted(
    trust: trustme.CA | None, name: str, by_client: ClientSender
) -> None:
    by_client.have(make_http_client(certificate=_certificate("right"), trust=trust))
    async with Sink(server_tls(SERVERS, name, clients=CLIENTS)) as receiver:
        attempt = await by_client.send(receiver.url())
    assert attempt.failure is Failure.TLS
    assert not attempt.retryable
    assert receiver.received == []


async def test_a_trust_store_stands_instead_of_the_systems() -> None:
    context = tls_context(None, make_http_client(trust=SERVERS).trust)
    assert len(context.get_ca_certs()) == 1
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2


@pytest.fixture
def contexts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The threads in which TLS contexts were made."""
    made: list[str] = []

    def counted(*args: object) -> ssl.SSLContext:
        made.append(threading.current_thread().name)
        return tls_context(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("activities.http_clients.tls_context", counted)
    return made


async def test_the_context_is_made_once_in_a_thread_for_fifty_concurrent_deliveries(
    by_client: ClientSender, contexts: list[str]
) -> None:
    by_client.have(make_http_client(certificate=_certificate("right"), trust=SERVERS))
    async with Sink(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        attempts = await asyncio.gather(*(by_client.send(receiver.url()) for _ in range(50)))
        await by_client.send(receiver.url())
        assert {attempt.status for attempt in attempts} == {200}
        assert receiver.connections <= 50
    assert len(contexts) == 1
    assert contexts[0] != threading.main_thread().name


def _rotated(client: HttpClient, kind: str) -> HttpClient:
    fresh = make_http_client(certificate=_certificate(kind), trust=SERVERS)
    return client.model_copy(update={"certificate": fresh.certificate, "version": client.version + 1})


async def test_a_new_version_is_used_at_once(by_client: ClientSender, contexts: list[str]) -> None:
    client = by_client.have(make_http_client(certificate=_certificate("wrong"), trust=SERVERS))
    with TlsDoor(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        assert (await by_client.send(receiver.url)).failure is Failure.CLIENT_CERTIFICATE
        by_client.have(_rotated(client, "right"))
        assert (await by_client.send(receiver.url)).status == 200
    assert len(contexts) == 2


async def test_an_old_version_ends_what_it_has_begun_and_is_closed(by_client: ClientSender) -> None:
    client = by_client.have(make_http_client(certificate=_certificate("right"), trust=SERVERS))
    async with Sink(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        held = Held()
        receiver.script(held, Answer())
        under_way = asyncio.create_task(by_client.send(receiver.url()))
        await receiver.wait_for(1)
        old = by_client.clients._ready["client"].making.result()._guarded._idle
        by_client.have(_rotated(client, "right"))
        assert (await by_client.send(receiver.url())).status == 200
        assert not old.closed
        held.let_go.set()
        assert (await under_way).status == 200
        await eventually(lambda: old.closed)


async def test_a_client_added_again_under_its_name_is_another_one(by_client: ClientSender, contexts: list[str]) -> None:
    async with Sink(server_tls(SERVERS)) as receiver:
        for _ in range(2):
            by_client.have(make_http_client(trust=SERVERS))
            await by_client.send(receiver.url())
    assert len(contexts) == 2


async def test_only_so_many_clients_are_kept_ready(
    by_client: ClientSender, contexts: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.http_clients.MAX_OPEN", 2)
    async with Sink(server_tls(SERVERS)) as receiver:
        for name in ("a", "b", "c", "c", "b", "a"):
            if name not in by_client.known:
                by_client.have(make_http_client(name, trust=SERVERS))
            assert (await by_client.send(receiver.url(), name)).status == 200
            assert len(by_client.clients._ready) <= 2
    assert len(contexts) == 4, "a was closed for c, and made again"


async def test_a_key_that_cannot_be_opened_is_retried_and_made_again(by_client: ClientSender) -> None:
    client = make_http_client(certificate=_certificate("right"), trust=SERVERS)
    assert client.certificate is not None
    foreign = client.certificate.model_copy(update={"sealed_key": "sealed:v1:other:AAAA"})
    by_client.have(client.model_copy(update={"certificate": foreign}))
    async with Sink(server_tls(SERVERS, clients=CLIENTS)) as receiver:
        attempt = await by_client.send(receiver.url())
        assert (attempt.failure, attempt.retryable) == (Failure.SEALING_KEY, True)
        by_client.have(client)
        assert (await by_client.send(receiver.url())).status == 200


@pytest.mark.parametrize("in_memory", [True, False])
def test_no_file_with_a_key_is_left_behind_or_ever_holds_it_open(
    in_memory: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    if not in_memory:
        monkeypatch.delattr(os, "memfd_create", raising=False)
    seen: list[bytes] = []
    load = ssl.SSLContext.load_cert_chain

    def spied(self: ssl.SSLContext, path: str, **options: str) -> None:
        seen.append(Path(path).read_bytes())
        assert len(list(tmp_path.iterdir())) == (0 if in_memory and hasattr(os, "memfd_create") else 1)
        load(self, path, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", spied)
    chain, key = pem_of(CLIENTS.issue_cert("im.example.com", common_name="im"))
    own = read_certified_key(chain, key, None, datetime.now(UTC))
    tls_context(own, None)
    assert all(b"ENCRYPTED PRIVATE KEY" in content for content in seen)
    assert own.key.splitlines()[1].encode() not in b"".join(seen)
    assert list(tmp_path.iterdir()) == []
    assert own.key not in repr(own)


async def test_the_systems_trust_is_not_forgotten_by_what_was_made_without_files(
    by_client: ClientSender, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    SERVERS.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path / "none"))
    by_client.have(make_http_client(trust=None))
    async with Sink(server_tls(SERVERS)) as receiver:
        with out_of_files(), pytest.raises(LocalFault):
            await by_client.send(receiver.url())
        assert (await by_client.send(receiver.url())).status == 200


async def test_a_client_certificate_that_cannot_be_loaded_for_want_of_files_is_this_machines_fault(
    by_client: ClientSender,
) -> None:
    by_client.have(make_http_client(certificate=_certificate("right"), trust=SERVERS))
    with out_of_files(), pytest.raises(LocalFault):
        await by_client.send("https://127.0.0.1:1/hook")
