"""The gateway to subscribers: checks, seals, asks the directory, and waits out the lease after a change."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Unpack

from temporalio.client import WorkflowHandle

from activities.leases import LEASE_SECONDS
from domain.directory import Snapshot
from domain.drains import DrainProgress, Owed
from domain.event_types import KNOWN_TYPES
from domain.naming import found
from domain.patterns import misreadings
from domain.pause_errors import DeliveriesWaitingError
from domain.pauses import Pause, PauseRequest, ResumeRequest, check_age, check_reason
from domain.signing import standard_key, whsec
from domain.subscriber_changes import SubscriberChange
from domain.subscriber_errors import SubscriberNotFoundError
from domain.subscribers import NewSubscriber, Subscriber
from service.connection import Connection
from service.drains import drain_progress
from service.owed import count_owed
from service.subscriber_drafts import (
    Drafts,
    check_together,
    gives_parts,
    gives_secrets,
    settled_secret,
)
from service.subscriber_options import ChangeOptions, SubscriberOptions
from service.subscriber_views import (
    Changed,
    Removed,
    Resumed,
    SubscriberView,
    cut_short,
    given_up,
    left_open,
    pause_ended,
    released,
    unchosen,
    unknown,
    unsayable,
    view,
)
from service.temporal import answered, answered_by_entity
from service.together import Together
from service.updates import Updates
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.names import CONTROL_QUEUE, DIRECTORY_ID, LEDGER_ID

# The lease is counted by other processes' clocks; a tenth more covers their drift within half a second.
LEASE_WAIT_SECONDS = LEASE_SECONDS * 1.1
BEHIND_SECONDS = 1.0  # by which visibility may be behind: what it says waits may have been sent


class SubscriberGateway:
    """Everything that can be done with subscribers. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, updates: Updates) -> None:
        self._connection = connection
        self._updates = updates
        self._together = Together()

    async def add(self, name: str, url: str | None = None, **options: Unpack[SubscriberOptions]) -> Changed:
        """Add a subscriber; events published after this returned are delivered to it.

        Args:
            name: unique.
            url: of a webhook.
            options: see `SubscriberOptions`.
        """
        check_together(options)
        generated, options["secret"] = bool(options.get("generate_secret")), settled_secret(options)
        new = await (await self._drafts(options)).new(name, url, options)
        await self._connection.require_worker()
        subscriber = await self._updates.carry_out(SubscriberDirectoryWorkflow.add, new)
        return await self._changed(subscriber, options["secret"], new, generated=generated)

    async def update(self, name: str, **options: Unpack[ChangeOptions]) -> Changed:
        """Change a subscriber; what is absent or None stays as it is. See `ChangeOptions`.

        Raises:
            DeliveriesWaitingError: it is to be disabled, and what waits for it is not to be cancelled.
        """
        check_together(options)
        generated, options["secret"] = bool(options.get("generate_secret")), settled_secret(options)
        current = await self.get(name) if gives_parts(options) else None
        change = await (await self._drafts(options)).change(name, options, current.url if current else None)
        await self._connection.require_worker()
        before = current or await self.get(name)
        cancel = bool(options.get("cancel_waiting"))
        owed, pause = await self._given_up(name, cancel=cancel) if change.enabled is False else (Owed(), None)
        subscriber = await self._updates.carry_out(SubscriberDirectoryWorkflow.change, change)
        changed = await self._changed(subscriber, options["secret"], change, generated=generated)
        changed.warnings += cut_short(before, changed.subscriber) if change.sealed_secret else []
        changed.warnings += released(before, changed.subscriber)
        changed.warnings += left_open(subscriber) if change.severities else []
        changed.warnings += ([pause_ended(name, pause)] if pause else []) + given_up(name, owed)
        return changed

    async def remove(self, name: str, *, cancel_waiting: bool = False) -> Removed:
        """Remove a subscriber; events published after this returned are not delivered to it.

        Args:
            name: of the subscriber.
            cancel_waiting: what waits for the end of its pause, or will once its retry is due, ends as cancelled;
                without, nothing may wait.

        Raises:
            DeliveriesWaitingError: something waits.
        """
        await self._connection.require_worker()
        owed, _ = await self._given_up(name, cancel=cancel_waiting)
        removed = await self._updates.carry_out(SubscriberDirectoryWorkflow.remove, name)
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            ledger = self._connection.client.get_workflow_handle(LEDGER_ID)
            await ledger.signal(DeliveryLedgerWorkflow.forget, name)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return Removed(**view(removed).model_dump(), owed=owed)

    async def _given_up(self, name: str, *, cancel: bool) -> tuple[Owed, Pause | None]:
        """What a subscriber is not told any more, and the pause that ends; of one that is disabled that has been said.

        Raises:
            DeliveriesWaitingError: something waits, and is not to be cancelled.
        """
        known = await self.get(name)
        if not known.enabled:
            return Owed(), None
        owed, paused = await self.owed(name, ordered=known.ordered), known.paused is not None
        if (paused or owed.waiting) and not cancel:
            await asyncio.sleep(BEHIND_SECONDS)
            owed = await self.owed(name, ordered=known.ordered)
        if (held := owed.held(paused=paused)) and not cancel:
            raise DeliveriesWaitingError(name=name, count=held)
        return owed, known.paused

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
        paused = await self._updates.carry_out(SubscriberDirectoryWorkflow.pause_subscriber, request)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return view(paused)

    async def resume(self, name: str, drop_older_than: timedelta | None = None) -> Resumed:
        """End a pause, and have what waited sent; of a subscriber that is not paused, what still waits.

        Args:
            name: of the subscriber.
            drop_older_than: what was emitted longer ago ends as cancelled instead.
        """
        before = datetime.now(UTC) - check_age(drop_older_than) if drop_older_than is not None else None
        request = ResumeRequest(name=name, drop_before=before, drop_older_than=drop_older_than)
        known = await self.get(name)
        owed = await self.owed(known.name, ordered=known.ordered)
        resumed = await self._updates.carry_out(SubscriberDirectoryWorkflow.resume_subscriber, request)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return Resumed(subscriber=view(resumed), **owed.model_dump())

    async def owed(self, name: str, *, ordered: bool = False) -> Owed:
        """What a subscriber has not been told yet, a second ago; of an ordered one what waits for its turn too."""
        async with answered(self._connection.client):
            return await count_owed(self._connection.client, name, ordered=ordered)

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
        subscriber = found(name, snapshot.subscribers or {}, SubscriberNotFoundError)
        return view(subscriber, snapshot.http_clients)

    async def snapshot(self, known_version: int | None) -> Snapshot:
        """The directory as it is, to be read only; without its subscribers when ``known_version`` is current."""

        async def ask() -> Snapshot:
            async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
                return await self._directory.query(SubscriberDirectoryWorkflow.snapshot, known_version)

        await self._connection.require_worker()
        return await self._together.ask(known_version, ask)

    async def _drafts(self, options: SubscriberOptions) -> Drafts:
        ring = await self._connection.sealing(needed=gives_secrets(options))
        return Drafts(ring, self._connection.policy)

    @property
    def _directory(self) -> WorkflowHandle[SubscriberDirectoryWorkflow, None]:
        return self._connection.client.get_workflow_handle_for(SubscriberDirectoryWorkflow.run, DIRECTORY_ID)

    async def _changed(
        self, subscriber: Subscriber, secret: str | None, asked: NewSubscriber | SubscriberChange, *, generated: bool
    ) -> Changed:
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        equivalent = whsec(standard_key(secret)) if secret and not generated else None
        return Changed(
            subscriber=view(subscriber),
            warnings=[
                *misreadings(asked.types or (), list(KNOWN_TYPES)),
                *unsayable(subscriber),
                *(unchosen(subscriber) if asked.types or asked.severities else []),
                *unknown(subscriber, asked.severities),
            ],
            secret=secret if generated else None,
            whsec=equivalent if equivalent != secret else None,
        )
