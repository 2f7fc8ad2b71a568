"""Why a subscriber was or was not told of an event: what is looked at, and what is found. Decided in `domain.why`."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import BaseModel

from domain.outcomes import Attempt, Delivery
from domain.subscribers import Subscriber

RunKind = Literal["original", "resend", "replay", "rest"]


class Verdict(StrEnum):
    """The answer in one word. Up to ``cancelled`` the event was meant for the subscriber; after it, not."""

    DELIVERED = "delivered"
    RETRYING = "retrying"
    UNDER_WAY = "under_way"
    PAUSED = "paused"
    WAITS_FOR_EARLIER = "waits_for_earlier"
    WAITS_FOR_TURN = "waits_for_turn"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PUBLISHING_OFF = "publishing_off"
    STOPPED = "stopped"
    NOT_RESOLVED = "not_resolved"
    NOT_KNOWN = "not_known"
    ONLY_OTHERS = "only_others"
    ADDED_LATER = "added_later"
    DISABLED = "disabled"
    UNSAYABLE = "unsayable"
    ABOUT_ITSELF = "about_itself"
    NOT_ASKED = "not_asked"
    NO_MATCH = "no_match"
    OTHER_SEVERITY = "other_severity"
    CHANGED_SINCE = "changed_since"
    UNEXPLAINED = "unexplained"


class Carrier(BaseModel):
    """One workflow that carries the event, and its delivery to the subscriber.

    Attributes:
        kind: ``original``, ``resend``, ``replay`` or ``rest`` (of a workflow that several events shared).
        outcome: of the event there, as in `im event list`.
        accepted_at: when the event was, and found who wants it; of a rest that is before it began.
        only: the subscribers that it is restricted to; None for all that want the event.
        complete: False where no worker answered, so that only a result is known.
        delivery: None where it has none to this subscriber.
        others: the other subscribers that it delivers to.
    """

    workflow_id: str
    kind: RunKind = "original"
    outcome: str
    accepted_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    only: list[str] | None = None
    complete: bool = True
    delivery: Delivery | None = None
    others: list[str] = []


class Story(BaseModel):
    """Everything that an explanation is made from.

    Attributes:
        carriers: oldest first; at least one.
        severity: that the event states, if it does.
        subscriber: as it is now; None where the directory has none of that name.
        directory_known: False where no worker answered for the directory, so that nothing is known of the subscriber.
        names: every subscriber that the directory has.
        about: the subscriber that an operational event tells of.
        ahead: the ids of the events that it waits behind in its lane.
        by_source: the source was given, too: the id may be that of other events besides.
    """

    now: datetime
    event_id: str
    source: str
    by_source: bool = False
    type: str
    severity: str | None = None
    carriers: list[Carrier]
    name: str
    subscriber: Subscriber | None = None
    directory_known: bool = True
    names: list[str] = []
    about: str | None = None
    ahead: list[str] = []

    @property
    def current(self) -> Carrier | None:
        """The latest workflow that has a delivery to the subscriber."""
        return next((each for each in reversed(self.carriers) if each.delivery is not None), None)


class Finding(BaseModel):
    """What was decided, in words for somebody who is on call.

    Attributes:
        headline: the answer in one sentence.
        facts: what it rests on, a sentence each.
        next: what happens by itself from now on, by the latest delivery and by earlier ones that go on.
        next_at: when first, where a time is known.
        advice: what to do about it, most often a command; empty where nothing is to be done.
    """

    verdict: Verdict
    headline: str
    facts: list[str] = []
    next: str
    next_at: datetime | None = None
    advice: list[str] = []


class Try(BaseModel):
    """One request, and how long the delivery had waited since the end of the one before."""

    waited_seconds: float | None = None
    attempt: Attempt


class Round(BaseModel):
    """All requests of one workflow to the subscriber, in order."""

    workflow_id: str
    kind: RunKind
    state: str
    started_at: datetime
    tries: list[Try] = []


class Explanation(Finding):
    """Why a subscriber was or was not told of an event, with every request that is known."""

    event_id: str
    source: str
    type: str
    subscriber: str
    emitted_at: datetime
    rounds: list[Round] = []


def round_of(carrier: Carrier) -> Round:
    """What a workflow tried."""
    attempts = carrier.delivery.attempts if carrier.delivery else []
    tries = [
        Try(attempt=attempt, waited_seconds=_between(earlier, attempt) if earlier else None)
        for earlier, attempt in zip([None, *attempts], attempts, strict=False)
    ]
    return Round(
        workflow_id=carrier.workflow_id,
        kind=carrier.kind,
        state=carrier.delivery.state.value if carrier.delivery else "none",
        started_at=carrier.started_at,
        tries=tries,
    )


def _between(earlier: Attempt, later: Attempt) -> float:
    ended = earlier.at + timedelta(milliseconds=earlier.duration_ms)
    return round(max(0.0, (later.at - ended).total_seconds()), 3)
