"""What a process remembers of its starts: the events that were accepted, and those of which it cannot tell."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt

REMEMBERED = 50_000  # identities, of 0.5 KB each: 25 MB
DOUBTED = 500  # starts, of 35 KB at most, where 100 events share one; visibility knows of older ones by then

Identity = tuple[str, str]


def identity_of(event: CloudEvent) -> Identity:
    """Source and id."""
    return event.source, event.id


class Acceptance(NamedTuple):
    """That an event was accepted: with which content, and when, where that is known."""

    digest: str
    at: datetime | None = None


def repeated(event: CloudEvent, before: Acceptance) -> PublishReceipt:
    """The receipt of one that was accepted before.

    Raises:
        EventConflictError: that had other content.
    """
    if before.digest != event.digest:
        raise EventConflictError(event_id=event.id, source=event.source)
    return PublishReceipt(event_id=event.id, published=True, duplicate=True, accepted_at=before.at)


class Remembered:
    """The latest 50,000 that were accepted."""

    def __init__(self) -> None:
        self._accepted: OrderedDict[Identity, Acceptance] = OrderedDict()

    def add(self, found: Mapping[Identity, Acceptance]) -> None:
        """Remember some more."""
        self._accepted.update(found)
        while len(self._accepted) > REMEMBERED:
            self._accepted.popitem(last=False)

    def among(self, events: Sequence[CloudEvent]) -> dict[Identity, Acceptance]:
        """Those of the events that are remembered."""
        wanted = [identity_of(event) for event in events]
        return {identity: self._accepted[identity] for identity in wanted if identity in self._accepted}


class Doubts:
    """Which events were in a start whose answer was lost, and the workflow id of that start."""

    def __init__(self) -> None:
        self._starts: OrderedDict[str, set[Identity]] = OrderedDict()
        self._ids: dict[Identity, str] = {}

    def note(self, events: Sequence[CloudEvent], workflow_id: str) -> None:
        """Temporal may have a workflow of this id for them, now or soon."""
        for identity in map(identity_of, events):
            self._starts.setdefault(workflow_id, set()).add(identity)
            self._ids[identity] = workflow_id
        while len(self._starts) > DOUBTED:
            self.settle(next(iter(self._starts)))

    def among(self, events: Sequence[CloudEvent]) -> dict[str, list[CloudEvent]]:
        """The events that are in doubt, by workflow id."""
        found: dict[str, list[CloudEvent]] = {}
        for event in events if self._ids else ():
            if (workflow_id := self._ids.get(identity_of(event))) is not None:
                found.setdefault(workflow_id, []).append(event)
        return found

    def settle(self, workflow_id: str) -> None:
        """What the workflow of this id has is known, and will not change."""
        for identity in self._starts.pop(workflow_id, ()):
            if self._ids.get(identity) == workflow_id:
                del self._ids[identity]
