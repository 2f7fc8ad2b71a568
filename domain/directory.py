"""The directory: everything that is known of subscribers, as one process holds it, and how large it may grow."""

from collections.abc import Collection

from pydantic import BaseModel

from domain.errors import DirectoryFullError
from domain.event_types import SUBSCRIBER_TEST
from domain.subscribers import Subscriber

# Temporal refuses a payload past 2 MiB; 64 KiB are left for its own wrapping and for growth by renewals.
MAX_DIRECTORY_BYTES = 2 * 1024 * 1024 - 64 * 1024


class Directory(BaseModel):
    """Every subscriber, by name, and a version that grows with each change."""

    version: int = 0
    subscribers: dict[str, Subscriber] = {}

    def matching(self, event_type: str, only: Collection[str] | None = None) -> list[Subscriber]:
        """The enabled subscribers that want an event type, by name; of a test, those that it is for.

        Args:
            event_type: of the event.
            only: restricts the answer to these.
        """
        known = [self.subscribers[name] for name in sorted(self.subscribers)]
        if event_type == SUBSCRIBER_TEST:
            return [subscriber for subscriber in known if subscriber.enabled and subscriber.name in (only or ())]
        return [each for each in known if each.wants(event_type) and (only is None or each.name in only)]


class Snapshot(BaseModel):
    """The directory as one query returned it; ``subscribers`` is None when the asked-for version is current."""

    version: int
    subscribers: dict[str, Subscriber] | None = None


def stored_size(subscriber: Subscriber) -> int:
    """Bytes that a subscriber takes in the directory's JSON, its name as key included."""
    return len(subscriber.model_dump_json().encode()) + len(subscriber.name) + 4


def check_size(total_bytes: int) -> None:
    """Raise `DirectoryFullError` when the directory would no longer fit one Temporal payload."""
    if total_bytes > MAX_DIRECTORY_BYTES:
        raise DirectoryFullError(size=total_bytes, limit=MAX_DIRECTORY_BYTES)
