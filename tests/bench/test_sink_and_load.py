"""The hand-written HTTP of the sink and of the load, over real connections."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

import bench
from tests.support.eventually import eventually
from tests.support.ports import free_port

BENCH = Path(bench.__file__).parent


def _request(event: str, path: str = "/ok/a", body: bytes = b"{}") -> bytes:
    return f"POST {path} HTTP/1.1\r\nHost: x\r\nCe-Id: {event}\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


@pytest_asyncio.fixture(loop_scope="session")
async def port() -> AsyncIterator[int]:
    found = free_port()
    process = await asyncio.create_subprocess_exec(sys.executable, str(BENCH / "sink.py"), str(found))

    async def up() -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", found)
        except OSError:
            return False
        writer.close()
        return True

    await eventually(up)
    yield found
    process.terminate()
    await process.wait()


async def _seen(port: int) -> list[Any]:
    async with httpx.AsyncClient(timeout=30) as client:
        answer = await client.get(f"http://127.0.0.1:{port}/seen")
        return [(event, path) for event, path, _ in answer.json()]


async def test_requests_in_one_read_and_in_single_bytes_are_all_seen(port: int) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(_request("1") + _request("2", "/good/b", b"\r\n\r\n" * 3) + _request("3", "/fail/c"))
    answers = [await reader.readuntil(b"\r\n\r\n") for _ in range(3)]
    assert [answer[9:12] for answer in answers] == [b"200", b"200", b"503"]
    for byte in _request("4", body=b"GET /seen HTTP/1.1\r\n\r\n"):
        writer.write(bytes([byte]))
        await writer.drain()
    assert (await reader.readuntil(b"\r\n\r\n"))[9:12] == b"200"
    async with httpx.AsyncClient(timeout=30) as client:
        assert (await client.get(f"http://127.0.0.1:{port}/count")).text == "2"  # those under /ok/
    assert await _seen(port) == [("1", "/ok/a"), ("2", "/good/b"), ("3", "/fail/c"), ("4", "/ok/a")]
    assert await _seen(port) == []
    writer.close()


@pytest.mark.parametrize(
    "head", [b"POST /ok/a HTTP/1.1\r\n", b"POST /what HTTP/1.1\r\nCe-Id: 1\r\n", b"GET / HTTP/1.1\r\n"]
)
async def test_what_cannot_be_counted_is_refused(port: int, head: bytes) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(head + b"Content-Length: 0\r\n\r\n")
    assert (await reader.read())[9:12] == b"400"
    writer.close()


class _Api:
    """Answers publishers: refuses the first, closes on the second, then accepts."""

    def __init__(self) -> None:
        self.bodies: list[bytes] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await self._head(reader):
            length = int(head.lower().partition(b"content-length:")[2].split()[0])
            self.bodies.append(await reader.readexactly(length))
            if len(self.bodies) == 1:
                writer.write(b"HTTP/1.1 503 No\r\nRetry-After: 0\r\nContent-Length: 2\r\n\r\n")
                await writer.drain()
                writer.write(b"no")
            elif len(self.bodies) == 2:
                break
            else:
                writer.write(b"HTTP/1.1 202 Yes\r\ncontent-length: 0\r\n\r\n")
        writer.close()

    @staticmethod
    async def _head(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.readuntil(b"\r\n\r\n")
        except asyncio.IncompleteReadError:
            return b""


@pytest.mark.parametrize("rate", [0, 200])
async def test_the_load_sends_again_what_was_refused_or_cut_off(rate: int) -> None:
    api = _Api()
    async with await asyncio.start_server(api.serve, "127.0.0.1", 0) as server:
        case = {"host": "127.0.0.1", "port": server.sockets[0].getsockname()[1], "path": "/api/v1/events", "token": "t"}
        case |= {"type": "t.v1", "events": 6, "publishers": 1, "batch": 2, "rate": rate, "patience": 20}
        process = await asyncio.create_subprocess_exec(
            sys.executable, str(BENCH / "load.py"), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
        out, _ = await process.communicate(json.dumps(case).encode())
    said = json.loads(out)
    assert said["refused"] == 2
    assert len(said["accepted"]) == 6
    assert len(api.bodies) == 5
    assert {event["id"] for body in api.bodies for event in json.loads(body)} == set(said["accepted"])
    assert said["began"] < said["ended"]
    assert said["cpu_seconds"] > 0
    assert said["peak_bytes"] > 1_000_000
