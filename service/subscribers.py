"""The gateway to subscribers: checks, seals, asks the directory, and waits out the lease after a change."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Unpack

from temporalio.client import WorkflowHandle

from activities.leases import LEASE_SECONDS
from domain.directory import Snapshot
from domain.drains import DrainProgress
from domain.errors import SubscriberNotFoundError
from domain.event_types import KNOWN_TYPES
from domain.patterns import advise
from domain.pauses import PauseRequest, ResumeRequest, check_age, check_reason
from domain.signing import standard_key, whsec
from domain.subscribers import Subscriber
from service.connection import Connection
from service.drains import count_waiting, drain_progress
from service.subscriber_drafts import (
    ChangeOptions,
    Drafts,
    SubscriberOptions,
    gives_parts,
    gives_secrets,
    settled_secret,
    unsayable,
)
from service.subscriber_views import Changed, Resumed, SubscriberView, view
from service.temporal import answered, answered_by_entity
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.names import CONTROL_QUEUE, DIRECTORY_ID, LEDGER_ID

# The lease is counted by other processes' clocks; a tenth more covers their drift within half a second.
LEASE_WAIT_SECONDS = LEASE_SECONDS * 1.1
UPDATES_IN_FLIGHT = 5  # of one process; Temporal takes ten for a workflow


class SubscriberGateway:
    """Everything that can be done with subscribers. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._updating = asyncio.Semaphore(UPDATES_IN_FLIGHT)

    async def add(self, name: str, url: str | None = None, **options: Unpack[SubscriberOptions]) -> Changed:
        """Add a subscriber; events published after this returned are delivered to it.

        Args:
            name: unique.
            url: of a webhook.
            options: see `SubscriberOptions`.
        """
        generated, options["secret"] = bool(options.get("generate_secret")), settled_secret(options)
        new = await (await self._drafts(options)).new(name, url, options)
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            subscriber = await self._directory.execute_update(SubscriberDirectoryWorkflow.add, new)
        return await self._changed(subscriber, options["secret"], generated=generated, patterns=new.types)

    async def update(self, name: str, **options: Unpack[ChangeOptions]) -> Changed:
        """Change a subscriber; what is absent or None stays as it is. See `ChangeOptions`."""
        generated, options["secret"] = bool(options.get("generate_secret")), settled_secret(options)
        current = await self.get(name) if gives_parts(options) else None
        change = await (await self._drafts(options)).change(name, options, current.url if current else None)
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            subscriber = await self._directory.execute_update(SubscriberDirectoryWorkflow.change, change)
        return await self._changed(subscriber, options["secret"], generated=generated, patterns=change.types or ())

    async def remove(self, name: str) -> SubscriberView:
        """Remove a subscriber; events published after this returned are not delivered to it."""
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            removed = await self._directory.execute_update(SubscriberDirectoryWorkflow.remove, name)
            ledger = self._connection.client.get_workflow_handle(LEDGER_ID)
            await ledger.signal(DeliveryLedgerWorkflow.forget, name)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return view(removed)

    async def pause(self, name: str, reason: str | None = None) -> SubscriberView:
        """Have what comes for a subscriber wait; requests under way end. One that is paused stays as it is.

        Args:
            name: of the subscriber.
            reason: shown wherever the pause is; 1 to 200 characters, ``by hand`` if None.

        Raises:
            SubscriberDisabledError: nothing comes to it.
        """
        request = PauseRequest(name=name, reason=check_reason(reason))
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            paused = await self._directory.execute_update(SubscriberDirectoryWorkflow.pause_subscriber, request)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return view(paused)

    async def resume(self, name: str, drop_older_than: timedelta | None = None) -> Resumed:
        """End a pause, and have what waited sent; of a subscriber that is not paused, what still waits.

        Args:
            name: of the subscriber.
            drop_older_than: what was emitted longer ago ends as cancelled instead.
        """
        before = datetime.now(UTC) - check_age(drop_older_than) if drop_older_than is not None else None
        request = ResumeRequest(name=name, drop_before=before)
        known = await self.get(name)
        async with answered(self._connection.client):
            waiting = await count_waiting(self._connection.client, known.name)
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            resumed = await self._directory.execute_update(SubscriberDirectoryWorkflow.resume_subscriber, request)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return Resumed(subscriber=view(resumed), waiting=waiting)

    async def drain(self, name: str) -> DrainProgress | None:
        """How far the latest drain of a subscriber is; None when there was none lately."""
        async with answered(self._connection.client, CONTROL_QUEUE):
            return await drain_progress(self._connection.client, name)

    async def all(self) -> list[SubscriberView]:
        """Every subscriber, by name."""
        snapshot = await self.snapshot(None)
        subscribers = snapshot.subscribers or {}
        return [view(subscribers[name], snapshot.http_clients) for name in sorted(subscribers)]

    async def get(self, name: str) -> SubscriberView:
        """One subscriber."""
        snapshot = await self.snapshot(None)
        subscribers = snapshot.subscribers or {}
        if name not in subscribers:
            raise SubscriberNotFoundError(name=name)
        return view(subscribers[name], snapshot.http_clients)

    async def snapshot(self, known_version: int | None) -> Snapshot:
        """The directory as it is; without its subscribers when ``known_version`` is current."""
        await self._connection.require_worker()
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            return await self._directory.query(SubscriberDirectoryWorkflow.snapshot, known_version)

    async def _drafts(self, options: SubscriberOptions) -> Drafts:
        ring = await self._connection.sealing(needed=gives_secrets(options))
        return Drafts(ring, self._connection.policy)

    @property
    def _directory(self) -> WorkflowHandle[SubscriberDirectoryWorkflow, None]:
        return self._connection.client.get_workflow_handle_for(SubscriberDirectoryWorkflow.run, DIRECTORY_ID)

    async def _changed(
        self, subscriber: Subscriber, secret: str | None, *, generated: bool, patterns: Sequence[str]
    ) -> Changed:
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        equivalent = whsec(standard_key(secret)) if secret and not generated else None
        return Changed(
            subscriber=view(subscriber),
            warnings=[*advise(patterns, list(KNOWN_TYPES)), *unsayable(subscriber)],
            secret=secret if generated else None,
            whsec=equivalent if equivalent != secret else None,
        )
