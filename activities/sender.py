"""One request to one subscriber: within 10 s, its answer read up to a limit, and what came of it."""

import asyncio
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime

import httpx

from activities.parcels import AppriseParcel, Parcel, Parcels
from activities.sealing import Keyring
from activities.targets_apprise import tell_by_apprise
from activities.transport import CONNECTED, BlockedAddress, LocalFault, NameNotResolved, TlsNotVerified
from domain.addresses import AddressPolicy
from domain.alarm_errors import InvalidNotificationError
from domain.errors import BlockedAddressError, ImError, InvalidUrlError, SealingKeyError
from domain.events import CloudEvent
from domain.outcomes import MAX_RESPONSE_BYTES_KEPT, Attempt, Failure
from domain.retry import parse_retry_after
from domain.subscribers import Subscriber
from domain.targets.base import Bases, redact
from domain.targets.errors import AppriseMissingError, InvalidNotifyError

TOTAL_SECONDS = 10  # the guide's "respond within 10 seconds": connecting, sending, waiting and reading together
MAX_RESPONSE_BYTES = 64 * 1024

# ANSI sequences and control characters: a response is shown in terminals and pages.
_UNPRINTABLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_REFUSALS: tuple[tuple[type[ImError], Failure], ...] = (
    (SealingKeyError, Failure.SEALING_KEY),
    (InvalidNotifyError, Failure.UNUSABLE_TARGET),
    (AppriseMissingError, Failure.UNUSABLE_TARGET),
    (InvalidNotificationError, Failure.UNSAYABLE),
    (InvalidUrlError, Failure.BLOCKED_ADDRESS),
    (BlockedAddressError, Failure.BLOCKED_ADDRESS),
)
_FAILURES: tuple[tuple[type[httpx.TransportError], Failure], ...] = (
    (BlockedAddress, Failure.BLOCKED_ADDRESS),
    (NameNotResolved, Failure.DNS),
    (TlsNotVerified, Failure.TLS),
    (httpx.RemoteProtocolError, Failure.INVALID_RESPONSE),
    (httpx.TransportError, Failure.CONNECTION),
)


@dataclass(frozen=True)
class _Answer:
    status: int
    retry_after: str | None
    duration_ms: int
    body: bytes


class Sender:
    """Makes requests. Never raises for what a receiver does: the result is an `Attempt`.

    Args:
        transport: the guarded one, or a test's. Used without httpx's client, which would keep cookies and prepare
            the next request of a redirect that is not followed.
        keyring: opens the subscriber's secrets, in memory, for one request.
        policy: checked on the URL here and on every dialled address by the transport.
        bases: where the services of alert targets are.
    """

    def __init__(
        self,
        transport: httpx.AsyncBaseTransport,
        keyring: Keyring,
        policy: AddressPolicy,
        bases: Bases = Bases(),  # noqa: B008 - frozen
    ) -> None:
        self._transport = transport
        self._policy = policy
        self._parcels = Parcels(keyring, policy, bases)

    async def send(self, event: CloudEvent, subscriber: Subscriber, number: int) -> Attempt:
        """Make request ``number`` of a delivery, within 10 s in all, reading at most 64 KiB of the answer.

        Raises:
            LocalFault: this machine could not make it.
        """
        draft, began = Attempt(number=number, at=datetime.now(UTC), duration_ms=0), time.perf_counter()
        try:
            parcel = self._parcels.make(event, subscriber, draft.at)
            if isinstance(parcel, AppriseParcel):
                verdict = await tell_by_apprise(parcel, self._policy, TOTAL_SECONDS)
                attempt = _failed(draft, verdict.failure, verdict.error)
            else:
                attempt = await self._tell(parcel, draft, began)
        except tuple(kind for kind, _ in _REFUSALS) as error:
            failure = next(failure for kind, failure in _REFUSALS if isinstance(error, kind))
            attempt = _failed(draft, failure, _refusal(error))
        if attempt.duration_ms:
            return attempt
        return attempt.model_copy(update={"duration_ms": _milliseconds(began)})

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    async def _tell(self, parcel: Parcel, draft: Attempt, began: float) -> Attempt:
        """Make the requests of a parcel, up to the first that is not taken."""
        attempt, deadline = draft, asyncio.get_running_loop().time() + TOTAL_SECONDS
        for request in parcel.requests:
            try:
                answer = await self._exchange(request, deadline, began)
            except (TimeoutError, httpx.TransportError) as error:
                return _broken(parcel, request, draft, error)
            attempt = _judged(parcel, draft, answer)
            if attempt.failure:
                break
        return attempt

    async def _exchange(self, request: httpx.Request, deadline: float, began: float) -> _Answer:
        async with asyncio.timeout_at(deadline):
            answer = await self._transport.handle_async_request(request)
        duration, body = _milliseconds(began), bytearray()
        try:
            # The status has come; the body is not worth more than is left of the 10 s.
            async with asyncio.timeout_at(deadline):
                await _read(answer, body)
        except (httpx.TransportError, TimeoutError):
            pass  # what came until then is judged and shown
        finally:
            await answer.aclose()
        return _Answer(answer.status_code, answer.headers.get("retry-after"), duration, bytes(body))


def _judged(parcel: Parcel, draft: Attempt, answer: _Answer) -> Attempt:
    verdict = parcel.judge(answer.status, answer.body)
    update: dict[str, object] = {
        "status": answer.status,
        "duration_ms": answer.duration_ms,
        "failure": verdict.failure,
        "error": redact(verdict.error, parcel.secrets) if verdict.error else None,
        "response": _printable(answer.body, parcel) or None,
    }
    if answer.status in {429, 503}:
        wait = parse_retry_after(answer.retry_after, datetime.now(UTC))
        asked = [wait.total_seconds()] if wait else []
        least = [float(parcel.least_wait_seconds)] if answer.status == 429 and parcel.least_wait_seconds else []
        update["retry_after_seconds"] = max(asked + least, default=None)
    return draft.model_copy(update=update)


def _broken(parcel: Parcel, request: httpx.Request, draft: Attempt, error: Exception) -> Attempt:
    """The attempt of a request that got no status.

    Raises:
        LocalFault: this machine could not make it.
    """
    connected = request.extensions[CONNECTED].is_set() and not isinstance(error, httpx.ConnectError)
    if isinstance(error, LocalFault) and not (connected and parcel.doubt):
        raise error
    failure = _failure_of(error)
    said = _in_words(failure, error)
    if connected and parcel.doubt:
        return _failed(draft, Failure.UNKNOWN_OUTCOME, f"{said}; {parcel.doubt}")
    return _failed(draft, failure, said)


def _failure_of(error: Exception) -> Failure:
    if isinstance(error, TimeoutError):
        return Failure.TIMEOUT
    return next(failure for kind, failure in _FAILURES if isinstance(error, kind))


async def _read(answer: httpx.Response, body: bytearray) -> None:
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) >= MAX_RESPONSE_BYTES:
            break


def _failed(draft: Attempt, failure: Failure | None, error: str | None) -> Attempt:
    return draft.model_copy(update={"failure": failure, "error": error})


def _refusal(error: ImError) -> str:
    told = isinstance(error, (BlockedAddressError, AppriseMissingError))
    return f"{error}. {error.advice}" if told else str(error)


def _in_words(failure: Failure, error: Exception) -> str:
    if failure is Failure.TIMEOUT:
        return f"timeout: no answer within {TOTAL_SECONDS} s"
    if isinstance(error, BlockedAddress):
        return _refusal(BlockedAddressError(host=error.request.url.host))
    if failure is Failure.TLS:
        return f"TLS verification failed: {error}"
    if failure is Failure.INVALID_RESPONSE:
        return "invalid response: not HTTP"
    return str(error)


def _printable(body: bytes, parcel: Parcel) -> str:
    """The start of a body; redacted once it is printable, and cut only then, so that no part of a secret is left."""
    kept = body if parcel.secrets else body[:MAX_RESPONSE_BYTES_KEPT]
    text = redact(_UNPRINTABLE.sub("", kept.decode(errors="replace")), parcel.secrets)
    return text.encode()[:MAX_RESPONSE_BYTES_KEPT].decode(errors="ignore")


def _milliseconds(began: float) -> int:
    return max(1, round((time.perf_counter() - began) * 1000))
