"""The receiver of `im demo`: a real HTTP server that checks signatures as the guide tells receivers to."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Arrival:
    """One request as it arrived.

    Attributes:
        genuine: the signature matches the body; None where the receiver knows no secret.
    """

    at: float
    path: str
    status: int
    headers: dict[str, str]
    event: dict[str, Any]
    genuine: bool | None


@dataclass
class DemoReceiver:
    """Answers 200, except on paths with scripted failures left."""

    port: int = 0
    secrets: dict[str, str] = field(default_factory=dict)
    failures: dict[str, int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)

    def url(self, path: str) -> str:
        """The address of a path on this receiver."""
        return f"http://127.0.0.1:{self.port}{path}"

    def receive(self, path: str, headers: dict[str, str], body: bytes) -> int:
        """Note a request and decide on its answer."""
        status = 200
        if self.failures.get(path, 0) > 0:
            self.failures[path] -= 1
            status = 503
        self.arrivals.append(
            Arrival(time.monotonic(), path, status, headers, json.loads(body), self._genuine(path, headers, body))
        )
        return status

    def _genuine(self, path: str, headers: dict[str, str], body: bytes) -> bool | None:
        secret = self.secrets.get(path)
        if secret is None:
            return None
        expected = "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
        return hmac.compare_digest(expected, headers.get("X-CloudEvents-Signature", ""))


@contextmanager
def demo_receiver() -> Iterator[DemoReceiver]:
    """Listen on a free port of this machine for the duration of a block."""
    receiver = DemoReceiver()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
            status = receiver.receive(self.path, dict(self.headers.items()), body)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing: the demo narrates."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
