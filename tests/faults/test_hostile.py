"""Receivers that misbehave on purpose: each bounded in time and bytes, classed right, and harmless to its neighbour."""

import asyncio
import gzip
import socket
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager

import pytest
import pytest_asyncio

from bench.processes import reset_peaks, used
from tests.faults.load import arrivals, tell
from tests.faults.stage import Stage, api_client, stage
from tests.support.platform import unique_name, unique_type
from tests.support.sink import (
    Answer,
    Drip,
    DripHead,
    Endless,
    Garbage,
    HalfBody,
    Hang,
    HugeBody,
    InformationalFlood,
    Redirect,
    Reset,
    Script,
    Sink,
)

GIGABYTE = 1024**3
BOMB = gzip.compress(b"\0" * 200_000_000, 9)
TAKEN_BYTES = 16 * 1024 * 1024  # 64 KiB are read; the rest is what the two kernels and the sink hold ready
MEMORY_BYTES = 200 * 1024 * 1024  # above what the process had before; a single 1 GB body would be five times this
TOTAL_SECONDS = 10
SLACK_SECONDS = 10  # of a machine that is busy
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
DELIVERED, TIMEOUT, INVALID, ENDLESS = "delivered", "timeout", "invalid response", "the answer does not begin"

# what it does, and how its delivery ends: delivered, or the beginning of the error
HOSTILE: dict[str, tuple[Script, str]] = {
    "a byte of body a second": (Drip(interval=1), DELIVERED),
    "a byte of a 503's body a second": (Drip(interval=1, status=503), "HTTP 503"),
    "a byte of head at a time": (DripHead(), TIMEOUT),
    "headers without end": (Endless(b"X-More: and more\r\n"), INVALID),
    "one header without end": (Endless(b"x", b"HTTP/1.1 200 OK\r\nX-Long: "), INVALID),
    "a header's name without end": (Endless(b"x"), INVALID),
    "a status line without end": (Endless(b"x", b"HTTP/1.1 200 "), INVALID),
    "a gigabyte": (HugeBody(GIGABYTE), DELIVERED),
    "a gigabyte of 503": (HugeBody(GIGABYTE, 503), "HTTP 503"),
    "chunks without end": (Endless(b"1\r\nx\r\n", CHUNKED), DELIVERED),
    "a chunk's extension without end": (Endless(b"x", CHUNKED + b"1;"), DELIVERED),
    "a bomb": (Answer(200, BOMB, {"Content-Encoding": "gzip"}), DELIVERED),
    "a bomb with an error": (Answer(400, BOMB, {"Content-Encoding": "gzip"}), "HTTP 400"),
    "half a body": (HalfBody(), DELIVERED),
    "a reset half way": (Reset(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf"), DELIVERED),
    "a reset within the head": (Reset(b"HTTP/1.1 200 OK\r\nContent-"), "connection reset"),
    "silence": (Hang(), TIMEOUT),
    "a way inside": (Redirect("http://169.254.169.254/latest/meta-data/"), "HTTP 302"),
    "no HTTP": (Garbage(), INVALID),
    "another protocol": (Garbage(b"220 mail.example ESMTP\r\n"), INVALID),
    "103 without end": (InformationalFlood(103), ENDLESS),
    "100 without end": (InformationalFlood(100), ENDLESS),
    "101": (Garbage(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n"), ""),
}
DEAF = "a socket that accepts nothing"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("hostile"), "serve") as found:
        yield found


@contextmanager
def deaf_port() -> Iterator[int]:
    """A port whose queue of connections is full, so that the next is never answered."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listener.getsockname())
        try:
            yield listener.getsockname()[1]
        finally:
            for each in waiting:
                each.close()


async def test_hostile_receivers_are_bounded_and_harm_nobody(place: Stage) -> None:
    event_type, process = unique_type("hostile"), place.processes["serve"].running.pid
    platform, called = place.platform, {name: unique_name(f"h{n}") for n, name in enumerate((*HOSTILE, DEAF))}
    async with Sink() as sink, api_client(place.url) as platform.api:
        with deaf_port() as deaf:
            adding = [
                platform.gateway.subscribers.add(
                    called[name],
                    f"http://127.0.0.1:{deaf}/" if name == DEAF else sink.url(f"/{called[name]}"),
                    types=[event_type],
                    max_attempts=1,
                )
                for name in called
            ]
            for name, (script, _) in HOSTILE.items():
                sink.script(script, path=f"/{called[name]}")
            await asyncio.gather(*adding)
            await platform.gateway.subscribers.add(unique_name("healthy"), sink.url("/healthy"), types=[event_type])
            before = used(process).rss_bytes
            reset_peaks([process])
            began = time.monotonic()
            event_ids = [await platform.emit(event_type) for _ in range(3)]
            ended = [await platform.ended(event_id, timeout=60) for event_id in event_ids]
    peak, healthy = used(process).peak_bytes, [got for got in sink.received if got.path == "/healthy"]
    told, silent = arrivals(sink, "/healthy"), arrivals(sink, f"/{called['silence']}")
    latest = max(times[0] for times in told.values()) - began
    tell("hostile receivers", kinds=len(called), peak_megabytes=(peak - before) >> 20, healthy_seconds=round(latest, 2))
    for found in ended:
        for name, (_, expected) in (HOSTILE | {DEAF: (Hang(), TIMEOUT)}).items():
            delivery = found[called[name]]
            assert delivery["state"] == (DELIVERED if expected == DELIVERED else "failed"), (name, delivery)
            error = (delivery["error"] or DELIVERED).removeprefix("Max retries exceeded: ")
            assert error.startswith(expected), (name, error)
            assert delivery["attempts"][-1]["duration_ms"] < (TOTAL_SECONDS + SLACK_SECONDS) * 1000, name
    assert len(healthy) == len(event_ids)
    behind = max(told[event_id][0] - silent[event_id][0] for event_id in event_ids)
    assert behind < TOTAL_SECONDS * 0.7, "it waited for those that never answer"
    assert peak - before < MEMORY_BYTES
    for script, _ in HOSTILE.values():
        if isinstance(script, (Endless, HugeBody)):
            assert script.sent < TAKEN_BYTES * len(event_ids), script
