"""`im http-client test`: one harmless request by way of a client, and what was met on the way."""

import asyncio
import time
from contextlib import suppress
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from activities.certificates import facts_of_der
from activities.exchange import Request
from activities.failures import failure_of, in_words
from activities.http_clients import ClientTransport, HttpClients, Route
from activities.sealing import Keyring
from activities.transport_errors import BrokenOff, CertificateRefused, LocalFault, NotConnected, TransportFault
from domain.addresses import AddressPolicy
from domain.errors import UnavailableError
from domain.headers import USER_AGENT
from domain.http_client_trials import HttpClientTrial, PeerFacts
from domain.http_clients import HttpClient
from domain.outcomes import status_text

LISTEN_SECONDS = 2.0  # for a round trip: in TLS 1.3 a certificate is refused that long after our side of the handshake
TLS_1_3 = "TLSv1.3"
MISSES_A_CERTIFICATE = "just after the handshake: the receiver may want a client certificate, and this client has none"
_NO_HEAD = frozenset({HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.NOT_IMPLEMENTED})


async def try_out(client: HttpClient, url: str, keyring: Keyring, policy: AddressPolicy) -> HttpClientTrial:
    """Make the request, on a connection and with a token of its own, within the client's time limit.

    Raises:
        SealingKeyError: this process does not have the keys.
        UnavailableError: this machine cannot make requests.
    """
    clients = HttpClients({client.name: client}.get, keyring, policy)
    trial, began = HttpClientTrial(http_client=client.name, url=url), time.perf_counter()
    try:
        async with clients.using(client.name) as route:
            await _ask(trial, client, route)
    except LocalFault as fault:
        raise UnavailableError(reason=str(fault)) from None
    except (TimeoutError, TransportFault) as error:
        trial.failure, trial.error = failure_of(error), in_words(error, client.total_seconds)
    finally:
        await clients.aclose()
    trial.duration_ms = max(1, round((time.perf_counter() - began) * 1000))
    return trial


async def _ask(trial: HttpClientTrial, client: HttpClient, route: Route) -> None:
    try:
        async with asyncio.timeout(route.total_seconds):
            if isinstance(route.transport, ClientTransport) and route.transport.tokens is not None:
                trial.token_seconds = int((await route.transport.tokens.token()).life_seconds)
            trial.status = await _status(trial, route)
            if trial.status in _NO_HEAD:
                trial.method = "GET"
                trial.status = await _status(trial, route)
    except CertificateRefused:
        raise
    except (BrokenOff, NotConnected) as fault:
        raise await _said_at_the_end(trial, client, route) or fault from None
    trial.answer = status_text(trial.status)


async def _said_at_the_end(trial: HttpClientTrial, client: HttpClient, route: Route) -> TransportFault | None:
    """Why a receiver ended the connection, as far as it says so to one who is silent after the handshake."""
    if trial.peer is None or trial.peer.tls != TLS_1_3:
        return None
    request = _request(trial, listen_seconds=LISTEN_SECONDS)
    try:
        async with asyncio.timeout(route.total_seconds):
            (await route.transport.send(request)).close()
    except CertificateRefused as refused:
        return refused
    except (TimeoutError, TransportFault) as fault:
        if isinstance(fault, (BrokenOff, NotConnected)) and not request.connected and client.certificate is None:
            return BrokenOff(f"{fault} {MISSES_A_CERTIFICATE}")
    return None


def _request(trial: HttpClientTrial, listen_seconds: float = 0) -> Request:
    def observe(tls: Any) -> None:
        with suppress(ValueError):  # of a connection that an alert has ended nothing is known any more
            trial.peer = _peer(tls)

    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    return Request(trial.method, trial.url, headers, listen_seconds=listen_seconds, tls_observer=observe)


async def _status(trial: HttpClientTrial, route: Route) -> int:
    answer = await route.transport.send(_request(trial))
    answer.close()
    return answer.status


def _peer(tls: Any) -> PeerFacts | None:
    certificate = tls.getpeercert(binary_form=True) if tls is not None else None
    if certificate is None:
        return None
    cipher = tls.cipher()
    facts = facts_of_der(certificate)
    return PeerFacts(
        tls=tls.version() or "",
        cipher=cipher[0] if cipher else None,
        certificate=facts,
        days_left=facts.days_left(datetime.now(UTC)),
    )
