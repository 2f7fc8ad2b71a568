"""The receiver of `im listen`: checks what arrives, sends it on where asked, and answers as it was told to."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx
from pydantic import BaseModel

from cli.listener_http import PostServer, Reply
from domain.captures import Capture
from domain.event_types import SUBSCRIBER_TEST
from domain.verification import State, verify

REMEMBERED = 10_000  # events whose attempts are counted
FORWARD_SECONDS = 9  # within the ten that a delivery has
SHOWN_ANSWER = 2048  # characters, as `im event show` keeps of an answer
# Of one connection (RFC 9110, 7.6.1), or made anew for the next one.
_OWN_HEADERS = frozenset("host content-length connection keep-alive transfer-encoding te trailer upgrade".split())


@dataclass(frozen=True)
class Behaviour:
    """How requests are answered; see `cli.listener.Plan`."""

    forward_to: str | None
    statuses: Sequence[int] | None
    delay: float


class Forwarded(BaseModel):
    """What came of sending a request on; ``status`` is None where nothing was answered."""

    status: int | None
    duration_ms: int
    said: str


class Arrival(BaseModel):
    """A request, and what was done with it.

    Attributes:
        attempt: how often this event came by now.
        verified: None where it was not checked.
        problems: what is wrong with its signatures.
        event: the body, parsed; None where it is no JSON.
    """

    at: datetime
    attempt: int
    verified: bool | None
    problems: list[str]
    status: int
    forwarded: Forwarded | None
    event: Any


class Receiver:
    """Receives while it is open.

    Args:
        name: of the subscriber.
        behaviour: how to answer.
        show: is given each arrival.

    Attributes:
        secret: to verify with; None verifies nothing.
        reached: whether anything arrived.
    """

    def __init__(self, name: str, behaviour: Behaviour, show: Callable[[Arrival], None]) -> None:
        self.name = name
        self.secret: str | None = None
        self.reached = False
        self._behaviour = behaviour
        self._show = show
        self._attempts: OrderedDict[str, int] = OrderedDict()
        self._http = httpx.AsyncClient(trust_env=False, timeout=FORWARD_SECONDS)
        self._server = PostServer(self._receive)
        self.port = 0

    def open(self, host: str, port: int) -> None:
        """Listen; raises OSError where that is not possible."""
        self.port = self._server.open(host, port)

    async def close(self) -> None:
        """Listen no more; what is being answered is given a second."""
        await self._server.close()
        await self._http.aclose()

    async def _receive(self, capture: Capture) -> Reply:
        at, event = datetime.now(UTC), _parsed(capture.body)
        first, self.reached = not self.reached, True
        if first and self._is_own_test(event):
            return Reply(200)
        verified, problems = self._verify(capture, at)
        attempt = self._count(capture, event)
        forwarded = await self._forward(capture) if self._behaviour.forward_to else None
        await asyncio.sleep(self._behaviour.delay)
        status = self._status(attempt, forwarded)
        self._show(
            Arrival(
                at=at,
                attempt=attempt,
                verified=verified,
                problems=problems,
                status=status,
                forwarded=forwarded,
                event=event,
            )
        )
        return Reply(status, forwarded.said if forwarded else "")

    def _is_own_test(self, event: Any) -> bool:
        """Whether it is the event by which `im listen` itself asks whether it can be reached."""
        if not isinstance(event, dict):
            return False
        return (event.get("type"), event.get("source")) == (SUBSCRIBER_TEST, f"/subscribers/{self.name}")

    def _verify(self, capture: Capture, at: datetime) -> tuple[bool | None, list[str]]:
        if self.secret is None:
            return None, []
        found = verify(capture, self.secret, at)
        wrong = [check for check in found.checks if check.state is not State.VALID]
        said = [f"{check.header}: {check.said}; {'; '.join(check.hints)}" for check in wrong]
        return found.verified, [*found.remarks, *said]

    def _count(self, capture: Capture, event: Any) -> int:
        """How often this event came by now, by the id that is the same on every attempt."""
        parts = [event.get(name) for name in ("source", "id")] if isinstance(event, dict) else []
        key = capture.header("webhook-id") or json.dumps(parts)
        count = self._attempts.pop(key, 0) + 1
        self._attempts[key] = count
        if len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return count

    def _status(self, attempt: int, forwarded: Forwarded | None) -> int:
        if self._behaviour.statuses:
            return self._behaviour.statuses[min(attempt, len(self._behaviour.statuses)) - 1]
        if forwarded is None:
            return 200
        return 502 if forwarded.status is None else forwarded.status

    async def _forward(self, capture: Capture) -> Forwarded:
        headers = [(name, value) for name, value in capture.headers if name.lower() not in _OWN_HEADERS]
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            answer = await self._http.post(self._behaviour.forward_to or "", content=capture.body, headers=headers)
            status, said = answer.status_code, answer.text[:SHOWN_ANSWER]
        except httpx.HTTPError as error:
            status, said = None, f"{type(error).__name__}: {error}".removesuffix(": ")
        return Forwarded(status=status, duration_ms=round(1000 * (loop.time() - began)), said=said)


def _parsed(body: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None
