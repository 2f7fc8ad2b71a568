"""Replays: which events are sent again, to whom, how fast; and how far that has come."""

import re
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.limits import Limits
from domain.subscribers import Subscriber

REPLAY_HEADER = "Im-Replay"
DEFAULT_RATE = "10/s"
# A replay is told to stop between two portions, so that it stops within two seconds or twenty events.
PORTION_SECONDS = 2.0
MAX_PORTION = 20
RECENT_KEPT = 10  # as many as an ordered delivery lines up behind

_SENT_BY = re.compile(r"replays/(rpl_(?:[0-9a-f]{12}){1,2})/event/.+", re.DOTALL)


class Stage(StrEnum):
    """Where a replay stands. The last three are its end; ``stopped`` says in ``reason`` why it could not go on."""

    COUNTING = "counting"
    SENDING = "sending"
    DONE = "done"
    CANCELLED = "cancelled"
    STOPPED = "stopped"


ENDED = frozenset({Stage.DONE, Stage.CANCELLED, Stage.STOPPED})


class Selection(BaseModel):
    """What is replayed: events that were accepted from ``since`` to before ``until`` and that ``to`` wants.

    Attributes:
        to: the subscriber that they are sent to.
        sent_to: only what was sent to this subscriber; None for all events that ``to`` wants.
        failed_only: only what failed for good for ``sent_to`` and has not reached it since.
        undelivered: with ``failed_only``, also what was cancelled for it.
        types: patterns, one of which the type must match besides those of ``to``.
        since: None for everything that is retained.
        until: a replay does not run after what happens while it runs.
        begun_before: the workflows that it looks at; what goes on of an event may have begun, and failed, after
            ``until``. None for that.
    """

    model_config = ConfigDict(frozen=True)

    to: str
    sent_to: str | None = None
    failed_only: bool = False
    undelivered: bool = False
    types: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime
    begun_before: datetime | None = None


class Replayed(BaseModel):
    """One event that is to be sent again, and the workflow that has it: its ``place`` there counts from 0."""

    event_id: str
    source: str
    type: str
    at: datetime
    workflow_id: str
    run_id: str
    place: int = 0


class Survey(BaseModel):
    """What a selection comes to.

    Attributes:
        matched: events that would be sent, each once.
        skipped: of those that failed (or were cancelled), how many have reached it since, or are on their way.
        by_type: how many of each type are matched.
        complete: False when counting was given up; there are more.
        held: why none of it would be sent now, and what to do about it; None when it would.
    """

    matched: int = 0
    skipped: int = 0
    by_type: dict[str, int] = {}
    first: Replayed | None = None
    last: Replayed | None = None
    complete: bool = True
    held: str | None = None


class Cursor(BaseModel):
    """How far a search has come: from ``at`` on, in steps as long as ``step`` to begin with."""

    at: datetime
    step: timedelta | None = None


class ReplayPage(BaseModel):
    """The next events of a selection, oldest first; ``cursor`` is None after the last one."""

    found: list[Replayed] = []
    skipped: int = 0
    cursor: Cursor | None = None


class Recent(BaseModel):
    """An event that was sent lately, by its ordering key: those after it line up behind it."""

    key: str
    workflow_id: str


class ReplayReport(BaseModel):
    """A replay: what it was asked for, and where it stands.

    Attributes:
        id: ``rpl_`` and 12 hexadecimal digits; 24 that follow from an Idempotency-Key.
        rate: such as ``10/s``.
        matched: events to be sent, as they were counted before the first one was.
        sent: handed over to delivery.
        skipped: of those that failed, how many had reached the subscriber since, or were on their way.
        gone: their retention ended before their turn came.
        reason: why it stopped, or waits.
    """

    id: str
    selection: Selection
    rate: str = DEFAULT_RATE
    stage: Stage = Stage.COUNTING
    started_at: datetime
    ended_at: datetime | None = None
    matched: int = 0
    sent: int = 0
    skipped: int = 0
    gone: int = 0
    reason: str | None = None

    @property
    def interval(self) -> float:
        """Seconds from one event to the next."""
        return Limits(rate_limit=self.rate).interval

    @property
    def portion(self) -> int:
        """How many events are sent by one activity: what two seconds take, 20 at most and one at least."""
        return max(1, min(MAX_PORTION, int(PORTION_SECONDS / self.interval)))

    @property
    def seconds_left(self) -> float | None:
        """At its rate; None before the events are counted, and at the end."""
        left = max(0, self.matched - self.sent - self.gone)
        return left * self.interval if self.stage is Stage.SENDING else None


class ReplayState(ReplayReport):
    """The input of a replay's workflow: where it goes on, and what it sent last."""

    cursor: Cursor | None = None
    recent: list[Recent] = []


class SurveyRequest(BaseModel):
    """Asks what a selection comes to."""

    selection: Selection


class PageRequest(BaseModel):
    """Asks for the next events of a selection."""

    selection: Selection
    cursor: Cursor | None = None


class Portion(BaseModel):
    """Asks that these events be sent, ``interval`` seconds apart."""

    replay: str
    to: str
    events: list[Replayed]
    interval: float
    recent: list[Recent] = []


class Found(BaseModel):
    """What a survey found; ``refused`` says why nothing can be sent, with ``publishing`` False because that is off."""

    survey: Survey = Survey()
    publishing: bool = True
    refused: str | None = None


class Listed(BaseModel):
    """A page; ``refused`` says why nothing more can be sent, or not before the subscriber is resumed (``paused``)."""

    page: ReplayPage = ReplayPage()
    refused: str | None = None
    paused: bool = False


class Sent(StrEnum):
    """What became of one event; ``repeated``: this replay had sent it before, as it found it in another workflow."""

    SENT = "sent"
    REPEATED = "repeated"
    GONE = "gone"


class PortionSent(BaseModel):
    """What became of a portion, so far; ``refused`` says why the rest of it can never be sent."""

    sent: int = 0
    repeated: int = 0
    gone: int = 0
    recent: list[Recent] = []
    refused: str | None = None

    def after(self, outcome: Sent, recent: Recent | None) -> "PortionSent":
        """With one more event."""
        count = {outcome.value: getattr(self, outcome.value) + 1}
        kept = [*self.recent, recent][-RECENT_KEPT:] if recent else self.recent
        return self.model_copy(update={**count, "recent": kept})


def refusal_of(name: str, subscriber: Subscriber | None) -> str | None:
    """Why nothing is sent to a subscriber now, and what to do about it; None when it is."""
    if subscriber is None:
        return f"{name} was removed"
    if not subscriber.enabled:
        return f"{name} is disabled; enable it first: im subscriber enable {name}"
    if subscriber.paused:
        return f"{name} is paused ({subscriber.paused.reason}); resume it first: im subscriber resume {name}"
    return None


def replay_of(workflow_id: str) -> str | None:
    """The replay that the workflow of an event belongs to; None of any other workflow."""
    found = _SENT_BY.fullmatch(workflow_id)
    return found[1] if found else None


def mark(replay: str | None) -> dict[str, str]:
    """The header by which a receiver tells the requests of a replay."""
    return {REPLAY_HEADER: replay} if replay else {}
