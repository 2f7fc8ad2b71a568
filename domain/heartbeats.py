"""Heartbeats: what a job may say, and where a heartbeat stands. How one leads to the other: `domain.heartbeat_rules`.

The words are those of healthchecks.io: a plain beat is success, ``/start``, ``/fail``, ``/log``, ``/<exit status>``.
"""

from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit, urlunsplit

from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidRequestError
from domain.event_types import HEARTBEAT_UNKNOWN
from domain.events import CloudEvent
from domain.incidents import Declaration, rfc3339
from domain.sources import HeartbeatConfig

MIN_EVERY = timedelta(seconds=1)
MAX_PERIOD = timedelta(days=366)  # of either part: a job once a year, in a leap year
MAX_NOTE = 200  # it is read in a title
MAX_BODY_READ = 10 * 1024  # bytes, of what a job sends along
CHANGES_KEPT = 10
PINGS_KEPT = 10
KEY_BYTES = 18  # random; 24 characters in the beat URL


class BeatKind(StrEnum):
    """What a beat says of its job. Its value is the last part of a beat URL, for all but success."""

    SUCCESS = "success"
    START = "start"
    FAIL = "fail"
    LOG = "log"


class Status(StrEnum):
    """Where a heartbeat stands.

    ``new`` waits for the first beat; ``late`` is within the grace; ``unknown``: a beat may have been lost by our own
    outage, so silence proves nothing yet.
    """

    NEW = "new"
    UP = "up"
    LATE = "late"
    DOWN = "down"
    PAUSED = "paused"
    UNKNOWN = "unknown"


class Beat(BaseModel):
    """One beat.

    Attributes:
        at: when the API received it, by its clock; of a canary, when the broker wrote its record.
        note: the start of what the job sent along, or its exit status.
        exported: it is of a canary, whose records may come late, or from a file.
    """

    kind: BeatKind = BeatKind.SUCCESS
    at: datetime
    note: str | None = None
    exported: bool = False


class StatusChange(BaseModel):
    """One line of a heartbeat's past."""

    at: datetime
    status: Status
    reason: str


class PingReport(BaseModel):
    """What became of the latest request to the ping URL; ``error`` is None when it was answered with a 2xx."""

    kind: BeatKind
    at: datetime
    error: str | None = None


class Outage(BaseModel):
    """A time without beats, for which an incident is declared.

    Attributes:
        key: identifies the declaration, so that it happens once.
        incident_id: None until it was declared.
        over: the note with which the incident is to be resolved; None while the outage lasts.
    """

    key: str
    declaration: Declaration
    incident_id: str | None = None
    over: str | None = None


class Unknown(BaseModel):
    """That a heartbeat became unknown, which is to be told."""

    heartbeat: str
    since: datetime
    reason: str
    next_deadline: datetime | None = None

    def event(self) -> CloudEvent:
        """The event that tells it; its id follows from name and time, so that it is emitted once."""
        data = {"heartbeat": self.heartbeat, "unknown_since": rfc3339(self.since), "reason": self.reason}
        if self.next_deadline is not None:
            data["next_deadline"] = rfc3339(self.next_deadline)
        return CloudEvent(
            id=f"heartbeat-{self.heartbeat}-unknown-{self.since.strftime('%Y%m%dT%H%M%S.%fZ')}",
            source=f"/heartbeats/{self.heartbeat}",
            type=HEARTBEAT_UNKNOWN,
            time=rfc3339(self.since),
            datacontenttype="application/json",
            data=data,
        )


class HeartbeatState(BaseModel):
    """What the workflow knows and still has to do.

    Attributes:
        status: never ``late``, which follows from the clock; see `status_at`.
        last_beat_at: the latest success.
        heard_at: the latest success or failure; what is older changes nothing.
        counted_from: the latest success, or the resumption: where the deadline is counted from.
        deadline: when silence is judged; None while nothing is expected.
        extended: the one further period after an outage of our own was given.
        running_since: the latest start without an end.
        outages: the one that lasts, after one whose incident is still to be resolved.
        pings: requests to the ping URL that wait.
        untold: what is still to be told of times of not knowing.
    """

    status: Status = Status.NEW
    last_beat_at: datetime | None = None
    heard_at: datetime | None = None
    counted_from: datetime | None = None
    deadline: datetime | None = None
    extended: bool = False
    unknown_since: datetime | None = None
    running_since: datetime | None = None
    last_run_seconds: float | None = None
    last_note: str | None = None
    last_ping: PingReport | None = None
    changes: list[StatusChange] = []
    outages: list[Outage] = []
    pings: list[BeatKind] = []
    untold: list[Unknown] = []
    removed: bool = False

    @property
    def incident_id(self) -> str | None:
        """The incident of the latest outage, until it was resolved."""
        return self.outages[-1].incident_id if self.outages else None

    def due_at(self, grace_seconds: int) -> datetime | None:
        """When the next beat is expected."""
        return self.deadline - timedelta(seconds=grace_seconds) if self.deadline else None

    def status_at(self, now: datetime, grace_seconds: int) -> Status:
        """The status that people see."""
        due = self.due_at(grace_seconds)
        return Status.LATE if self.status is Status.UP and due is not None and now > due else self.status


class PingRequest(BaseModel):
    """Asks for one request to a heartbeat's ping URL."""

    model_config = ConfigDict(frozen=True)

    heartbeat: str
    sealed_ping_url: str
    kind: BeatKind


class DoorQuestion(BaseModel):
    """Asks a process that serves the API since when it has refused nobody, on behalf of a heartbeat."""

    heartbeat: str


class DoorReport(BaseModel):
    """Since when a process that serves the API has taken every beat that came to it."""

    clear_since: datetime


def period(config: HeartbeatConfig) -> timedelta:
    """How long silence may last."""
    return timedelta(seconds=config.every_seconds + config.grace_seconds)


def check_times(every: timedelta, grace: timedelta) -> None:
    """Raise `InvalidRequestError` unless ``every`` is 1 s to 366 days and ``grace`` 0 s to 366 days."""
    if not MIN_EVERY <= every <= MAX_PERIOD:
        raise InvalidRequestError(reason="a heartbeat is expected every 1s to 366d")
    if not timedelta() <= grace <= MAX_PERIOD:
        raise InvalidRequestError(reason="the grace is 0s to 366d")


def read_word(word: str, body: bytes) -> tuple[BeatKind, str | None]:
    """What a job says by the last part of the URL and what it sends along: a kind and a note.

    Args:
        word: ``beat`` or nothing, ``start``, ``fail``, ``log``, or an exit status of 0 to 255.
        body: of any content type; read as UTF-8.

    Raises:
        InvalidRequestError: for another word.
    """
    said = note_of(body)
    if word in {"", "beat"}:
        return BeatKind.SUCCESS, said
    if word in {BeatKind.START, BeatKind.FAIL, BeatKind.LOG}:
        return BeatKind(word), said
    if not (word.isascii() and word.isdecimal() and len(word) <= 3 and int(word) <= 255):
        raise InvalidRequestError(reason="a beat ends in nothing, start, fail, log, or an exit status of 0 to 255")
    if int(word) == 0:
        return BeatKind.SUCCESS, said
    return BeatKind.FAIL, f"exit status {int(word)}: {said}"[:MAX_NOTE] if said else f"exit status {int(word)}"


def note_of(body: bytes) -> str | None:
    """The start of a body as one printable line of at most 200 characters; None when nothing is left of it."""
    text = body[:MAX_BODY_READ].decode(errors="replace")
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())[:MAX_NOTE] or None


def ping_target(url: str, kind: BeatKind) -> str:
    """The URL that tells a healthcheck of a beat of this kind; a query stays behind the path."""
    if kind is BeatKind.SUCCESS:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(path=f"{parts.path.rstrip('/')}/{kind}"))


def ping_path(key: str) -> str:
    """The path of a heartbeat's own beat URL at the API."""
    return f"/api/v1/ping/{key}"


def redacted(url: str) -> str:
    """A ping URL without what is secret in it: its host alone."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}/…"
