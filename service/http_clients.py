"""The gateway to HTTP clients: checks, seals, asks the directory, and waits out the lease after a change."""

import asyncio
from typing import Unpack

from domain.addresses import check_url
from domain.directory import Directory
from domain.http_client_errors import HttpClientNotFoundError
from domain.http_client_limits import check_draft, gives_limits
from domain.http_client_trials import HttpClientTrial
from domain.http_clients import HttpClient
from domain.naming import found
from service.connection import Connection
from service.http_client_drafts import HttpClientDrafts, HttpClientOptions
from service.http_client_views import HttpClientView, view
from service.subscribers import LEASE_WAIT_SECONDS, SubscriberGateway
from service.updates import Updates
from workflows.directory import SubscriberDirectoryWorkflow


class HttpClientGateway:
    """Everything that can be done with HTTP clients. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, subscribers: SubscriberGateway, updates: Updates) -> None:
        self._connection = connection
        self._subscribers = subscribers
        self._updates = updates

    async def add(self, name: str, **options: Unpack[HttpClientOptions]) -> HttpClientView:
        """Add a client; subscribers may name it from now on. See `HttpClientOptions`."""
        draft = await (await self._drafts(options)).make(name, options)
        check_draft(draft, None)
        await self._connection.require_worker()
        added = await self._updates.carry_out(SubscriberDirectoryWorkflow.add_http_client, draft)
        return await self._settled(added)

    async def update(self, name: str, **options: Unpack[HttpClientOptions]) -> HttpClientView:
        """Change a client; requests that begin after this returned use what is new."""
        draft = await (await self._drafts(options)).make(name, options)
        await self._connection.require_worker()
        if gives_limits(draft):
            check_draft(draft, (await self._directory()).http_clients.get(name))
        changed = await self._updates.carry_out(SubscriberDirectoryWorkflow.change_http_client, draft)
        return await self._settled(changed)

    async def remove(self, name: str) -> HttpClientView:
        """Remove a client that no subscriber names."""
        await self._connection.require_worker()
        removed = await self._updates.carry_out(SubscriberDirectoryWorkflow.remove_http_client, name)
        return view(removed, [])

    async def all(self) -> list[HttpClientView]:
        """Every client, by name."""
        directory = await self._directory()
        return [_view(directory, directory.http_clients[name]) for name in sorted(directory.http_clients)]

    async def get(self, name: str) -> HttpClientView:
        """One client."""
        directory = await self._directory()
        return _view(directory, found(name, directory.http_clients, HttpClientNotFoundError))

    async def test(self, name: str, url: str) -> HttpClientTrial:
        """Ask a URL for its head by way of a client, from this process; nothing is posted."""
        from activities.http_client_trials import try_out  # noqa: PLC0415 - loads what sends, for this alone

        check_url(url, self._connection.policy)
        client = found(name, (await self._directory()).http_clients, HttpClientNotFoundError)
        return await try_out(client, url, self._connection.keyring, self._connection.policy)

    async def _drafts(self, options: HttpClientOptions) -> HttpClientDrafts:
        secrets = any(options.get(each) for each in ("key", "password", "client_secret", "proxy_credentials"))
        return HttpClientDrafts(await self._connection.sealing(needed=secrets), self._connection.policy)

    async def _settled(self, client: HttpClient) -> HttpClientView:
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return _view(await self._directory(), client)

    async def _directory(self) -> Directory:
        snapshot = await self._subscribers.snapshot(None)
        subscribers = snapshot.subscribers or {}
        return Directory(version=snapshot.version, subscribers=subscribers, http_clients=snapshot.http_clients)


def _view(directory: Directory, client: HttpClient) -> HttpClientView:
    return view(client, [subscriber.name for subscriber in directory.users(client.name)])
