"""A 2xx whose body breaks HTTP is delivered all the same: the status has decided (found by an attack on the parser)."""

import asyncio
import contextlib
import errno
import socket
from typing import Any

import pytest

from activities.exchange import Request
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.outcomes import OWN_FAULT, Attempt, Failure
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.files import out_of_files
from tests.support.sink import Garbage, Sink

HEAD = b"HTTP/1.1 %s\r\n"
BROKEN = {
    "a body behind a 204": HEAD % b"204 No Content" + b"\r\n{}",
    "characters counted instead of bytes": HEAD % b"200 OK" + b"Content-Length: 5\r\n\r\n" + "olé ok".encode(),
    "more than Content-Length": HEAD % b"200 OK" + b"Connection: close\r\nContent-Length: 2\r\n\r\nokkkk",
    "a chunk that is none": HEAD % b"200 OK" + b"Transfer-Encoding: chunked\r\n\r\nzz\r\nhello\r\n",
    "a chunk too large": HEAD % b"200 OK" + b"Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n",
}


async def send(url: str) -> Attempt:
    transport = GuardedTransport(AddressPolicy())
    sender = Sender(transport, make_keyring(), AddressPolicy())
    try:
        return await sender.send(make_event(), make_subscriber(url), 1)
    finally:
        await sender.aclose()


@pytest.mark.parametrize("raw", BROKEN.values(), ids=BROKEN.keys())
async def test_a_2xx_with_a_broken_body_is_delivered(sink: Sink, raw: bytes) -> None:
    sink.script(Garbage(raw))
    attempt = await send(sink.url())
    assert (attempt.failure, attempt.status) == (None, int(raw[9:12]))


@pytest.mark.parametrize("status", [404, 503])
async def test_a_failure_with_a_broken_body_keeps_its_status(sink: Sink, status: int) -> None:
    sink.script(Garbage(b"HTTP/1.1 %d Oh\r\nContent-Length: 1\r\n\r\nmore" % status))
    attempt = await send(sink.url())
    assert (attempt.failure, attempt.status) == (Failure.HTTP_STATUS, status)


@pytest.mark.parametrize("raw", [b"HTTP/1.1 abc\r\n\r\n", b"hello\r\n\r\n", b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n"])
async def test_what_has_no_proper_head_is_an_invalid_response(sink: Sink, raw: bytes) -> None:
    sink.script(Garbage(raw))
    assert (await send(sink.url())).failure is Failure.INVALID_RESPONSE


@pytest.mark.parametrize("number", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS])
async def test_a_fault_of_this_machine_is_not_charged_to_the_receiver(
    sink: Sink, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    def refuse(*_: Any, **__: Any) -> socket.socket:
        raise OSError(number, "no more")

    monkeypatch.setattr("socket.socket", refuse)
    with pytest.raises(LocalFault):
        await send(sink.url())


@pytest.mark.parametrize("url", ["https://receiver.example/", "https://[2001:4860:4860::8888]/", "https://8.8.8.8/"])
async def test_a_machine_out_of_file_descriptors_charges_no_receiver(url: str) -> None:
    """Nor does it say that a name does not exist, as the system's resolver does."""
    transport = GuardedTransport(AddressPolicy())
    with contextlib.suppress(OSError):  # once it has looked up a name, the resolver has another error for it
        await asyncio.get_running_loop().getaddrinfo("first.example", 443)
    with pytest.raises(LocalFault, match=f"{OWN_FAULT}: Too many open files"), out_of_files():
        await transport.send(Request("POST", url))
    await transport.aclose()
