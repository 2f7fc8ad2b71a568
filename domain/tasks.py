"""What the event workflow and its activities say to each other. Every field added later has a default."""

from collections.abc import Iterator
from datetime import datetime

from pydantic import BaseModel

from domain.drains import Release
from domain.events import CloudEvent
from domain.limits import waits_for_turn
from domain.matches import Match
from domain.outcomes import Attempt, Delivery, DeliveryRow
from domain.retry import RetrySchedule

BROKEN_OFF = "broken_off"  # of a failure that nothing was prepared for, with what is known of the delivery
UNMADE = "local_fault"  # the type of the failure of a request that the worker's machine could not make
EARLIER_NAMED = 10  # of the events before an ordered one
# First attempts of more subscribers than this, or of several events, run together: one marker instead of many.
INLINE_ONE_BY_ONE = 16


class FirstRequest(BaseModel):
    """Asks for the first request of one delivery, made at once."""

    event: CloudEvent
    subscriber: str
    schedule: RetrySchedule | None = None
    since: datetime | None = None


class FirstRequests(BaseModel):
    """The first requests of many deliveries, made together; each match comes with its event's place in ``events``."""

    events: list[CloudEvent]
    wanted: list[tuple[int, Match]]

    def each(self) -> Iterator[FirstRequest]:
        """Each of them by itself."""
        for index, match in self.wanted:
            yield FirstRequest(
                event=self.events[index], subscriber=match.subscriber, schedule=match.schedule, since=match.since
            )


class FirstResult(BaseModel):
    """What the first request came to, or where it is still in flight.

    Attributes:
        delivery: where the delivery stands after it; None while it is in flight.
        in_flight_on: the task queue of the process that holds the request.
        flight: the key under which it does.
    """

    delivery: Delivery | None = None
    in_flight_on: str | None = None
    flight: str | None = None


class FirstResults(BaseModel):
    """One result for each that was wanted, in order."""

    results: list[FirstResult]


class AdoptRequest(BaseModel):
    """Asks the process that has a first request in flight (under the key ``flight``) for its outcome."""

    event_id: str
    subscriber: str
    schedule: RetrySchedule | None = None
    since: datetime | None = None
    flight: str


class AdoptManyRequest(BaseModel):
    """Asks the process that has first requests in flight under these keys for what they came to by now, or soon."""

    flights: list[str]


class DeliverRequest(BaseModel):
    """Asks for a delivery, or the rest of one, with retries.

    The event itself is not here but in the first event of the calling workflow's history: a hundred troubled
    subscribers then cost a hundred short inputs rather than a hundred copies of the event.

    Attributes:
        prior: requests made so far; the activity's first attempt then raises the last one's failure again, so that
            attempt numbers and times in the Web UI are the delivery's own.
        at_once: make the next request with the first attempt all the same: it was waited for already.
        flight: the key of a first request that was begun, and of which nothing was heard.
        unmade: why the activity before could not make the next request; the first attempt says it, so Temporal waits.
        lasting: that is a fault of the machine's: this activity lasts as long, and ends with the next request made.
    """

    event_id: str
    subscriber: str
    schedule: RetrySchedule = RetrySchedule()
    since: datetime | None = None
    prior: list[Attempt] = []
    at_once: bool = False
    flight: str | None = None
    unmade: str | None = None
    lasting: bool = False


class EmitRequest(BaseModel):
    """Asks that an event be emitted; ``behind`` is as in `EventInput`."""

    event: CloudEvent
    behind: list[str] = []


class RecordRequest(BaseModel):
    """Asks that final outcomes be counted, which their own activities could not get done."""

    event_id: str
    deliveries: list[Delivery]


class Pending(BaseModel):
    """A delivery under way, and what is needed to go on with it, in this workflow or in one that takes over.

    Attributes:
        inline: its first request may be made within the workflow task.
        ordered: it waits for its turn in the subscriber's lane.
        turn: it has it.
        lost: how often a round of attempts ended without a word from its worker.
        limits: as in `Match`.
        asked: how often it asked whether the pause of its subscriber is over.
        unmade, lasting: as in `DeliverRequest`.
        release: the word that it is.
    """

    delivery: Delivery
    schedule: RetrySchedule | None = None
    since: datetime | None = None
    inline: bool = True
    ordered: bool = False
    turn: bool = False
    lost: int = 0
    in_flight_on: str | None = None
    flight: str | None = None
    limits: str | None = None
    asked: int = 0
    release: Release | None = None
    unmade: str | None = None
    lasting: bool = False

    @property
    def dropped(self) -> bool:
        """Whether it is to end without a further request."""
        return self.release is not None and self.release.drop

    @property
    def goes_on_in_line(self) -> bool:
        """Whether the pause is over, and its turn has yet to come."""
        return self.release is not None and not self.release.drop and not self.turn

    @property
    def waits(self) -> str | None:
        """What it waits for before its first request, in words."""
        return waits_for_turn(self.limits) if self.limits else None


class EventInput(BaseModel):
    """Starts an event workflow.

    Attributes:
        events: what is delivered; most often one.
        only: restrict the delivery to these subscribers (a resend).
        ask_publishing: fail at once when the worker's process has publishing switched off; set by publishers that
            cannot know (the CLI), while the API and the incidents decide by their own setting.
        resume: deliveries of the only event to go on with; nothing is resolved then.
        watchers: with ``resume``, as in `Resolution`.
        behind: the workflows of the ten events before it, of the same incident or alarm: ordered deliveries line up
            behind theirs. Ten, because an event that nobody here wants is passed over, and those before it are not. Of
            a publisher's events, those that the same process accepted shortly before.
        each_behind: the same of several events, by incident or alarm.
        by_platform: the platform tells of something of its own, rather than pass on what a publisher gave it.
    """

    events: list[CloudEvent]
    only: list[str] | None = None
    ask_publishing: bool = False
    resume: list[Pending] | None = None
    watchers: list[str] = []
    behind: list[str] = []
    each_behind: dict[str, list[str]] = {}
    by_platform: bool = False


class EventOutcome(BaseModel):
    """One event's end: ``outcome`` is delivered, failed, cancelled, unmatched or handed_over."""

    event_id: str
    outcome: str
    deliveries: list[DeliveryRow] = []


class EventResult(BaseModel):
    """The result of an event workflow."""

    events: list[EventOutcome]


class EventProgress(BaseModel):
    """The answer to the query ``deliveries``: one event and where each of its deliveries stands."""

    event_id: str
    outcome: str
    resolved: bool = False
    deliveries: list[Delivery] = []
