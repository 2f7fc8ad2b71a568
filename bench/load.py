"""The load of the benchmark, a process of its own: publishes over real HTTP and prints when each event was accepted.

Reads one JSON object from standard input: ``host``, ``port``, ``path``, ``token``, ``type``, ``events``,
``publishers``, ``batch`` (0 for single events), ``rate`` (events/s; 0 for as fast as they go) and ``patience`` (seconds
after which refused events are given up). Prints one: ``began``, ``ended``, ``accepted`` (event id to [sent, accepted]),
``refused`` (answers other than 202, sent again after their Retry-After), ``cpu_seconds`` and ``peak_bytes`` of its own.

Requests are made before the clock starts and HTTP is parsed by hand, so that publishing costs little of the cores that
it shares with what is measured.
"""

import asyncio
import json
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import uvloop

DATA = {"incident_id": "INC-1", "title": "x" * 200, "severity": "SEV-3", "actor": "bench@example.com"}
ACCEPTED = 202

Request = tuple[list[str], bytes]  # the ids of the events in it, and its bytes
Answer = tuple[int, float]  # status, and seconds to wait


class Connection(asyncio.Protocol):
    """One keep-alive connection, with one request under way at most."""

    def __init__(self) -> None:
        self._buffer = b""
        self._answer: asyncio.Future[Answer] | None = None
        self.open = True

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way out."""
        self.transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name

    def connection_lost(self, _error: Exception | None) -> None:
        """Whoever waits is told."""
        self.open = False
        if self._answer and not self._answer.done():
            self._answer.set_exception(ConnectionError("closed before the answer"))

    async def post(self, request: bytes) -> Answer:
        """Send a request and wait for its answer."""
        self._answer = asyncio.get_running_loop().create_future()
        self.transport.write(request)
        return await self._answer

    def data_received(self, data: bytes) -> None:
        """Hand over the answer once it is whole."""
        data = self._buffer = self._buffer + data
        head_end = data.find(b"\r\n\r\n")
        if head_end < 0:
            return
        head = data[:head_end].lower()
        if len(data) < head_end + 4 + int(_header(head, b"content-length") or 0):
            return
        self._buffer = b""
        if self._answer and not self._answer.done():
            self._answer.set_result((int(head[9:12]), float(_header(head, b"retry-after") or 1)))


def _header(head: bytes, name: bytes) -> bytes:
    start = head.find(b"\r\n" + name + b":")
    return head[start + len(name) + 3 :].partition(b"\r\n")[0].strip() if start >= 0 else b""


@dataclass
class Load:
    """One case under way."""

    case: dict[str, Any]
    accepted: dict[str, tuple[float, float]] = field(default_factory=dict)
    refused: int = 0
    idle: list[Connection] = field(default_factory=list)

    def requests(self) -> list[Request]:
        """Every request of the case."""
        common = {"specversion": "1.0", "source": "/bench", "type": self.case["type"], "data": DATA}
        events = [{"id": f"evt_{uuid.uuid4()}"} | common for _ in range(self.case["events"])]
        size = self.case["batch"] or 1
        groups = [events[first : first + size] for first in range(0, len(events), size)]
        return [([event["id"] for event in group], self._request(group)) for group in groups]

    def _request(self, group: list[dict[str, Any]]) -> bytes:
        batch = bool(self.case["batch"])
        body = json.dumps(group if batch else group[0]).encode()
        head = (
            f"POST {self.case['path']} HTTP/1.1\r\nHost: {self.case['host']}:{self.case['port']}\r\n"
            f"Authorization: Bearer {self.case['token']}\r\n"
            f"Content-Type: application/cloudevents{'-batch' if batch else ''}+json\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body

    async def run(self) -> dict[str, Any]:
        """Publish everything."""
        requests = self.requests()
        spent, began = time.process_time(), time.time()
        self.deadline = began + self.case["patience"]
        if self.case["rate"]:
            await self._at_rate(requests)
        else:
            todo = iter(requests)
            await asyncio.gather(*(self._publish_all(todo) for _ in range(self.case["publishers"])))
        return {
            "began": began,
            "ended": time.time(),
            "accepted": self.accepted,
            "refused": self.refused,
            "cpu_seconds": time.process_time() - spent,
            "peak_bytes": _peak_bytes(),
        }

    async def _at_rate(self, requests: list[Request]) -> None:
        began, tasks = time.monotonic(), []
        for number, request in enumerate(requests):
            await asyncio.sleep(max(0.0, began + number / self.case["rate"] - time.monotonic()))
            tasks.append(asyncio.create_task(self._publish(*request)))
        await asyncio.gather(*tasks)

    async def _publish_all(self, todo: Iterator[Request]) -> None:
        for request in todo:
            await self._publish(*request)

    async def _publish(self, ids: list[str], request: bytes) -> None:
        """Publish until it is accepted. Latency counts from the first try."""
        sent = time.time()
        while time.time() < self.deadline:
            try:
                status, wait = await self._post(request)
            except OSError:
                status, wait = 0, 1.0
            if status == ACCEPTED:
                times = sent, time.time()
                self.accepted.update(dict.fromkeys(ids, times))
                return
            self.refused += 1
            await asyncio.sleep(wait)

    async def _post(self, request: bytes) -> Answer:
        connection = await self._connection()
        async with asyncio.timeout(max(1.0, self.deadline - time.time())):
            answer = await connection.post(request)
        self.idle.append(connection)
        return answer

    async def _connection(self) -> Connection:
        while self.idle:
            connection = self.idle.pop()
            if connection.open:
                return connection
        loop = asyncio.get_running_loop()
        _, connection = await loop.create_connection(Connection, self.case["host"], self.case["port"])
        return connection


def _peak_bytes() -> int:
    """From /proc: getrusage's figure is, after an exec, still that of the process before it."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) * 1024


if __name__ == "__main__":
    print(json.dumps(uvloop.run(Load(json.load(sys.stdin)).run())))
