"""The activities of heartbeats: the ping URL, the log line of not knowing, and what a door says of itself."""

import asyncio
from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from prometheus_client import Counter
from temporalio import activity
from temporalio.exceptions import ApplicationError, ApplicationErrorCategory

from activities.exchange import Request, Transport
from activities.logger import Logger
from activities.sealing import Keyring, ping_url_purpose
from activities.transport_errors import TransportFault
from domain.addresses import AddressPolicy, check_url
from domain.errors import BlockedAddressError, InvalidUrlError, SealingKeyError
from domain.headers import USER_AGENT
from domain.heartbeats import DoorQuestion, DoorReport, PingRequest, Unknown, ping_target
from domain.incidents import rfc3339
from domain.outcomes import status_text

PING_SECONDS = 10
_WORTH_REPEATING = frozenset({HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_MANY_REQUESTS})

BEATS = Counter("im_heartbeat_beats", "Beats received and accepted by Temporal, by kind.", ["kind"])
PINGS = Counter("im_heartbeat_pings", "Requests to heartbeats' ping URLs, by result.", ["result"])

_log = Logger("heartbeat")


class HeartbeatActivities:
    """Pings and tells.

    Args:
        transport: the guarded one.
        keyring: opens ping URLs, in memory, for one request.
        policy: checked on the URL here and on every dialled address by the transport.
    """

    def __init__(self, transport: Transport, keyring: Keyring, policy: AddressPolicy) -> None:
        self._transport = transport
        self._keyring = keyring
        self._policy = policy

    @activity.defn(name="send_ping")
    async def send_ping(self, request: PingRequest) -> None:
        """GET a heartbeat's ping URL, within 10 s. At least once.

        Raises:
            ApplicationError: it was not answered with a 2xx; Temporal tries again where that can help. The URL is not
                in the error.
        """
        try:
            status = await self._get(request)
        except (SealingKeyError, InvalidUrlError, BlockedAddressError) as error:
            raise _failed(request, str(error), final=True) from None
        except TimeoutError:
            raise _failed(request, f"no answer within {PING_SECONDS} s") from None
        except TransportFault as error:
            raise _failed(request, str(error)) from None
        if not 200 <= status <= 299:
            final = 300 <= status <= 499 and status not in _WORTH_REPEATING
            raise _failed(request, status_text(status), final=final)
        PINGS.labels("ok").inc()

    @activity.defn(name="log_unknown")
    async def log_unknown(self, unknown: Unknown) -> None:
        """Say in the log that nothing is known of a heartbeat for a while. At least once."""
        _log.warning(
            "heartbeat unknown",
            heartbeat=unknown.heartbeat,
            unknown_since=rfc3339(unknown.since),
            reason=unknown.reason,
            next_deadline=rfc3339(unknown.next_deadline) if unknown.next_deadline else None,
        )

    async def _get(self, request: PingRequest) -> int:
        url = self._keyring.open(request.sealed_ping_url, ping_url_purpose(request.heartbeat))
        target = ping_target(check_url(url, self._policy), request.kind)
        headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        async with asyncio.timeout(PING_SECONDS):
            answer = await self._transport.send(Request("GET", target, headers))
        answer.close()
        return answer.status


class DoorActivities:
    """What a process that serves the API says of its door.

    Args:
        clear_since: when it was opened, or last had to refuse a beat.
    """

    def __init__(self, clear_since: Callable[[], datetime]) -> None:
        self._clear_since = clear_since

    @activity.defn(name="attest")
    async def attest(self, _question: DoorQuestion) -> DoorReport:
        """Since when this process has taken every beat that came to it. Idempotent."""
        return DoorReport(clear_since=self._clear_since())


def _failed(request: PingRequest, reason: str, *, final: bool = False) -> ApplicationError:
    PINGS.labels("failed").inc()
    _log.warning("heartbeat ping failed", heartbeat=request.heartbeat, ping=request.kind.value, error=reason)
    return ApplicationError(reason, type="ping_failed", non_retryable=final, category=ApplicationErrorCategory.BENIGN)
