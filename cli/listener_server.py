"""The receiver of `im listen`: checks what arrives, sends it on where asked, and answers as it was told to."""

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from cli.listener_forward import Forwarded, Forwarder
from cli.listener_http import STOPPED, PostServer, Refusal, Reply
from domain.captures import Capture
from domain.event_types import SUBSCRIBER_TEST
from domain.verification import UNSIGNED, State, verify

REMEMBERED = 10_000  # events whose attempts are counted
NOT_OURS = "not from im: unsigned"
_OURS = ("webhook-id", "webhook-timestamp", "webhook-signature", "X-CloudEvents-Signature")


@dataclass(frozen=True)
class Behaviour:
    """How requests are answered; see `cli.listener.Plan`."""

    forward_to: str | None
    statuses: Sequence[int] | None
    delay: float


class Arrival(BaseModel):
    """A request, and what was done with it.

    Attributes:
        attempt: how often this event came by now; 1 where it has no id.
        verified: None where it was not checked.
        problems: what is wrong with its signatures.
        event: the body, parsed; None where it is no JSON, or the request was refused.
        refused: it was answered without being looked at, for the reason that ``remark`` gives.
        remark: what else there is to say of it.
    """

    at: datetime
    attempt: int
    verified: bool | None
    problems: list[str]
    status: int
    forwarded: Forwarded | None
    event: Any
    refused: bool = False
    remark: str | None = None


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
        self._forwarder = Forwarder(behaviour.forward_to) if behaviour.forward_to else None
        self._server = PostServer(self._receive, self._tell_refused)
        self.port = 0

    def open(self, host: str, port: int) -> None:
        """Listen; raises OSError where that is not possible."""
        self.port = self._server.open(host, port)

    async def close(self) -> None:
        """Listen no more; what is being answered is given a second, and then 503."""
        await self._server.close()
        if self._forwarder:
            await self._forwarder.close()

    async def _receive(self, capture: Capture) -> Reply:
        at, event = datetime.now(UTC), _parsed(capture.body)
        first, self.reached = not self.reached, True
        if first and self._is_own_test(event):
            return Reply(HTTPStatus.OK)
        verified, problems = self._verify(capture, at)
        arrival = Arrival(
            at=at,
            attempt=self._count(capture, event),
            verified=verified,
            problems=problems,
            status=HTTPStatus.INTERNAL_SERVER_ERROR,  # until it is answered
            forwarded=None,
            event=event,
            remark=_remark(capture),
        )
        try:
            reply = await self._answer(capture, arrival)
        except asyncio.CancelledError:
            arrival.status, arrival.remark = HTTPStatus.SERVICE_UNAVAILABLE, STOPPED
            raise
        finally:
            self._show(arrival)
        return reply

    async def _answer(self, capture: Capture, arrival: Arrival) -> Reply:
        """Send it on, and wait, as is to be done; notes in ``arrival`` what came of it."""
        reply = Reply(HTTPStatus.OK)
        if self._forwarder:
            arrival.forwarded, reply = await self._forwarder.send(capture)
        await asyncio.sleep(self._behaviour.delay)
        if codes := self._behaviour.statuses:
            reply = reply._replace(status=codes[min(arrival.attempt, len(codes)) - 1])
        arrival.status = reply.status
        return reply

    def _tell_refused(self, refusal: Refusal) -> None:
        self._show(
            Arrival(
                at=datetime.now(UTC),
                attempt=1,
                verified=None,
                problems=[],
                status=refusal.status,
                forwarded=None,
                event=None,
                refused=True,
                remark=refusal.said,
            )
        )

    def _is_own_test(self, event: Any) -> bool:
        """Whether it is the event by which `im listen` itself asks whether it can be reached."""
        if not isinstance(event, dict):
            return False
        return (event.get("type"), event.get("source")) == (SUBSCRIBER_TEST, f"/subscribers/{self.name}")

    def _verify(self, capture: Capture, at: datetime) -> tuple[bool | None, list[str]]:
        if self.secret is None:
            return None, []
        if not any(capture.header(name) for name in _OURS):
            return False, [NOT_OURS]
        found = verify(capture, self.secret, at)
        wrong = [check for check in found.checks if check.state is not State.VALID]
        # The subscription of `im listen` always has a secret, so that is not why one is missing.
        hints = [[hint for hint in check.hints if hint != UNSIGNED] for check in wrong]
        said = ["; ".join([f"{check.header}: {check.said}", *more]) for check, more in zip(wrong, hints, strict=True)]
        return found.verified, [*found.remarks, *said]

    def _count(self, capture: Capture, event: Any) -> int:
        """How often this event came by now, by the id that is the same on every attempt."""
        key = capture.header("webhook-id") or _own_id(event)
        if not key:
            return 1
        count = self._attempts.pop(key, 0) + 1
        self._attempts[key] = count
        if len(self._attempts) > REMEMBERED:
            self._attempts.popitem(last=False)
        return count


def _own_id(event: Any) -> str | None:
    """What tells an event from others by its body; None where there is nothing."""
    if isinstance(event, dict) and event.get("id") is not None:
        return json.dumps([event.get("source"), event["id"]])
    return None


def _remark(capture: Capture) -> str | None:
    upgrade = capture.header("upgrade")
    return f"it asked to upgrade to {upgrade}, which is not done" if upgrade else None


def _parsed(body: bytes) -> Any:
    with suppress(ValueError, RecursionError):
        return json.loads(body)
    return None
