"""The gateway to health: the ledger's counters, joined with the directory and with what waits for a retry now."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

from domain import health
from domain.directory import Snapshot
from domain.health import Counters, Health
from domain.hours import HourCount, last_day
from domain.subscriber_errors import SubscriberNotFoundError
from service.connection import Connection
from service.drains import draining, is_draining
from service.outstanding import Outstanding
from service.subscriber_views import SubscriberDetail
from service.subscribers import SubscriberGateway
from service.temporal import answered_by_entity
from service.together import Together
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.names import CONTROL_QUEUE, LEDGER_ID


class HealthGateway:
    """Reads health. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._subscribers = subscribers
        self._together = Together()

    async def all(self) -> list[Health]:
        """A row for every subscriber, by name."""
        return await self._rows(await self._subscribers.snapshot(None), None)

    async def with_subscriber(self, name: str) -> SubscriberDetail:
        """A subscriber with its row."""
        found, row = await asyncio.gather(self._subscribers.get(name), self.get(name))
        return SubscriberDetail(**found.model_dump(), health=row)

    async def get(self, name: str) -> Health:
        """The row of one subscriber."""
        snapshot = await self._subscribers.snapshot(None)
        if name not in (known := snapshot.subscribers or {}):
            raise SubscriberNotFoundError.among(name, known)
        (row,) = await self._rows(snapshot, name)
        return row

    async def last_day(self) -> dict[str, list[HourCount]]:
        """By subscriber, the deliveries that ended in each of the latest 24 hours, oldest first.

        Counted since the worker that keeps the ledger is of a version that counts by the hour.
        """
        now, counters = datetime.now(UTC), await self._counters(None)
        return {name: last_day(each.hours, now) for name, each in counters.items()}

    async def _counters(self, name: str | None) -> dict[str, Counters]:
        handle = self._connection.client.get_workflow_handle_for(DeliveryLedgerWorkflow.run, LEDGER_ID)

        async def ask() -> dict[str, Counters]:
            async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
                return await handle.query(DeliveryLedgerWorkflow.health, name)

        return await self._together.ask(("counters", name), ask)

    async def _rows(self, snapshot: Snapshot, only: str | None) -> list[Health]:
        """The rows of all subscribers, or of one."""
        now, names = datetime.now(UTC), [only] if only else sorted(snapshot.subscribers or {})
        counters, found = await asyncio.gather(self._counters(only), self._look(snapshot, names, only))
        return [found.of(_row(snapshot, name, counters.get(name, Counters()), now)) for name in names]

    async def _look(self, snapshot: Snapshot, names: Sequence[str], only: str | None) -> Outstanding:
        """Find what waits, for a retry, for its turn or for the end of a pause.

        Counted from visibility rather than by the ledger: a counter fed at least once would drift with every crash,
        and "3 retrying" that never ends is worse than a figure that is a second old.
        """
        known = snapshot.subscribers or {}
        paused = frozenset(name for name in names if known[name].paused)
        ordered = tuple(name for name in names if known[name].ordered)

        async def look() -> Outstanding:
            found = Outstanding(self._connection.client, lambda: self._sending(only), self._subscribers.drain)
            return await found.look(names, paused, ordered)

        return await self._together.ask(("outstanding", *names, paused, ordered), look)

    async def _sending(self, only: str | None) -> set[str]:
        """Those who are being sent what waited; of one subscriber that is known at once, of all a second later."""
        if only is None:
            return await draining(self._connection.client)
        return {only} if await is_draining(self._connection.client, only) else set()


def _row(snapshot: Snapshot, name: str, counters: Counters, now: datetime) -> Health:
    subscriber = (snapshot.subscribers or {})[name]
    client = snapshot.http_clients.get(subscriber.http_client or "")
    row = health.with_certificate(health.view(name, counters, None, now), client, now)
    return health.with_settings(row, enabled=subscriber.enabled, paused=subscriber.paused, ordered=subscriber.ordered)
