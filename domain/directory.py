"""The directory: everything that is known of subscribers and their HTTP clients, and how large it may grow."""

from collections.abc import Collection
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from domain.event_types import SUBSCRIBER_TEST
from domain.http_client_errors import UnknownHttpClientError
from domain.http_clients import HttpClient, check_pair
from domain.naming import found
from domain.subscriber_errors import DirectoryFullError
from domain.subscribers import Subscriber

# Temporal refuses a payload past 2 MiB; 64 KiB are left for its own wrapping and for growth by renewals.
MAX_DIRECTORY_BYTES = 2 * 1024 * 1024 - 64 * 1024


class Directory(BaseModel):
    """Every subscriber and HTTP client, by name, and a version that grows with each change."""

    version: int = 0
    subscribers: dict[str, Subscriber] = {}
    http_clients: dict[str, HttpClient] = {}

    def matching(
        self, event_type: str, severity: str | None = None, only: Collection[str] | None = None
    ) -> list[Subscriber]:
        """The enabled subscribers that want an event, by name; of a test, those that it is for.

        Args:
            event_type: of the event.
            severity: that it states; None where it states none.
            only: restricts the answer to these.
        """
        known = [self.subscribers[name] for name in sorted(self.subscribers)]
        if event_type == SUBSCRIBER_TEST:
            return [subscriber for subscriber in known if subscriber.enabled and subscriber.name in (only or ())]
        return [each for each in known if each.wants(event_type, severity) and (only is None or each.name in only)]

    @property
    def size(self) -> int:
        """Bytes that all entries take."""
        clients = sum(stored_size(client) for client in self.http_clients.values())
        return clients + sum(stored_size(subscriber) for subscriber in self.subscribers.values())

    def users(self, http_client: str) -> list[Subscriber]:
        """The subscribers that name an HTTP client, by name."""
        known = [self.subscribers[name] for name in sorted(self.subscribers)]
        return [subscriber for subscriber in known if subscriber.http_client == http_client]

    def check_client_of(self, subscriber: Subscriber) -> None:
        """Raise `UnknownHttpClientError` or `InvalidRequestError` for a client that a subscriber cannot have."""
        if subscriber.http_client is None:
            return
        check_pair(subscriber, found(subscriber.http_client, self.http_clients, UnknownHttpClientError))


class Snapshot(BaseModel):
    """The directory as one query returned it; ``subscribers`` is None when the asked-for version is current."""

    version: int
    subscribers: dict[str, Subscriber] | None = None
    http_clients: dict[str, HttpClient] = {}


EntryT = TypeVar("EntryT", Subscriber, HttpClient)


def put(known: EntryT | None, wanted: EntryT, now: datetime) -> EntryT:
    """An entry as it is stored when it shall be as ``wanted``: a next version of the one that is known, if one is."""
    noted: dict[str, object] = {"version": 1, "created_at": now, "updated_at": now}
    if known is not None:
        noted |= {"version": known.version + 1, "created_at": known.created_at}
    if isinstance(known, Subscriber) and known.paused and wanted.enabled:
        noted |= {"paused": known.paused, "gone_at": known.gone_at}
    return wanted.model_copy(update=noted)


def stored_size(entry: Subscriber | HttpClient) -> int:
    """Bytes that an entry takes in the directory's JSON, its name as key included."""
    return len(entry.model_dump_json().encode()) + len(entry.name) + 4


def check_size(total_bytes: int) -> None:
    """Raise `DirectoryFullError` when the directory would no longer fit one Temporal payload."""
    if total_bytes > MAX_DIRECTORY_BYTES:
        raise DirectoryFullError(size=total_bytes, limit=MAX_DIRECTORY_BYTES)
