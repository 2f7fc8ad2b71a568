"""The gateway to health: the ledger's counters, joined with the directory and with what waits for a retry now."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime

from domain import health
from domain.directory import Snapshot
from domain.errors import SubscriberNotFoundError
from domain.health import Counters, Health
from domain.hours import HourCount, last_day
from service.connection import Connection
from service.drains import draining, find_waiting, is_draining
from service.owed import count_owing
from service.reachability import searched
from service.subscriber_views import SubscriberDetail
from service.subscribers import SubscriberGateway
from service.temporal import answered, answered_by_entity
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
        snapshot = await self._subscribers.snapshot(None)
        names, now = sorted(snapshot.subscribers or {}), datetime.now(UTC)
        counters, retrying = await self._counters(None), await self._owing(names, "retrying")
        rows = [_row(snapshot, name, counters.get(name, Counters()), retrying[name], now) for name in names]
        sending = await self._draining()
        held = [row.subscriber for row in rows if row.paused or row.subscriber in sending]
        waiting = await self._owing(held, "waiting")
        return [
            await self._held(row, waiting[row.subscriber], sends=row.subscriber in sending)
            if row.subscriber in held
            else row
            for row in rows
        ]

    async def with_subscriber(self, name: str) -> SubscriberDetail:
        """A subscriber with its row."""
        found, row = await asyncio.gather(self._subscribers.get(name), self.get(name))
        return SubscriberDetail(**found.model_dump(), health=row)

    async def get(self, name: str) -> Health:
        """The row of one subscriber."""
        snapshot = await self._subscribers.snapshot(None)
        if name not in (snapshot.subscribers or {}):
            raise SubscriberNotFoundError(name=name)
        counters, retrying = await self._counters(name), await self._owing([name], "retrying")
        row = _row(snapshot, name, counters.get(name, Counters()), retrying[name], datetime.now(UTC))
        async with answered(self._connection.client):
            sends = await is_draining(self._connection.client, name)
        return await self._held(row, (await self._owing([name], "waiting"))[name], sends=sends)

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

    async def _draining(self) -> set[str]:
        async with answered(self._connection.client):
            return await draining(self._connection.client)

    async def _held(self, row: Health, waiting: int, *, sends: bool) -> Health:
        """The same row, with how many wait for the end of the pause, since when, and how far the sending of it is."""
        client, name = self._connection.client, row.subscriber
        async with answered(client):
            found = await find_waiting(client, name)
        drain = await self._subscribers.drain(name) if sends else None
        drain = None if drain and drain.done else drain
        oldest = found.oldest[0].emitted_at if found.oldest else None
        return row.model_copy(update={"waiting": waiting, "oldest_waiting": oldest, "drain": drain})

    async def _owing(self, names: Sequence[str], state: str) -> Counter[str]:
        """Deliveries that wait for a retry (``retrying``), or for the end of a pause (``waiting``), by subscriber.

        Counted from visibility rather than by the ledger: a counter fed at least once would drift with every crash,
        and "3 retrying" that never ends is worse than a figure that is a second old.
        """

        async def count() -> Counter[str]:
            async with searched(self._connection.client):
                return await count_owing(self._connection.client, names, state)

        return await self._together.ask((state, *names), count)


def _row(snapshot: Snapshot, name: str, counters: Counters, retrying: int, now: datetime) -> Health:
    subscriber = (snapshot.subscribers or {})[name]
    client = snapshot.http_clients.get(subscriber.http_client or "")
    row = health.with_certificate(health.view(name, counters, retrying, now), client, now)
    return health.with_settings(row, enabled=subscriber.enabled, paused=subscriber.paused)
