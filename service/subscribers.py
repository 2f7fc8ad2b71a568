"""The gateway to subscribers: checks, seals, asks the directory, and waits out the lease after a change."""

import asyncio
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import NamedTuple

from temporalio.client import WorkflowHandle

from activities.leases import LEASE_SECONDS
from activities.sealing import headers_purpose, notify_purpose, secret_purpose
from activities.targets_apprise import check_apprise
from domain.addresses import check_url
from domain.errors import InvalidRequestError, SubscriberNotFoundError
from domain.events import KNOWN_TYPES
from domain.headers import check_headers
from domain.patterns import advise, check_patterns, matches_any
from domain.retry import make_schedule
from domain.signing import check_secret, make_secret, standard_key, whsec
from domain.subscribers import (
    DEFAULT_OVERLAP,
    MAX_OVERLAP,
    NewSubscriber,
    Snapshot,
    Subscriber,
    SubscriberChange,
    check_name,
)
from domain.targets.catalogue import AppriseTarget, parse_notify, redacted
from domain.targets.kinds import WEBHOOK, default_types, sayable_types
from service.connection import Connection
from service.subscriber_views import Changed, SubscriberView, view
from service.temporal import answered_by_entity
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.names import CONTROL_QUEUE, DIRECTORY_ID, LEDGER_ID

# The lease is counted by other processes' clocks; a tenth more covers their drift within half a second.
LEASE_WAIT_SECONDS = LEASE_SECONDS * 1.1
UPDATES_IN_FLIGHT = 5  # of one process; Temporal takes ten for a workflow


class _Place(NamedTuple):
    url: str
    target: str = WEBHOOK
    sealed_notify: str | None = None


class SubscriberGateway:
    """Everything that can be done with subscribers. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._updating = asyncio.Semaphore(UPDATES_IN_FLIGHT)

    async def add(
        self,
        name: str,
        url: str | None = None,
        *,
        notify: str | None = None,
        types: Sequence[str] | None = None,
        secret: str | None = None,
        generate_secret: bool = False,
        headers: Mapping[str, str] | None = None,
        schedule: str | None = None,
        max_attempts: int | None = None,
        enabled: bool = True,
    ) -> Changed:
        """Add a subscriber; events published after this returned are delivered to it.

        Args:
            name: unique.
            url: of a webhook.
            notify: of an alert target instead; the whole of it is a secret.
            types: patterns; None: all of a webhook, the begin and the end of an incident of an alert target.
            secret: signs a webhook's deliveries.
            generate_secret: makes one instead.
            headers: added to a webhook's requests.
            schedule: None: ``default`` of a webhook, ``pager`` of an alert target.
            max_attempts: None: as the schedule has them.
            enabled: False adds it without delivering to it yet.
        """
        if (url is None) == (notify is None):
            raise InvalidRequestError(reason="give the url of a webhook, or the notify URL of an alert target (one)")
        secret = _one_secret(secret, generate=generate_secret)
        check_name(name)
        place = await self._place(name, url, notify)
        if notify is not None and (secret or headers):
            raise InvalidRequestError(reason="a notify URL has its own keys: leave out secrets and headers")
        patterns = check_patterns(default_types(place.target) if types is None else types)
        new = NewSubscriber(
            **place._asdict(),
            name=name,
            types=patterns,
            enabled=enabled,
            sealed_secret=self._sealed_secret(name, secret),
            sealed_headers=self._sealed_headers(name, headers),
            header_names=tuple(headers or ()),
            schedule=make_schedule(schedule or ("default" if notify is None else "pager"), max_attempts),
        )
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            subscriber = await self._directory.execute_update(SubscriberDirectoryWorkflow.add, new)
        return await self._changed(subscriber, secret, generated=generate_secret, patterns=patterns)

    async def update(
        self,
        name: str,
        *,
        url: str | None = None,
        notify: str | None = None,
        types: Sequence[str] | None = None,
        enabled: bool | None = None,
        secret: str | None = None,
        generate_secret: bool = False,
        drop_secret: bool = False,
        overlap: timedelta = DEFAULT_OVERLAP,
        headers: Mapping[str, str] | None = None,
        schedule: str | None = None,
        max_attempts: int | None = None,
    ) -> Changed:
        """Change a subscriber; None leaves a value as it is. A new secret is valid beside the old for ``overlap``."""
        if not timedelta() <= overlap <= MAX_OVERLAP:
            raise InvalidRequestError(reason=f"the overlap must be 0 to {MAX_OVERLAP.days} days")
        secret = _one_secret(secret, generate=generate_secret)
        if url is not None and notify is not None:
            raise InvalidRequestError(reason="give a url or a notify URL, not both")
        if drop_secret and secret:
            raise InvalidRequestError(reason="give a new secret or drop the secret, not both")
        patterns = check_patterns(types) if types is not None else None
        if schedule is not None or max_attempts is not None:
            make_schedule(schedule or "default", max_attempts)
        place = None if url is None and notify is None else await self._place(name, url, notify)
        change = SubscriberChange(
            name=name,
            url=place.url if place else None,
            target=place.target if place and notify is not None else None,
            sealed_notify=place.sealed_notify if place else None,
            types=patterns,
            enabled=enabled,
            sealed_secret=self._sealed_secret(name, secret),
            drop_secrets=drop_secret,
            overlap_seconds=int(overlap.total_seconds()),
            sealed_headers=self._sealed_headers(name, headers),
            header_names=tuple(headers) if headers is not None else None,
            schedule_name=schedule,
            max_attempts=max_attempts,
        )
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            subscriber = await self._directory.execute_update(SubscriberDirectoryWorkflow.change, change)
        return await self._changed(subscriber, secret, generated=generate_secret, patterns=patterns or ())

    async def remove(self, name: str) -> SubscriberView:
        """Remove a subscriber; events published after this returned are not delivered to it."""
        await self._connection.require_worker()
        async with self._updating, answered_by_entity(self._connection.client, CONTROL_QUEUE):
            removed = await self._directory.execute_update(SubscriberDirectoryWorkflow.remove, name)
            ledger = self._connection.client.get_workflow_handle(LEDGER_ID)
            await ledger.signal(DeliveryLedgerWorkflow.forget, name)
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return view(removed)

    async def all(self) -> list[SubscriberView]:
        """Every subscriber, by name."""
        subscribers = (await self.snapshot(None)).subscribers or {}
        return [view(subscribers[name]) for name in sorted(subscribers)]

    async def get(self, name: str) -> SubscriberView:
        """One subscriber."""
        subscribers = (await self.snapshot(None)).subscribers or {}
        if name not in subscribers:
            raise SubscriberNotFoundError(name=name)
        return view(subscribers[name])

    async def snapshot(self, known_version: int | None) -> Snapshot:
        """The directory as it is; without its subscribers when ``known_version`` is current."""
        await self._connection.require_worker()
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            return await self._directory.query(SubscriberDirectoryWorkflow.snapshot, known_version)

    @property
    def _directory(self) -> WorkflowHandle[SubscriberDirectoryWorkflow, None]:
        return self._connection.client.get_workflow_handle_for(SubscriberDirectoryWorkflow.run, DIRECTORY_ID)

    async def _place(self, name: str, url: str | None, notify: str | None) -> "_Place":
        """Where a subscriber is told, checked; a notify URL sealed, and of it only the scheme to be shown."""
        if notify is None:
            return _Place(url=check_url(url or "", self._connection.policy))
        target = parse_notify(notify)
        if isinstance(target, AppriseTarget):
            await asyncio.to_thread(check_apprise, target, self._connection.policy)
        sealed = self._connection.keyring.seal(notify, notify_purpose(name))
        return _Place(url=redacted(notify), target=target.kind, sealed_notify=sealed)

    def _sealed_secret(self, name: str, secret: str | None) -> str | None:
        return None if secret is None else self._connection.keyring.seal(secret, secret_purpose(name))

    def _sealed_headers(self, name: str, headers: Mapping[str, str] | None) -> str | None:
        if not headers:
            return None
        return self._connection.keyring.seal(json.dumps(check_headers(headers)), headers_purpose(name))

    async def _changed(
        self, subscriber: Subscriber, secret: str | None, *, generated: bool, patterns: Sequence[str]
    ) -> Changed:
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        equivalent = whsec(standard_key(secret)) if secret and not generated else None
        return Changed(
            subscriber=view(subscriber),
            warnings=[*advise(patterns, list(KNOWN_TYPES)), *_unsayable(subscriber)],
            secret=secret if generated else None,
            whsec=equivalent if equivalent != secret else None,
        )


def _one_secret(secret: str | None, *, generate: bool) -> str | None:
    if secret is not None and generate:
        raise InvalidRequestError(reason="give a secret or have one generated, not both")
    if generate:
        return make_secret(secrets.token_bytes(32))
    return None if secret is None else check_secret(secret)


def _unsayable(subscriber: Subscriber) -> list[str]:
    """A warning when none of the event types that a target can say matches its patterns."""
    known = sayable_types(subscriber.target)
    if known is None or any(matches_any(subscriber.types, each) for each in known):
        return []
    return [f"{subscriber.target} is told of {', '.join(known)} alone, and the patterns match none of them"]
