"""Whole entries put into the registries, as an import does."""

import asyncio

from domain.heartbeat_changes import change_to
from domain.http_clients import HttpClient
from domain.placements import PlacedCluster, PlacedHttpClient, PlacedSubscriber, stamp
from domain.sources import HeartbeatConfig, ZeebeCluster
from domain.subscribers import Subscriber
from service.heartbeats import HeartbeatGateway
from service.sources import SourceRegistry
from service.subscribers import LEASE_WAIT_SECONDS
from service.updates import Updates
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.sources import SourcesWorkflow


class RegistryWrites:
    """Stores entries that were checked before, each instead of the one that was ``known`` then, or of none.

    All methods raise the errors of `domain.errors` alone: `InvalidRequestError` for an entry that was changed since.
    """

    def __init__(self, directory: Updates, sources: SourceRegistry, heartbeats: HeartbeatGateway) -> None:
        self._directory = directory
        self._sources = sources
        self._heartbeats = heartbeats

    async def subscriber(self, wanted: Subscriber, known: Subscriber | None) -> None:
        """Add a subscriber, or make it so."""
        placed = PlacedSubscriber(**wanted.model_dump(), instead_of=stamp(known))
        await self._directory.carry_out(SubscriberDirectoryWorkflow.put_subscriber, placed)

    async def client(self, wanted: HttpClient, known: HttpClient | None) -> None:
        """Add an HTTP client, or make it so."""
        placed = PlacedHttpClient(**wanted.model_dump(), instead_of=stamp(known))
        await self._directory.carry_out(SubscriberDirectoryWorkflow.put_http_client, placed)

    async def cluster(self, wanted: ZeebeCluster, known: ZeebeCluster | None) -> None:
        """Add a Zeebe cluster, or make it so."""
        placed = PlacedCluster(**wanted.model_dump(), instead_of=stamp(known))
        await self._sources.change(SourcesWorkflow.put_cluster, placed, settle=False)

    async def heartbeat(self, wanted: HeartbeatConfig, known: HeartbeatConfig | None) -> None:
        """Add a heartbeat, or make it so; where it stands is kept."""
        if known is None:
            await self._heartbeats.adopt(wanted)
        else:
            await self._heartbeats.change(change_to(wanted, known))

    async def settled(self) -> None:
        """Wait until every process sees what was stored."""
        await asyncio.sleep(LEASE_WAIT_SECONDS)
