"""Changes of events' outcomes, as Temporal's visibility store shows them.

The store has no time of a change, but of an end. So whatever is open is looked at, and whatever ended lately.
"""

import itertools
from collections.abc import AsyncIterator, Iterable
from datetime import UTC, datetime, timedelta
from typing import Self

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecution

from domain.errors import InvalidRequestError
from domain.naming import given_as
from domain.patterns import check_patterns, matches_any
from service.event_rows import EventRow, rows_of
from service.listing import instant
from service.reachability import searched
from service.temporal import answered
from workflows import names
from workflows.details import HANDED_OVER

OPEN_WATCHED = 1000  # workflows; of more, the oldest are seen again when they end
ENDED_READ = 5000  # workflows of one search; of more, the oldest are left out, which is said
LATE = timedelta(seconds=10)  # how far the store may be behind, and still nothing is missed
AHEAD = timedelta(days=1)  # how far Temporal's clock may be ahead of ours, which somebody may have set back
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)

_EVENTS = "WorkflowType = 'EventWorkflow'"
_OPEN = f"{_EVENTS} AND ExecutionStatus = 'Running'"


class EventChange(EventRow):
    """An event whose outcome is another than before, or that is new.

    Attributes:
        ended_at: when its workflow ended; what comes after that is a resend.
    """

    ended_at: datetime | None = None

    @classmethod
    def of(cls, row: EventRow, ended_at: datetime | None, subscribers: list[str]) -> Self:
        """What a row of a list says, with when its workflow ended and all whom that names."""
        told = row.model_dump() | {"subscribers": subscribers}
        return cls(**told, ended_at=ended_at).knowing_as(row)


class Watch(BaseModel):
    """Which events are watched; every condition given must hold.

    Attributes:
        type: an event type or a pattern.
        failed: only what failed for good (for ``subscriber``, if given).
    """

    type: str | None = None
    subscriber: str | None = None
    incident: str | None = None
    failed: bool = False

    def checked(self) -> "Watch":
        """The same; raises `InvalidPatternError`."""
        if self.type is not None:
            with given_as("type"):
                check_patterns([self.type])
        return self

    def wants(self, change: EventChange) -> bool:
        """Whether a change is of an event that is watched."""
        if change.outcome == HANDED_OVER and not (self.subscriber and change.is_done_with(self.subscriber)):
            return False  # the workflow that goes on with it has a row of its own
        if self.type is not None and not matches_any([self.type], change.type):
            return False
        if self.incident is not None and change.incident_id != self.incident:
            return False
        if self.subscriber is None:
            return not self.failed or _has_failure(change)
        states = change.states_of(self.subscriber)
        return "failed" in states if self.failed else bool(states)


def _has_failure(change: EventChange) -> bool:
    return change.outcome == "failed" or any(word.startswith("failed:") for word in change.troubled)


class Look(BaseModel):
    """What one look at the store found.

    Attributes:
        changes: ordered by the start of their workflows.
        seen: the latest start or end that was seen, by Temporal's clock.
        whole: False where more had ended than one search reads.
    """

    changes: list[EventChange]
    seen: datetime
    whole: bool = True


async def look(client: Client, since: datetime) -> Look:
    """Every event that is open, and every one that ended since a time, and up to ten seconds before."""
    async with searched(client):
        running = [run async for run in client.list_workflows(_OPEN, limit=OPEN_WATCHED)]
        ended = [run async for run in client.list_workflows(_ended(since), limit=ENDED_READ)]
    changes = [change for run in [*running, *ended] async for change in _changes(run)]
    times = (at for run in [*running, *ended] for at in (run.start_time, run.close_time) if at)
    return Look(
        changes=sorted(changes, key=lambda change: change.emitted_at),
        seen=max(itertools.chain([since], times)),
        whole=len(ended) < ENDED_READ,
    )


async def now_in_store(client: Client) -> datetime:
    """The latest start or end of an event that the store has: where a watch from now on begins, on no clock of ours."""
    async with answered(client):
        newest = [run async for run in client.list_workflows(f"{_EVENTS} AND CloseTime IS NOT NULL", limit=1)]
        newest += [run async for run in client.list_workflows(_OPEN, limit=1)]
    times = [at for run in newest for at in (run.start_time, run.close_time) if at]
    return max(times, default=_FIRST)


def read_position(text: str) -> datetime:
    """The time that a position (``Last-Event-ID``) stands for; raises `InvalidRequestError`, for the future too."""
    try:
        at = datetime.fromisoformat(text.strip())
        if at.tzinfo is not None and at - datetime.now(UTC) <= AHEAD:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise InvalidRequestError(reason=f"{text[:64]!r} is no position of this stream; leave Last-Event-ID out")


class Known:
    """What was told of each event, so that it is told again only when it is another."""

    def __init__(self) -> None:
        self._told: dict[tuple[str, str, str], tuple[datetime | None, str, tuple[str, ...]]] = {}

    def news(self, changes: Iterable[EventChange]) -> list[EventChange]:
        """The changes that are not known yet; from now on they are."""
        found = []
        for change in changes:
            key = change.workflow_id, change.source, change.event_id
            state = change.ended_at, change.outcome, tuple(change.troubled)
            if key not in self._told or self._told[key][1:] != state[1:]:
                found.append(change)
            self._told[key] = state
        return found

    def forget(self, seen: Look) -> None:
        """Forget what ended so long ago that no look shows it any more."""
        shown = {(change.workflow_id, change.source, change.event_id) for change in seen.changes}
        self._told = {key: state for key, state in self._told.items() if key in shown}


def _ended(since: datetime) -> str:
    return f"{_EVENTS} AND CloseTime >= {instant(max(since, _FIRST + LATE) - LATE)}"


async def _changes(run: WorkflowExecution) -> AsyncIterator[EventChange]:
    subscribers = names.subscribers_named(run.typed_search_attributes.get(names.SUBSCRIBERS, []))
    async for row in rows_of(run):
        yield EventChange.of(row, run.close_time, subscribers)
