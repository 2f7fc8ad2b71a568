"""The receiver of the benchmark, a process of its own: times arrivals, and answers as the path says.

``/ok/...`` and ``/good/...`` answer 200 at once, ``/fail/...`` 503, ``/slow/...`` 200 after 4 s. ``GET /count`` gives
the number of arrivals under ``/ok/``; ``GET /seen`` gives every arrival as [event id, path, seconds since 1970], and
both begin anew. HTTP is parsed by hand, as far as it is needed: a web framework took 0.10 ms of CPU a request, of
cores that it shares with what is measured. It must never be the bottleneck; the results show its share of a core.
"""

import asyncio
import json
import sys
import time
from typing import cast

import uvloop

SLOW_SECONDS = 4

_DONE = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_ANSWERS = {
    b"ok": _DONE,
    b"good": _DONE,
    b"slow": _DONE,
    b"fail": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n",
}
_NOT_OURS = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Arrivals:
    """Every arrival, in memory."""

    def __init__(self) -> None:
        self.seen: list[tuple[str, str, float]] = []
        self.healthy = 0

    def note(self, event: bytes, kind: bytes, path: bytes, at: float) -> None:
        """Keep one."""
        self.seen.append((event.decode("latin-1"), path.decode("latin-1"), at))
        self.healthy += kind == b"ok"

    def taken(self) -> bytes:
        """All that was kept, as JSON; from here on nothing is."""
        seen, self.seen, self.healthy = self.seen, [], 0
        return json.dumps(seen).encode()


class Connection(asyncio.Protocol):
    """One keep-alive connection: requests one after the other, or many at once in one read."""

    def __init__(self, arrivals: Arrivals) -> None:
        self._arrivals = arrivals
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the way back."""
        self._transport = cast("asyncio.Transport", transport)  # uvloop's own is none by name

    def data_received(self, data: bytes) -> None:
        """Answer every whole request; the rest waits for more."""
        data = self._buffer + data if self._buffer else data
        while (head_end := data.find(b"\r\n\r\n")) >= 0:
            head = data[:head_end]
            end = head_end + 4 + _length(head)
            if len(data) < end:
                break
            self._answer(head)
            data = data[end:]
        self._buffer = data

    def _answer(self, head: bytes) -> None:
        at = time.time()
        method, path, _ = head.split(b" ", 2)
        kind = path.split(b"/", 2)[1]
        event = _header(head, b"ce-id")
        if method == b"POST" and event and kind in _ANSWERS:
            self._arrivals.note(event, kind, path, at)
            if kind == b"slow":
                asyncio.get_running_loop().call_later(SLOW_SECONDS, self._transport.write, _DONE)
            else:
                self._transport.write(_ANSWERS[kind])
        elif kind == b"count":
            self._say(str(self._arrivals.healthy).encode())
        elif kind == b"seen":
            self._say(self._arrivals.taken())
        else:
            self._transport.write(_NOT_OURS)
            self._transport.close()

    def _say(self, body: bytes) -> None:
        self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


def _length(head: bytes) -> int:
    """Bytes of the body; senders that do not say so beforehand are not measured here."""
    return int(_header(head, b"content-length") or 0)


def _header(head: bytes, name: bytes) -> bytes:
    start = head.lower().find(b"\r\n" + name + b":")
    if start < 0:
        return b""
    start += len(name) + 3
    end = head.find(b"\r\n", start)
    return head[start : end if end >= 0 else len(head)].strip()


async def main(port: int) -> None:
    """Serve on a port of the loopback address until the process is ended."""
    arrivals = Arrivals()
    server = await asyncio.get_running_loop().create_server(lambda: Connection(arrivals), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
