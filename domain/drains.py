"""Draining: how what waited for the end of a pause is sent, as fast as the subscriber takes it and no faster."""

from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel

MAX_WINDOW = 32  # under way at once; some 50 a second on two cores, where each costs 20 ms
FIRST_WAIT = timedelta(seconds=1)  # after a request that failed; doubled with each in a row
LONGEST_WAIT = timedelta(minutes=5)  # likewise, and of what Retry-After asks for


class DrainOrder(BaseModel):
    """Asks that what waits for a subscriber be released.

    Attributes:
        drop_before: what was emitted before that ends instead; None for nothing.
    """

    subscriber: str
    drop_before: datetime | None = None


class Release(BaseModel):
    """Tells an event's workflow that its delivery to a subscriber goes on.

    Attributes:
        drain: the workflow that is to be told of the outcome.
        drop: the delivery ends instead.
    """

    subscriber: str
    drain: str | None = None
    drop: bool = False


class Became(StrEnum):
    """What became of a delivery that was released, by its first request since."""

    DELIVERED = "delivered"
    FAILED = "failed"  # and is retried, or was the last attempt: the subscriber is in trouble
    REFUSED = "refused"  # for good, by an answer that says nothing of trouble, such as HTTP 400
    CANCELLED = "cancelled"
    DROPPED = "dropped"
    WAITING = "waiting"  # the subscriber was paused again


class Told(BaseModel):
    """An event's workflow tells what became of a delivery; ``retried`` if it goes on by its schedule."""

    workflow_id: str
    became: Became
    retried: bool = False
    retry_after_seconds: float | None = None


class Waiting(BaseModel):
    """A workflow with a delivery that waits, and when its event was emitted."""

    workflow_id: str
    emitted_at: datetime


class Owed(BaseModel):
    """What a subscriber has not been told yet, a second ago.

    Attributes:
        waiting: deliveries that wait for the end of its pause, or to be sent after it.
        retrying: deliveries under way, most of which wait for a retry.
    """

    waiting: int = 0
    retrying: int = 0

    def held(self, *, paused: bool) -> int:
        """How many a pause promised to keep: those that wait, and while it lasts those to be retried, which will."""
        return self.waiting + (self.retrying if paused else 0)


class FindWaiting(BaseModel):
    """Asks for what waits for a subscriber, the oldest first."""

    subscriber: str


class FoundWaiting(BaseModel):
    """What waits: the oldest, and how many there are in all.

    Attributes:
        coming: more is to wait: events that share a workflow, which has not handed them over yet.
        since: when the oldest was emitted, of what is to come too; None where nothing waits.
    """

    oldest: list[Waiting] = []
    count: int = 0
    coming: bool = False
    since: datetime | None = None


class ReleaseMany(BaseModel):
    """Asks that deliveries be released."""

    release: Release
    waiting: list[Waiting]


class ReleasedMany(BaseModel):
    """Which workflows have heard of it, and whether others have not because the subscriber is paused (again)."""

    paused: bool = False
    workflow_ids: list[str] = []


class Pace(BaseModel):
    """How many deliveries may be under way at once.

    One to begin with. As many again when so many went well; half as many, after a wait, when one failed, and then one
    alone until one goes well.

    Attributes:
        window: at once, 1 to 32.
        good: went well since the window last changed.
        streak: waits in a row without a success between them.
        holds_until: nothing is released before.
    """

    window: int = 1
    good: int = 0
    streak: int = 0
    holds_until: datetime | None = None

    @property
    def allowed(self) -> int:
        """How many may be under way now, once the wait is over."""
        return 1 if self.streak else self.window

    def went_well(self) -> None:
        """A released delivery was answered."""
        self.streak, self.good = 0, self.good + 1
        if self.good >= self.window:
            self.window, self.good = min(2 * self.window, MAX_WINDOW), 0

    def failed(self, now: datetime, retry_after: timedelta | None = None) -> None:
        """A released delivery failed; those that fail during a wait were under way before it, and count as one."""
        self.window, self.good = max(1, self.window // 2), 0
        asked = min(retry_after or timedelta(), LONGEST_WAIT)
        if not self.holds(now):
            self.streak += 1
            asked = max(asked, min(FIRST_WAIT * 2.0 ** min(self.streak - 1, 16), LONGEST_WAIT))
        if self.holds_until is None or now + asked > self.holds_until:
            self.holds_until = now + asked

    def holds(self, now: datetime) -> bool:
        """Whether nothing is released for now."""
        return self.holds_until is not None and now < self.holds_until


class DrainProgress(BaseModel):
    """How far a drain is.

    Attributes:
        asked_at: when it was last asked for, by a resume or by what else ends a pause.
        counted: it has looked; before that, ``left`` says nothing.
        left: deliveries that waited when it last looked, less those that it released since.
        delivered: by the first request after the release; ``failed`` likewise, for good.
        retried: failed by that request, and go on by their own schedule since.
        in_line: ordered, and released before their turn: they go on with that, and are not heard of again.
        at_once: how many may be under way at the moment.
        holds_until: it waits that long because requests failed.
        done: nothing was found any more; it looks a few times again, for what visibility may not show yet.
        ended: it looks no more, or the subscriber was paused again.
    """

    subscriber: str
    began_at: datetime
    asked_at: datetime | None = None
    counted: bool = False
    left: int = 0
    delivered: int = 0
    failed: int = 0
    retried: int = 0
    cancelled: int = 0
    dropped: int = 0
    in_line: int = 0
    at_once: int = 1
    holds_until: datetime | None = None
    done: bool = False
    ended: bool = False


class DrainState(BaseModel):
    """What a drain carries from run to run.

    Attributes:
        under_way: released, and not heard of since.
        recent: the latest that were released.
        looks: how often in a row nothing was found.
        begun_at: when it was last asked for; None for a drain that begins.
    """

    order: DrainOrder
    progress: DrainProgress | None = None
    pace: Pace = Pace()
    under_way: list[str] = []
    recent: list[str] = []
    looks: int = 0
    begun_at: datetime | None = None


def has_heard(progress: DrainProgress, before: DrainProgress | None) -> bool:
    """Whether a drain has heard of a resume, or tells of an earlier one still.

    Args:
        progress: as it is.
        before: as it was before the resume; None when there was none.
    """
    if before is None:
        return True
    if progress.asked_at is None:  # of a worker of an older version
        return progress.began_at != before.began_at or not progress.ended
    return progress.asked_at != before.asked_at
