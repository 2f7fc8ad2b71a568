"""The gateway to HTTP clients in memory: the domain's own rules, without Temporal between them and the API."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol, Unpack

from activities.http_client_trials import try_out
from domain.addresses import AddressPolicy, check_url
from domain.directory import Directory
from domain.http_client_changes import apply_draft, new_client
from domain.http_client_errors import HttpClientExistsError, HttpClientInUseError, HttpClientNotFoundError
from domain.http_client_trials import HttpClientTrial
from domain.http_clients import HttpClient
from domain.subscribers import Subscriber
from service.http_client_drafts import HttpClientDrafts, HttpClientOptions
from service.http_client_views import HttpClientView, view
from tests.support.builders import make_keyring

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


class KnowsSubscribers(Protocol):
    known: dict[str, Subscriber]


class HttpClients:
    def __init__(self, called: Callable[[], None], subscribers: KnowsSubscribers) -> None:
        self._called = called
        self._subscribers = subscribers
        self._drafts = HttpClientDrafts(make_keyring(), AddressPolicy())
        self.known: dict[str, HttpClient] = {}

    async def add(self, name: str, **options: Unpack[HttpClientOptions]) -> HttpClientView:
        self._called()
        draft = await self._drafts.make(name, options)
        if name in self.known:
            raise HttpClientExistsError(name=name)
        self.known[name] = new_client(draft, AT)
        return await self.get(name)

    async def update(self, name: str, **options: Unpack[HttpClientOptions]) -> HttpClientView:
        await self.get(name)
        self.known[name] = apply_draft(self.known[name], await self._drafts.make(name, options), AT)
        return await self.get(name)

    async def remove(self, name: str) -> HttpClientView:
        removed = await self.get(name)
        if removed.used_by:
            raise HttpClientInUseError(name=name, subscribers=", ".join(removed.used_by))
        del self.known[name]
        return removed

    async def all(self) -> list[HttpClientView]:
        self._called()
        return [await self.get(name) for name in sorted(self.known)]

    async def get(self, name: str) -> HttpClientView:
        self._called()
        if name not in self.known:
            raise HttpClientNotFoundError(name=name)
        users = Directory(subscribers=self._subscribers.known).users(name)
        return view(self.known[name], [subscriber.name for subscriber in users])

    async def test(self, name: str, url: str) -> HttpClientTrial:
        await self.get(name)
        check_url(url, AddressPolicy())
        return await try_out(self.known[name], url, make_keyring(), AddressPolicy())
