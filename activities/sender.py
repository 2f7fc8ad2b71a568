"""One request to one subscriber: headers, signature, limits, and what the answer means."""

import asyncio
import json
import re
import time
from datetime import UTC, datetime

import httpx

from activities.sealing import Keyring, headers_purpose, secret_purpose
from activities.transport import BlockedAddress, LocalFault, NameNotResolved, TlsNotVerified
from domain.addresses import AddressPolicy, check_url
from domain.errors import BlockedAddressError, InvalidUrlError, SealingKeyError
from domain.events import CloudEvent
from domain.headers import delivery_headers
from domain.outcomes import MAX_RESPONSE_BYTES_KEPT, Attempt, Failure, failure_of_status, status_text
from domain.retry import parse_retry_after
from domain.subscribers import Subscriber

TOTAL_SECONDS = 10  # the guide's "respond within 10 seconds": connecting, sending, waiting and reading together
MAX_RESPONSE_BYTES = 64 * 1024

# ANSI sequences and control characters: a response is shown in terminals and pages.
_UNPRINTABLE = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")

_FAILURES: tuple[tuple[type[httpx.TransportError], Failure], ...] = (
    (BlockedAddress, Failure.BLOCKED_ADDRESS),
    (NameNotResolved, Failure.DNS),
    (TlsNotVerified, Failure.TLS),
    (httpx.RemoteProtocolError, Failure.INVALID_RESPONSE),
    (httpx.TransportError, Failure.CONNECTION),
)


class Sender:
    """Makes requests. Never raises for what a receiver does: the result is an `Attempt`.

    Args:
        transport: the guarded one, or a test's. Used without httpx's client, which would keep cookies and prepare
            the next request of a redirect that is not followed.
        keyring: opens the subscriber's secrets, in memory, for one request.
        policy: checked on the URL here and on every dialled address by the transport.
    """

    def __init__(self, transport: httpx.AsyncBaseTransport, keyring: Keyring, policy: AddressPolicy) -> None:
        self._transport = transport
        self._keyring = keyring
        self._policy = policy

    async def send(self, event: CloudEvent, subscriber: Subscriber, number: int) -> Attempt:
        """Make request ``number`` of a delivery, within 10 s in all, reading at most 64 KiB of the answer.

        Raises:
            LocalFault: this machine could not make it.
        """
        at, began = datetime.now(UTC), time.perf_counter()
        try:
            request = self._request(event, subscriber, at)
            attempt = await self._exchange(request, Attempt(number=number, at=at, duration_ms=0), began)
        except SealingKeyError as error:
            attempt = _failed(number, at, Failure.SEALING_KEY, str(error))
        except (InvalidUrlError, BlockedAddressError) as error:
            attempt = _failed(number, at, Failure.BLOCKED_ADDRESS, _refusal(error))
        except TimeoutError:
            attempt = _failed(number, at, Failure.TIMEOUT, f"timeout: no answer within {TOTAL_SECONDS} s")
        except LocalFault:
            raise
        except httpx.TransportError as error:
            failure = next(failure for kind, failure in _FAILURES if isinstance(error, kind))
            attempt = _failed(number, at, failure, _in_words(failure, error))
        if attempt.duration_ms:
            return attempt
        return attempt.model_copy(update={"duration_ms": _milliseconds(began)})

    async def aclose(self) -> None:
        """Close every connection."""
        await self._transport.aclose()

    def _request(self, event: CloudEvent, subscriber: Subscriber, at: datetime) -> httpx.Request:
        check_url(subscriber.url, self._policy)
        purpose = secret_purpose(subscriber.name)
        secrets = [self._keyring.open(sealed, purpose) for sealed in subscriber.valid_secrets(at)]
        headers = delivery_headers(event, secrets, int(at.timestamp()))
        if subscriber.sealed_headers:
            headers |= json.loads(self._keyring.open(subscriber.sealed_headers, headers_purpose(subscriber.name)))
        try:
            return httpx.Request("POST", subscriber.url, headers=headers, content=event.body)
        except (httpx.InvalidURL, UnicodeError):
            raise InvalidUrlError(reason="it is not a URL that can be requested") from None

    async def _exchange(self, request: httpx.Request, attempt: Attempt, began: float) -> Attempt:
        async with asyncio.timeout(TOTAL_SECONDS) as limit:
            answer = await self._transport.handle_async_request(request)
        attempt = _answered(attempt, answer, _milliseconds(began))
        body = bytearray()
        try:
            # The status has decided; the body is for people, and not worth more than is left of the 10 s.
            async with asyncio.timeout_at(limit.when()):
                await _read(answer, body)
        except (httpx.TransportError, TimeoutError):
            pass  # what came until then is shown
        finally:
            await answer.aclose()
        return attempt.model_copy(update={"response": _printable(bytes(body)) or None})


def _answered(attempt: Attempt, answer: httpx.Response, duration_ms: int) -> Attempt:
    failure = failure_of_status(answer.status_code)
    update: dict[str, object] = {"status": answer.status_code, "duration_ms": duration_ms, "failure": failure}
    if failure:
        update["error"] = status_text(answer.status_code)
    if answer.status_code in {429, 503}:
        wait = parse_retry_after(answer.headers.get("retry-after"), datetime.now(UTC))
        update["retry_after_seconds"] = wait.total_seconds() if wait else None
    return attempt.model_copy(update=update)


async def _read(answer: httpx.Response, body: bytearray) -> None:
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) >= MAX_RESPONSE_BYTES:
            break


def _failed(number: int, at: datetime, failure: Failure, error: str) -> Attempt:
    return Attempt(number=number, at=at, duration_ms=0, failure=failure, error=error)


def _refusal(error: InvalidUrlError | BlockedAddressError) -> str:
    return f"{error}. {error.advice}" if isinstance(error, BlockedAddressError) else str(error)


def _in_words(failure: Failure, error: httpx.TransportError) -> str:
    if failure is Failure.BLOCKED_ADDRESS:
        return _refusal(BlockedAddressError(host=error.request.url.host))
    if failure is Failure.TLS:
        return f"TLS verification failed: {error}"
    if failure is Failure.INVALID_RESPONSE:
        return "invalid response: not HTTP"
    return str(error)


def _printable(body: bytes) -> str:
    text = _UNPRINTABLE.sub("", body[:MAX_RESPONSE_BYTES_KEPT].decode(errors="replace"))
    return text.encode()[:MAX_RESPONSE_BYTES_KEPT].decode(errors="ignore")


def _milliseconds(began: float) -> int:
    return max(1, round((time.perf_counter() - began) * 1000))
