"""Replays as they are asked for and shown."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.event_types import EMITTED_TYPES
from domain.limits import check_rate
from domain.patterns import misreadings
from domain.replay_errors import InvalidReplayRateError
from domain.replays import DEFAULT_RATE, ReplayReport
from domain.retention import MIN_RETENTION
from domain.subscriber_errors import InvalidLimitError

# Most of what a burst leaves has begun by then: 100,000 events, at some 35 a second; while others come in, fewer do.
GOES_ON_WITHIN = timedelta(hours=1)


class ReplayOptions(BaseModel):
    """What is asked for; see docs/replay.md.

    Attributes:
        subscriber: whose events: those that it wants; with any of the next three those that it was sent.
        to: who is sent them; ``subscriber`` by default.
        failed_only: only what failed for good and has not arrived since.
        undelivered: what failed for good or was cancelled, likewise.
        types: patterns, besides those of whom they are sent to.
    """

    subscriber: str | None = None
    to: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    types: list[str] | None = None
    failed_only: bool = False
    undelivered: bool = False
    rate: str = DEFAULT_RATE

    @property
    def unreached(self) -> bool:
        """Whether only what has not arrived is sent."""
        return self.failed_only or self.undelivered

    def ends_at(self) -> datetime:
        """Up to when: the future has no events to send."""
        now = datetime.now(UTC)
        return min(self.until or now, now)

    def looks_until(self) -> datetime | None:
        """When workflows began at the latest that are looked at; None for `ends_at`.

        What failed has done so in the workflow that went on with it, which may have begun later; everything else is
        found in the first one.
        """
        return min(self.until + GOES_ON_WITHIN, datetime.now(UTC)) if self.until and self.unreached else None


def check_options(options: ReplayOptions) -> str:
    """Who is sent what is replayed.

    Raises:
        InvalidRequestError: the options contradict each other, or no time lies between since and until.
        InvalidReplayRateError: the rate is out of range.
    """
    name = options.to or options.subscriber
    if name is None:
        raise InvalidRequestError(reason="say whose events: --subscriber NAME, or --to NAME for all that it wants")
    if options.unreached and options.subscriber is None:
        raise InvalidRequestError(reason="whom did they not reach? Add --subscriber NAME")
    if options.failed_only and options.undelivered:
        raise InvalidRequestError(reason="--undelivered takes what failed too: give it or --failed-only, not both")
    replay_rate(options.rate)
    if options.since and options.since >= options.ends_at():
        raise InvalidRequestError(reason="since is not before until: no time lies between them")
    return name


def doubts_of(options: ReplayOptions) -> list[str]:
    """A warning for each of the types asked for that looks mistaken: nothing would match it, without a word."""
    return misreadings(options.types or (), list(EMITTED_TYPES))


def replay_rate(text: str) -> str:
    """A rate as it is stored; raises `InvalidReplayRateError`."""
    try:
        return check_rate(text)
    except InvalidLimitError as error:
        raise InvalidReplayRateError(**error.data) from None


class ReplayView(ReplayReport):
    """A replay, with what became of what it sent: ``sent`` is the sum of the next five.

    Attributes:
        delivered: a second behind at most; likewise ``failed``.
        cancelled: ended without either: the subscriber was disabled or removed meanwhile, or somebody stopped it.
        under_way: sent, and not known to have ended.
        forgotten: ended so long ago that it is not retained any more.
        eta_seconds: until all is sent, at its rate; None when it is not sending.
    """

    delivered: int = 0
    failed: int = 0
    cancelled: int = 0
    under_way: int = 0
    forgotten: int = 0
    eta_seconds: float | None = None


class Ends(BaseModel):
    """What visibility knows of the deliveries of a replay: how many ended in each way, and how many run."""

    delivered: int
    failed: int
    cancelled: int
    running: int


def replay_view(report: ReplayReport, ends: Ends, now: datetime) -> ReplayView:
    """A replay whose counts add up, although its own count and those of visibility are from different moments.

    A portion is added to ``sent`` as a whole, so more may have ended than it says; and what visibility does not know
    yet is under way, unless it may be known no longer.
    """
    ended = ends.delivered + ends.failed + ends.cancelled
    sent = max(report.sent, ended)
    rest = sent - ended
    under_way = rest if now - report.started_at < MIN_RETENTION else min(rest, ends.running)
    return ReplayView(
        **report.model_dump(include=set(ReplayReport.model_fields) - {"sent"}),
        **ends.model_dump(exclude={"running"}),
        sent=sent,
        under_way=under_way,
        forgotten=rest - under_way,
        eta_seconds=report.seconds_left,
    )


class ReplayPageView(BaseModel):
    """A part of the list of replays; ``older`` is what to look ``before`` for the next one, if there is any."""

    rows: list[ReplayReport]
    older: datetime | None = None
