"""The named HTTP clients of one process: made once for each version, shared by its deliveries, closed when unused."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus

from activities.background import retrieved
from activities.certificates import CertifiedKey, tls_context
from activities.dialling import EgressProxy
from activities.exchange import Answer, Request, Transport
from activities.logger import Logger
from activities.oauth2 import Token, TokenSource, basic
from activities.sealing import Keyring, http_client_purpose
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault, own_fault
from domain.addresses import AddressPolicy
from domain.http_clients import HttpClient, Part

MAX_OPEN = 100  # clients ready for use; past that the one unused for longest is closed, and made again when needed
# Of an attempt's time, for a token: less than all of it, so that the attempt can say that it waited for a token.
TOKEN_SHARE = 0.9

Find = Callable[[str], HttpClient | None]

_log = Logger("http_clients")


class ClientTransport:
    """The guarded transport of one version of a client, which also says who it is.

    Raises, besides what `GuardedTransport` raises: `TokenRefused`, `TokenUnavailable`.
    """

    def __init__(self, client: HttpClient, guarded: GuardedTransport, keyring: Keyring) -> None:
        self._guarded = guarded
        self._basic: str | None = None
        self._secrets: list[str] = []
        if client.proxy is not None and client.proxy.sealed_credentials:
            credentials = keyring.open(client.proxy.sealed_credentials, http_client_purpose(client.name, Part.PROXY))
            self._secrets += [credentials, credentials.partition(":")[2], basic(credentials).removeprefix("Basic ")]
        self.tokens: TokenSource | None = None
        if client.basic is not None:
            password = keyring.open(client.basic.sealed_password, http_client_purpose(client.name, Part.BASIC))
            self._basic = basic(f"{client.basic.user}:{password}")
            self._secrets += [password, self._basic.removeprefix("Basic ")]
        if client.oauth2 is not None:
            secret = keyring.open(client.oauth2.sealed_secret, http_client_purpose(client.name, Part.OAUTH2))
            self.tokens = TokenSource(client.oauth2, secret, guarded, client.total_seconds * TOKEN_SHARE)
            self._secrets.append(secret)

    async def send(self, request: Request) -> Answer:
        """Send one request; once more with a new token, where an older one was answered with 401."""
        request.secrets += self._secrets
        if self.tokens is None:
            if self._basic:
                request.headers["Authorization"] = self._basic
            return await self._guarded.send(request)
        known = self.tokens.cached()
        answer = await self._bear(known or await self.tokens.token(), request)
        if answer.status != HTTPStatus.UNAUTHORIZED or known is None:
            return answer
        answer.close()
        return await self._bear(await self.tokens.token(refused=known), request)

    async def _bear(self, token: Token, request: Request) -> Answer:
        request.secrets.append(token.value)
        request.headers["Authorization"] = f"Bearer {token.value}"
        return await self._guarded.send(request)

    async def aclose(self) -> None:
        """Close every connection."""
        await self._guarded.aclose()


@dataclass(eq=False)
class _Ready:
    """One version of a client, being made or in use.

    Attributes:
        identity: name, version and birth: a client that was removed and added again begins at version 1, too.
        users: deliveries that use it now.
    """

    client: HttpClient
    identity: tuple[str, int, datetime]
    making: "asyncio.Task[ClientTransport]"
    users: int = 0
    retired: bool = False


@dataclass(frozen=True)
class Route:
    """How a webhook is posted.

    Attributes:
        total_seconds: for one attempt, tokens included.
    """

    transport: Transport
    total_seconds: float


@dataclass
class HttpClients:
    """Makes clients ready and keeps them so.

    Args:
        find: the client of a name, as the directory has it now.
        keyring: opens keys and secrets, in memory, when a client is made ready.
        policy: checked on every dialled address.
    """

    find: Find
    keyring: Keyring
    policy: AddressPolicy
    _ready: dict[str, _Ready] = field(default_factory=dict)
    _closing: set["asyncio.Task[None]"] = field(default_factory=set)

    @asynccontextmanager
    async def using(self, name: str) -> AsyncIterator[Route]:
        """The newest version of a client, for one attempt; an older one is closed once its last attempt has ended.

        Raises:
            LocalFault: there is no client of that name: it was just removed, and the subscriber has another by now.
            SealingKeyError: its key or secret cannot be opened with the keys at hand.
        """
        client = self.find(name)
        if client is None:
            raise LocalFault(f"the HTTP client {name!r} is not known (any more)")
        ready = self._current(client)
        ready.users += 1
        try:
            yield Route(await self._made(ready), client.total_seconds)
        finally:
            ready.users -= 1
            self._close_if_unused(ready)

    async def aclose(self) -> None:
        """Close every connection of every client."""
        for ready in list(self._ready.values()):
            self._retire(ready)
        await asyncio.gather(*self._closing)

    def _current(self, client: HttpClient) -> _Ready:
        identity = (client.name, client.version, client.created_at)
        known = self._ready.pop(client.name, None)
        if known is None or known.identity != identity:
            if known is not None:
                self._retire(known)
            known = _Ready(client, identity, asyncio.create_task(self._make(client)))
            known.making.add_done_callback(retrieved)
            self._make_room()
        self._ready[client.name] = known  # last in order: used last
        return known

    async def _made(self, ready: _Ready) -> ClientTransport:
        try:
            return ready.making.result() if ready.making.done() else await asyncio.shield(ready.making)
        except BaseException:
            if ready.making.done() and self._ready.get(ready.client.name) is ready:
                del self._ready[ready.client.name]  # the next attempt tries anew
            raise

    async def _make(self, client: HttpClient) -> ClientTransport:
        own, proxy, opened = None, None, self.keyring.open
        if client.certificate is not None:
            key = opened(client.certificate.sealed_key, http_client_purpose(client.name, Part.CERTIFICATE))
            own = CertifiedKey(client.certificate.chain, key, client.certificate.facts)
        if client.proxy is not None:
            sealed = client.proxy.sealed_credentials
            credentials = opened(sealed, http_client_purpose(client.name, Part.PROXY)) if sealed else None
            proxy = EgressProxy(client.proxy.url, basic(credentials) if credentials else None)
        try:
            context = await asyncio.to_thread(tls_context, own, client.trust)
        except OSError as error:
            raise own_fault(error) or error from None
        _log.info("http client ready", http_client=client.name, version=client.version)
        guarded = GuardedTransport(self.policy, context, proxy=proxy, connect_seconds=client.connect_seconds)
        return ClientTransport(client, guarded, self.keyring)

    def _make_room(self) -> None:
        """Retire what was removed from the directory, and what was used longest ago where there are too many."""
        gone = [ready for name, ready in self._ready.items() if self.find(name) is None]
        for ready in (*gone, *list(self._ready.values())[: max(0, len(self._ready) + 1 - MAX_OPEN)]):
            self._retire(ready)

    def _retire(self, ready: _Ready) -> None:
        ready.retired = True
        if self._ready.get(ready.client.name) is ready:
            del self._ready[ready.client.name]
        self._close_if_unused(ready)

    def _close_if_unused(self, ready: _Ready) -> None:
        if ready.retired and not ready.users:
            closing = asyncio.create_task(_closed(ready.making))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)


async def _closed(making: "asyncio.Task[ClientTransport]") -> None:
    await asyncio.wait([making])
    if not making.cancelled() and making.exception() is None:
        await making.result().aclose()
