"""One request to one subscriber: within 10 s, its answer read up to a limit, and what came of it."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from activities.exchange import Request, Transport
from activities.failures import REFUSALS, failure_of, in_words, refused
from activities.http_clients import HttpClients, Route
from activities.parcels import AppriseParcel, Parcel, Parcels
from activities.sealing import Keyring
from activities.targets_apprise import tell_by_apprise
from activities.tracing import NO_SPANS, Spans
from activities.transport_errors import LocalFault, NotConnected, TransportFault
from domain.addresses import AddressPolicy
from domain.events import CloudEvent
from domain.outcomes import MAX_RESPONSE_BYTES_KEPT, Attempt, Failure
from domain.replays import mark
from domain.retry import parse_retry_after
from domain.subscribers import Subscriber
from domain.targets.base import Bases, redact
from domain.targets.words import cut

TOTAL_SECONDS = 10  # the guide's "respond within 10 seconds": connecting, sending, waiting and reading together
MAX_RESPONSE_BYTES = 64 * 1024
MAX_ERROR = 300  # characters

# ANSI sequences and control characters: a response is shown in terminals and pages.
_UNPRINTABLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class _Answer:
    status: int
    retry_after: str | None
    duration_ms: int
    body: bytes


class Sender:
    """Makes requests. Never raises for what a receiver does: the result is an `Attempt`.

    Args:
        transport: the guarded one.
        keyring: opens the subscriber's secrets, in memory, for one request.
        policy: checked on the URL here and on every dialled address by the transport.
        bases: where the services of alert targets are.
        clients: the named ones; none are known by default.
        spans: of its requests.
    """

    def __init__(
        self,
        transport: Transport,
        keyring: Keyring,
        policy: AddressPolicy,
        bases: Bases = Bases(),  # noqa: B008 - frozen
        clients: HttpClients | None = None,
        *,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._spans = spans
        self._transport = transport
        self._clients = clients or HttpClients(lambda _name: None, keyring, policy)
        self._policy = policy
        self._parcels = Parcels(keyring, policy, bases)

    async def send(self, event: CloudEvent, subscriber: Subscriber, number: int, replay: str | None = None) -> Attempt:
        """Make request ``number`` of a delivery, within 10 s in all, reading at most 64 KiB of the answer.

        A request that is part of a replay says so in a header.

        Raises:
            LocalFault: this machine could not make it.
        """
        with self._spans.requesting(event, subscriber, number) as span:
            attempt = await self._attempt(event, subscriber, number, {**mark(replay), **span.headers})
            span.ended(attempt)
            return attempt

    async def _attempt(
        self, event: CloudEvent, subscriber: Subscriber, number: int, marks: Mapping[str, str]
    ) -> Attempt:
        draft, began = Attempt(number=number, at=datetime.now(UTC), duration_ms=0), time.perf_counter()
        try:
            parcel = self._parcels.make(event, subscriber, draft.at, marks)
            if isinstance(parcel, AppriseParcel):
                verdict = await tell_by_apprise(parcel, self._policy, TOTAL_SECONDS)
                attempt = _failed(draft, verdict.failure, verdict.error)
            else:
                async with self._route(subscriber) as route:
                    attempt = await self._tell(parcel, route, draft, began)
        except tuple(kind for kind, _ in REFUSALS) as error:
            attempt = _failed(draft, *refused(error))
        if attempt.duration_ms:
            return attempt
        return attempt.model_copy(update={"duration_ms": _milliseconds(began)})

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()
        await self._clients.aclose()

    @asynccontextmanager
    async def _route(self, subscriber: Subscriber) -> AsyncIterator[Route]:
        """How its requests are made: by its HTTP client, or plainly."""
        if subscriber.http_client is None:
            yield Route(self._transport, TOTAL_SECONDS)
        else:
            async with self._clients.using(subscriber.http_client) as route:
                yield route

    async def _tell(self, parcel: Parcel, route: Route, draft: Attempt, began: float) -> Attempt:
        """Make the requests of a parcel, up to the first that is not taken."""
        attempt, deadline = draft, asyncio.get_running_loop().time() + route.total_seconds
        for request in parcel.requests:
            try:
                answer = await self._exchange(request, route.transport, deadline, began)
            except (TimeoutError, TransportFault) as error:
                return _broken(parcel, request, draft, error, route.total_seconds)
            attempt = _judged(_hushed(parcel, request), draft, answer)
            if attempt.failure:
                break
        return attempt

    @staticmethod
    async def _exchange(request: Request, transport: Transport, deadline: float, began: float) -> _Answer:
        answer, duration, body = None, 0, bytearray()
        try:
            async with asyncio.timeout_at(deadline):
                answer = await transport.send(request)
                duration = _milliseconds(began)
                await answer.read_into(body, MAX_RESPONSE_BYTES)
        except (TransportFault, TimeoutError):
            if answer is None:
                raise
            # The status has come; what came of the body until then is judged and shown.
        finally:
            if answer is not None:
                answer.close()
        return _Answer(answer.status, answer.header("Retry-After"), duration, bytes(body))


def _judged(parcel: Parcel, draft: Attempt, answer: _Answer) -> Attempt:
    verdict = parcel.judge(answer.status, answer.body)
    update: dict[str, object] = {
        "status": answer.status,
        "duration_ms": answer.duration_ms,
        "failure": verdict.failure,
        "error": cut(redact(verdict.error, parcel.secrets), MAX_ERROR) if verdict.error else None,
        "response": _printable(answer.body, parcel) or None,
    }
    if answer.status in {429, 503}:
        wait = parse_retry_after(answer.retry_after, datetime.now(UTC))
        asked = [wait.total_seconds()] if wait else []
        least = [float(parcel.least_wait_seconds)] if answer.status == 429 and parcel.least_wait_seconds else []
        update["retry_after_seconds"] = max(asked + least, default=None)
    return draft.model_copy(update=update)


def _hushed(parcel: Parcel, request: Request) -> Parcel:
    """The parcel, with what its HTTP client showed the receiver among the secrets."""
    return replace(parcel, secrets=(*parcel.secrets, *request.secrets)) if request.secrets else parcel


def _broken(parcel: Parcel, request: Request, draft: Attempt, error: Exception, seconds: float) -> Attempt:
    """The attempt of a request that got no status.

    Raises:
        LocalFault: this machine could not make it.
    """
    connected = request.connected and not isinstance(error, NotConnected)
    if isinstance(error, LocalFault) and not (connected and parcel.doubt):
        raise error
    failure, said = failure_of(error), in_words(error, seconds)
    if connected and parcel.doubt:
        return _failed(draft, Failure.UNKNOWN_OUTCOME, f"{said}; {parcel.doubt}")
    return _failed(draft, failure, said)


def _failed(draft: Attempt, failure: Failure | None, error: str | None) -> Attempt:
    return draft.model_copy(update={"failure": failure, "error": error})


def _printable(body: bytes, parcel: Parcel) -> str:
    """The start of a body; redacted once it is printable, and cut only then, so that no part of a secret is left."""
    kept = body if parcel.secrets else body[:MAX_RESPONSE_BYTES_KEPT]
    text = redact(_UNPRINTABLE.sub("", kept.decode(errors="replace")), parcel.secrets)
    return text.encode()[:MAX_RESPONSE_BYTES_KEPT].decode(errors="ignore")


def _milliseconds(began: float) -> int:
    return max(1, round((time.perf_counter() - began) * 1000))
