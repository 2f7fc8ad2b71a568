"""A guard for ASGI receivers (FastAPI, Starlette, Litestar, ...) of deliveries from the incidents platform.

It checks `webhook-signature` on the raw body, answers repeats itself, and lets through what is genuine and new.
Standard library only, Python 3.10 or later; needs verify.py beside it.
"""

import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from typing import Any, Protocol

from verify import verify_standard_webhook

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]

MAX_BODY_BYTES = 1024 * 1024
KEEP_SECONDS = 4 * 24 * 3600  # longer than the longest schedule of retries, three days
CLAIM_SECONDS = 30  # after that, whoever claimed an event is taken for dead


class Store(Protocol):
    """Remembers which deliveries were processed."""

    def claim(self, key: str) -> str:
        """``new`` for whoever is to process it, ``done`` when somebody has, ``busy`` while somebody does."""

    def finish(self, key: str, *, done: bool) -> None:
        """Keep the claim for good, or give it back, so that the next attempt is processed."""


class SqliteStore:
    """In a file, for one machine. Several need something shared, such as a table beside what they change."""

    def __init__(self, path: str) -> None:
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.execute("CREATE TABLE IF NOT EXISTS seen (key TEXT PRIMARY KEY, at REAL, done INTEGER)")

    def claim(self, key: str) -> str:
        now = time.time()
        with self._lock:
            for done, seconds in ((1, KEEP_SECONDS), (0, CLAIM_SECONDS)):
                self._database.execute("DELETE FROM seen WHERE done = ? AND at < ?", (done, now - seconds))
            made = self._database.execute("INSERT OR IGNORE INTO seen VALUES (?, ?, 0)", (key, now)).rowcount
            if made:
                return "new"
            found = self._database.execute("SELECT done FROM seen WHERE key = ?", (key,)).fetchone()
        return "done" if found and found[0] else "busy"

    def finish(self, key: str, *, done: bool) -> None:
        with self._lock:
            if done:
                self._database.execute("UPDATE seen SET done = 1, at = ? WHERE key = ?", (time.time(), key))
            else:
                self._database.execute("DELETE FROM seen WHERE key = ?", (key,))


class VerifiedWebhooks:
    """Guards the POST requests to one path; everything else passes.

    Args:
        app: the application. It sees a delivery once: when it answers 2xx, repeats are answered 204 for four days.
        path: of the webhook.
        secrets: that are valid now: one, or two during a rotation that the receiver begins.
        store: where processed deliveries are remembered.
    """

    def __init__(self, app: App, *, path: str, secrets: Sequence[str], store: Store) -> None:
        if not any(secrets):
            raise ValueError("a webhook without a secret lets anybody in")
        self._app, self._path, self._secrets, self._store = app, path, [s for s in secrets if s], store

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if (scope["type"], scope.get("path"), scope.get("method")) != ("http", self._path, "POST"):
            await self._app(scope, receive, send)
            return
        body = await _whole_body(receive)
        if body is None:
            await _answer(send, 413, "the body is too large")
            return
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        if not any(verify_standard_webhook(headers, body, secret) for secret in self._secrets):
            await _answer(send, 401, "webhook-signature is not right")
            return
        await self._once(headers["webhook-id"], scope, _replayed(body, receive), send)

    async def _once(self, key: str, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        state = self._store.claim(key)
        if state == "done":
            await _answer(send, 204, "")
            return
        if state == "busy":  # an earlier attempt may still fail, so this one must come again
            await _answer(send, 503, "this event is being processed", (b"retry-after", b"5"))
            return
        done = False

        async def watched(message: Message) -> None:
            nonlocal done
            if message["type"] == "http.response.start":
                done = 200 <= message["status"] < 300
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except BaseException:
            done = False
            raise
        finally:
            self._store.finish(key, done=done)


async def _whole_body(receive: Receive) -> bytes | None:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES or message["type"] == "http.disconnect":
            return None
        if not message.get("more_body"):
            return body


def _replayed(body: bytes, receive: Receive) -> Receive:
    """The body that was read already, then whatever comes after it."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


async def _answer(send: Send, status: int, said: str, *headers: tuple[bytes, bytes]) -> None:
    body = said.encode()
    start = [(b"content-length", str(len(body)).encode()), *headers] if status != 204 else list(headers)
    await send({"type": "http.response.start", "status": status, "headers": start})
    await send({"type": "http.response.body", "body": body})
