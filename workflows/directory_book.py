"""What the directory workflow does with its entries: finds, stores and measures them, tells, and has drains begun."""

import asyncio
from collections.abc import Sequence

from temporalio import workflow

from activities.drains import DrainActivities
from domain import tidings
from domain.directory import Directory, check_size, stored_size
from domain.drains import DrainOrder
from domain.events import CloudEvent
from domain.http_client_changes import HttpClientDraft, apply_draft
from domain.http_client_errors import HttpClientInUseError, HttpClientNotFoundError
from domain.http_clients import HttpClient, check_pair
from domain.naming import found
from domain.subscriber_changes import SubscriberChange, apply_change
from domain.subscriber_errors import SubscriberNotFoundError
from domain.subscribers import Subscriber
from workflows import policies
from workflows.outbox import Outbox


class DirectoryBook:
    """The entries, what is to be told of them, and who is to be sent what waited for the end of a pause."""

    def __init__(self, directory: Directory, untold: Sequence[CloudEvent]) -> None:
        self._directory = directory
        self._outbox = Outbox(untold)
        self._bytes = directory.size
        self._updates = 0
        self._renewed = False  # so that the sealed values of an old key go with this run's history
        self._to_drain: list[DrainOrder] = []

    def _get(self, name: str) -> Subscriber:
        return found(name, self._directory.subscribers, SubscriberNotFoundError)

    def _changed_subscriber(self, change: SubscriberChange) -> Subscriber:
        changed = apply_change(self._get(change.name), change, workflow.now())
        self._directory.check_client_of(changed)
        return changed

    def _get_client(self, name: str) -> HttpClient:
        return found(name, self._directory.http_clients, HttpClientNotFoundError)

    def _get_unused_client(self, name: str) -> HttpClient:
        client = self._get_client(name)
        if users := self._directory.users(name):
            raise HttpClientInUseError(name=name, subscribers=", ".join(each.name for each in users))
        return client

    def _changed_client(self, draft: HttpClientDraft) -> HttpClient:
        changed = apply_draft(self._get_client(draft.name), draft, workflow.now())
        for subscriber in self._directory.users(draft.name):
            check_pair(subscriber, changed)
        return changed

    def _store_client(self, client: HttpClient) -> HttpClient:
        previous = self._directory.http_clients.get(client.name)
        if client is not previous:
            self._directory.http_clients[client.name] = client
            self._changed(stored_size(client) - (stored_size(previous) if previous else 0))
        return client

    def _store(self, subscriber: Subscriber) -> Subscriber:
        previous = self._directory.subscribers.get(subscriber.name)
        if subscriber is not previous:
            self._directory.subscribers[subscriber.name] = subscriber
            self._outbox.put(*tidings.of_change(previous, subscriber, workflow.now()))
            self._changed(stored_size(subscriber) - (stored_size(previous) if previous else 0))
            if previous and previous.paused and not subscriber.paused:
                self._drain(DrainOrder(subscriber=subscriber.name))
        return subscriber

    def _forget(self, removed: Subscriber) -> None:
        del self._directory.subscribers[removed.name]
        self._changed(-stored_size(removed))
        if removed.paused:  # what waits ends as cancelled
            self._drain(DrainOrder(subscriber=removed.name))

    def _drain(self, order: DrainOrder) -> None:
        others = [other for other in self._to_drain if other.subscriber != order.subscriber]
        self._to_drain = [*others, order]

    async def _attend(self) -> None:
        """Tell, and have drains begun, for as long as the run goes on."""
        await asyncio.gather(self._outbox.keep_empty(), self._begin_drains())

    async def _begin_drains(self) -> None:
        while True:
            await workflow.wait_condition(lambda: bool(self._to_drain))
            order = self._to_drain[0]
            await self._begin_drain(order)
            self._to_drain = [other for other in self._to_drain if other is not order]

    async def _begin_drain(self, order: DrainOrder) -> None:
        await workflow.execute_activity_method(
            DrainActivities.begin_drain,
            order,
            start_to_close_timeout=policies.DRAIN_TIMEOUT,
            retry_policy=policies.DRAIN_RETRY,
            summary=f"send {order.subscriber} what waited",
        )

    def _check_fits(self, entry: Subscriber | HttpClient, previous: Subscriber | HttpClient | None) -> None:
        check_size(self._bytes + stored_size(entry) - (stored_size(previous) if previous else 0))

    def _changed(self, grown: int) -> None:
        self._bytes += grown
        self._directory.version += 1
        self._updates += 1
        count = len(self._directory.subscribers)
        workflow.set_current_details(f"{count} subscribers, version {self._directory.version}, {self._bytes} bytes")

    def _may_end(self) -> bool:
        if self._to_drain:
            return False
        full = self._renewed or self._updates >= policies.MAX_UPDATES_PER_RUN
        return full or workflow.info().is_continue_as_new_suggested()
