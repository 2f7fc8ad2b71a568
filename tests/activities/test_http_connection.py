"""Connections to receivers, byte by byte: what ends an answer, and whose answer it is."""

import asyncio
import contextlib
import gc
import socket
import ssl
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import pytest_asyncio
import trustme

from activities.dialling import Dialler
from activities.exchange import Request
from activities.guarded_addresses import GuardedAddresses
from activities.http_connection import HttpConnection
from activities.incoming_answer import MAX_HEAD_BYTES
from activities.places import Place, place_of
from activities.request_heads import head_of
from activities.transport import GuardedTransport
from activities.transport_errors import BrokenOff, NameNotResolved, NotHttp, TransportFault
from domain.addresses import AddressPolicy
from tests.support.authorities import server_tls
from tests.support.sink import Sink

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Receiver:
    """Answers each request on a connection with the next of its parts, and counts connections."""

    def __init__(self) -> None:
        self.answers: list[bytes] = []
        self.url = ""
        self.connections = 0
        self.closed = asyncio.Event()
        self.pace = 0.0  # seconds between bytes
        self.after: bytes = b""  # sent a moment behind an answer
        self.ends = False  # closes behind its answers

    async def converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while self.answers:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")), b":0"
                )
                await reader.readexactly(int(length.partition(b":")[2]))
                await self._answer(writer)
            if not self.ends:
                await reader.read()
        self.closed.set()
        writer.close()

    async def _answer(self, writer: asyncio.StreamWriter) -> None:
        answer = self.answers.pop(0)
        for part in [answer[i : i + 1] for i in range(len(answer))] if self.pace else [answer]:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(self.pace)
        if self.after:
            await asyncio.sleep(0.02)
            writer.write(self.after)


@pytest_asyncio.fixture
async def receiver() -> AsyncIterator[Receiver]:
    made = Receiver()
    server = await asyncio.start_server(made.converse, "127.0.0.1", 0)
    made.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    yield made
    server.close()


@pytest_asyncio.fixture
async def transport() -> AsyncIterator[GuardedTransport]:
    made = GuardedTransport(AddressPolicy())
    yield made
    await made.aclose()


async def asked(
    transport: GuardedTransport, receiver: Receiver, *, limit: int = 1_000_000, **parts: Any
) -> tuple[int, bytes]:
    """One request: status and body."""
    request = Request(parts.pop("method", "POST"), receiver.url, **parts)
    answer, body = await transport.send(request), bytearray()
    try:
        await answer.read_into(body, limit)
    finally:
        answer.close()
    return answer.status, bytes(body)


@pytest.mark.parametrize("said", [OK, b"HTTP/1.1 503 Service Unavailable\r\n\r\n"])
async def test_what_is_said_before_a_request_is_no_answer_to_it(said: bytes) -> None:
    async def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(greet, "127.0.0.1", 0) as server:
        dialler = Dialler(AddressPolicy(), ssl.create_default_context(), None, None)
        connection = await dialler.dial(Place("127.0.0.1", server.sockets[0].getsockname()[1], tls=False))
        await asyncio.sleep(0.1)
        with pytest.raises(BrokenOff, match="before it was asked"):
            connection.ask(head_of("POST", "/", {}, 0))


async def test_a_receiver_that_reads_no_more_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where it has said 200, the rest of the request may still be on its way below TLS."""
    monkeypatch.setattr("activities.http_connection.SHUTDOWN_SECONDS", 0.1)
    authority, client = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(client)
    ended, let_go = asyncio.Event(), asyncio.Event()

    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.pause_reading()  # type: ignore[attr-defined]
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await let_go.wait()
        writer.close()

    class Watched(HttpConnection):
        def connection_lost(self, exc: BaseException | None) -> None:
            super().connection_lost(exc)
            ended.set()

    monkeypatch.setattr("activities.dialling.HttpConnection", Watched)
    transport = GuardedTransport(AddressPolicy(), client)
    async with await asyncio.start_server(impatient, "127.0.0.1", 0, ssl=server_tls(authority)) as listening:
        url = f"https://127.0.0.1:{listening.sockets[0].getsockname()[1]}/"
        answer = await transport.send(Request("POST", url, content=b"x" * 20_000_000))
        answer.close()
        await transport.aclose()
        await asyncio.wait_for(ended.wait(), 5)
        let_go.set()


async def test_a_connection_that_is_given_up_while_it_is_made_harms_no_other() -> None:
    """asyncio would take a socket that is closed behind its back for the next one that has its number."""
    authority, client = trustme.CA(), ssl.create_default_context()
    authority.configure_trust(client)
    transport = GuardedTransport(AddressPolicy(), client)
    async with Sink(server_tls(authority)) as sink:
        for steps in range(1, 12):
            for _ in range(5):
                task = asyncio.create_task(transport.send(Request("POST", sink.url())))
                for _ in range(steps):
                    await asyncio.sleep(0)
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)
            for _ in range(5):
                async with asyncio.timeout(5):
                    answer = await transport.send(Request("POST", sink.url(), headers={"Connection": "close"}))
                assert answer.status == 200
                answer.close()
        await transport.aclose()


ANSWERS = {
    "a length": OK,
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\no\r\n1;x=y\r\nk\r\n0\r\nTrailer: 1\r\n\r\n",
    "interim answers before it": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </>\r\n\r\n" + OK,
}


@pytest.mark.parametrize("raw", ANSWERS.values(), ids=ANSWERS.keys())
async def test_an_answer_may_come_byte_by_byte(raw: bytes, receiver: Receiver, transport: GuardedTransport) -> None:
    receiver.answers, receiver.pace = [raw, raw], 0.0001
    assert await asked(transport, receiver) == (200, b"ok")
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 1


async def test_each_interim_answer_may_have_a_large_head(receiver: Receiver, transport: GuardedTransport) -> None:
    interim = b"HTTP/1.1 103 Early Hints\r\nLink: %b\r\n\r\n" % (b"x" * (MAX_HEAD_BYTES - 100))
    receiver.answers = [3 * interim + OK]
    assert await asked(transport, receiver) == (200, b"ok")


@pytest.mark.parametrize("version", [b"1.0", b"1.1"])
async def test_a_body_without_a_length_ends_with_its_connection(
    version: bytes, receiver: Receiver, transport: GuardedTransport
) -> None:
    receiver.answers, receiver.ends = [b"HTTP/" + version + b" 200 OK\r\n\r\nall of it"], True
    assert await asked(transport, receiver) == (200, b"all of it")


async def test_an_answer_without_a_body_has_none_to_wait_for(receiver: Receiver, transport: GuardedTransport) -> None:
    receiver.answers = [b"HTTP/1.1 204 No Content\r\n\r\n", OK]
    assert await asked(transport, receiver) == (204, b"")
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 1


async def test_the_answer_to_head_has_no_body_whatever_it_says(receiver: Receiver, transport: GuardedTransport) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"]
    assert await asked(transport, receiver, method="HEAD") == (200, b"")


async def test_a_large_body_is_taken_as_it_is_read(receiver: Receiver, transport: GuardedTransport) -> None:
    body = bytes(range(256)) * 3600
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body), OK]
    answer, read = await transport.send(Request("POST", receiver.url)), bytearray()
    for limit in range(1000, len(body) + 1000, 50_000):
        await answer.read_into(read, min(limit, len(body)))
        assert len(read) == min(limit, len(body))
    answer.close()
    assert read == body[: len(read)]


async def test_what_comes_behind_an_answer_is_nobodys_answer(receiver: Receiver, transport: GuardedTransport) -> None:
    forged = b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    receiver.answers = [OK + forged, OK]
    assert await asked(transport, receiver) == (200, b"ok")
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 2


async def test_what_comes_unasked_ends_an_idle_connection(receiver: Receiver, transport: GuardedTransport) -> None:
    receiver.answers, receiver.after = [OK, OK], b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"
    assert await asked(transport, receiver) == (200, b"ok")
    await asyncio.sleep(0.1)
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 2


async def test_a_connection_that_was_closed_meanwhile_is_not_used(
    receiver: Receiver, transport: GuardedTransport
) -> None:
    receiver.answers, receiver.ends = [OK], True
    assert await asked(transport, receiver) == (200, b"ok")
    await receiver.closed.wait()
    await asyncio.sleep(0.05)
    receiver.answers = [OK]
    assert await asked(transport, receiver) == (200, b"ok")


@pytest.mark.parametrize("raw", [OK, OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")])
async def test_a_connection_is_closed_where_either_side_says_so(
    raw: bytes, receiver: Receiver, transport: GuardedTransport
) -> None:
    receiver.answers = [raw, OK]
    headers = {"Connection": "close"} if raw is OK else {}
    assert await asked(transport, receiver, headers=headers) == (200, b"ok")
    await asyncio.wait_for(receiver.closed.wait() if raw is OK else asyncio.sleep(0), 5)
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 2


async def test_an_idle_connection_is_closed_after_a_while(
    receiver: Receiver, transport: GuardedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.idle_connections.KEEPALIVE_SECONDS", 0.05)
    receiver.answers = [OK]
    assert await asked(transport, receiver) == (200, b"ok")
    await asyncio.wait_for(receiver.closed.wait(), 5)


async def test_a_request_that_is_given_up_leaves_no_connection_to_the_next(
    receiver: Receiver, transport: GuardedTransport
) -> None:
    receiver.answers, receiver.pace = [OK, OK], 0.02
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asked(transport, receiver)
    receiver.pace = 0
    assert await asked(transport, receiver) == (200, b"ok")
    assert receiver.connections == 2


@pytest.mark.parametrize(
    ("raw", "fault"),
    [
        (b"", BrokenOff),
        (b"HTTP/1.1 200", BrokenOff),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nok", NotHttp),
        (b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nok", NotHttp),
        (b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", NotHttp),
        (b"HTTP/1.1 200 OK\r\nX: %b\r\n\r\n" % (b"y" * MAX_HEAD_BYTES), NotHttp),
        (b"HTTP/1.1 200 OK\r\n%bContent-Length: 0\r\n\r\n" % (b"X: y\r\n" * (MAX_HEAD_BYTES // 6)), NotHttp),
        (b"HTTP/1.1 200 OK\r\nX: %b" % (b"y" * 2 * MAX_HEAD_BYTES), NotHttp),
        (b"HTTP/1.1 200 O%b" % (b"h" * 2 * MAX_HEAD_BYTES), NotHttp),
    ],
)
async def test_an_answer_that_breaks_off_is_told_from_one_that_is_none(
    raw: bytes, fault: type[TransportFault], receiver: Receiver, transport: GuardedTransport
) -> None:
    receiver.answers, receiver.ends = [raw], True
    with pytest.raises(fault):
        await asked(transport, receiver)


async def test_an_answer_before_the_end_of_its_request_is_one(transport: GuardedTransport) -> None:
    async def impatient(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
        await asyncio.sleep(0.2)
        writer.close()

    receiver = Receiver()
    async with await asyncio.start_server(impatient, "127.0.0.1", 0) as server:
        receiver.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await asked(transport, receiver, content=b"x" * 20_000_000) == (413, b"")


@pytest.mark.parametrize("raw", [OK, b"HTTP/1.1 nonsense\r\n\r\n"])
async def test_requests_leave_no_garbage_in_circles(
    raw: bytes, receiver: Receiver, transport: GuardedTransport
) -> None:
    """Which would stop everything for a moment, now and then: docs/decisions/0054-evicted-runs-are-taken-apart.md."""
    receiver.answers = [raw] * 60
    for _ in range(10):
        with contextlib.suppress(TransportFault):
            await asked(transport, receiver)
    gc.collect()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        for _ in range(10):
            with contextlib.suppress(TransportFault):
                await asked(transport, receiver)
        gc.collect()
        found = {type(each).__module__ for each in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
    assert {module for module in found if module.partition(".")[0] in {"activities", "httptools"}} == set()


@pytest.mark.parametrize("evil", ["a\r\nX: y", "a\nX: y", "a\rX", "a\0"])
def test_no_header_can_end_its_line(evil: str) -> None:
    for method, path, headers in (("POST", "/", {"X": evil}), ("POST", "/", {evil: "1"}), ("POST", f"/{evil}", {})):
        with pytest.raises(ValueError, match="line break"):
            head_of(method, path, headers, 0)


@pytest.mark.parametrize(
    ("url", "host", "authority", "name"),
    [
        ("https://a.example/x", "a.example", "a.example:443", "a.example"),
        ("HTTPS://A.example:443/", "a.example", "a.example:443", "a.example"),
        ("https://a.example.:8443/", "a.example.:8443", "a.example.:8443", "a.example"),
        ("http://[::1]:80/", "[::1]", "[::1]:80", "::1"),
        ("http://localhost:443/", "localhost:443", "localhost:443", "localhost"),
    ],
)
def test_a_place_is_named_as_is_due(url: str, host: str, authority: str, name: str) -> None:
    place = place_of(httpx.URL(url))
    assert (place.host_field, place.authority, place.name) == (host, authority, name)


class Resolving:
    """The system's resolver, which counts, and can be at a loss."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked = 0
        self.lost = False
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", self.resolve)

    async def resolve(self, _host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        self.asked += 1
        await asyncio.sleep(0.01)
        if self.lost:
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("93.184.216.34", port))]


async def test_a_name_is_asked_for_once_by_all_who_wait_and_again_when_that_is_old(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    resolving, addresses = Resolving(monkeypatch), GuardedAddresses(AddressPolicy())
    place = Place("receiver.example", 443, tls=True)
    found = await asyncio.gather(*(addresses.of(place) for _ in range(20)))
    assert [entries[0][4] for entries in found] == [("93.184.216.34", 443)] * 20
    found[0].clear()
    assert len(await addresses.of(place)) == 1, "each caller has a list of its own"
    assert resolving.asked == 1
    monkeypatch.setattr("activities.guarded_addresses.KEPT_SECONDS", -1)
    addresses = GuardedAddresses(AddressPolicy())
    for _ in range(2):
        await addresses.of(place)
    assert resolving.asked == 3


async def test_a_name_that_is_not_found_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    resolving, addresses = Resolving(monkeypatch), GuardedAddresses(AddressPolicy())
    place = Place("receiver.example", 443, tls=True)
    resolving.lost = True
    with pytest.raises(NameNotResolved):
        await addresses.of(place)
    resolving.lost = False
    assert len(await addresses.of(place)) == 1


async def test_the_next_address_is_tried_where_one_refuses(
    receiver: Receiver, transport: GuardedTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def resolve(_host: str, port: int, **_: Any) -> list[tuple[Any, ...]]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (f"127.0.0.{last}", port)) for last in (9, 1)]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", resolve)
    receiver.answers = [OK]
    receiver.url = receiver.url.replace("127.0.0.1", "localhost")
    assert await asked(transport, receiver) == (200, b"ok")


async def test_whoever_waits_for_an_answer_is_told_that_its_connection_is_closed(receiver: Receiver) -> None:
    receiver.answers = [b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhe"]
    transport = GuardedTransport(AddressPolicy())
    answer = await transport.send(Request("GET", receiver.url))
    reading = asyncio.create_task(answer.read_into(bytearray(), 5))
    await asyncio.sleep(0.05)
    answer.close()
    with pytest.raises(BrokenOff):
        await asyncio.wait_for(reading, 5)
