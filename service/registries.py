"""Both registries as they are now: what keys, check-ups and the configuration are about."""

from domain.directory import Directory
from domain.drains import Owed
from domain.sources import Sources
from service.sources import SourceRegistry
from service.subscribers import SubscriberGateway


class Registries:
    """Reads the directory and the sources. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, subscribers: SubscriberGateway, sources: SourceRegistry) -> None:
        self._subscribers = subscribers
        self._sources = sources

    async def directory(self) -> Directory:
        """Every subscriber and HTTP client."""
        found = await self._subscribers.snapshot(None)
        return Directory(version=found.version, subscribers=found.subscribers or {}, http_clients=found.http_clients)

    async def owed(self, name: str, *, ordered: bool) -> Owed:
        """What a subscriber has not been told yet, a second ago."""
        return await self._subscribers.owed(name, ordered=ordered)

    async def sources(self) -> Sources:
        """Every Zeebe cluster and heartbeat."""
        return await self._sources.fresh()
