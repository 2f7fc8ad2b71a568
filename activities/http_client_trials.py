"""`im http-client test`: one harmless request by way of a client, and what was met on the way."""

import asyncio
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from activities.certificates import facts_of_der
from activities.exchange import Request
from activities.failures import failure_of, in_words
from activities.http_clients import ClientTransport, HttpClients, Route
from activities.sealing import Keyring
from activities.transport_errors import LocalFault, TransportFault
from domain.addresses import AddressPolicy
from domain.errors import UnavailableError
from domain.headers import USER_AGENT
from domain.http_client_trials import HttpClientTrial, PeerFacts
from domain.http_clients import HttpClient
from domain.outcomes import status_text

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
            await _ask(trial, route)
    except LocalFault as fault:
        raise UnavailableError(reason=str(fault)) from None
    except (TimeoutError, TransportFault) as error:
        trial.failure, trial.error = failure_of(error), in_words(error, client.total_seconds)
    finally:
        await clients.aclose()
    trial.duration_ms = max(1, round((time.perf_counter() - began) * 1000))
    return trial


async def _ask(trial: HttpClientTrial, route: Route) -> None:
    async with asyncio.timeout(route.total_seconds):
        if isinstance(route.transport, ClientTransport) and route.transport.tokens is not None:
            trial.token_seconds = int((await route.transport.tokens.token()).life_seconds)
        trial.status = await _status(trial, route)
        if trial.status in _NO_HEAD:
            trial.method = "GET"
            trial.status = await _status(trial, route)
    trial.answer = status_text(trial.status)


async def _status(trial: HttpClientTrial, route: Route) -> int:
    def observe(tls: Any) -> None:
        trial.peer = _peer(tls)

    headers = {"User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
    answer = await route.transport.send(Request(trial.method, trial.url, headers, tls_observer=observe))
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
