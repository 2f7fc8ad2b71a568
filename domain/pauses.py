"""A pause: a subscriber that keeps its events waiting instead of being sent them."""

from datetime import UTC, datetime, timedelta

from pydantic import BaseModel, ConfigDict, field_validator

from domain.errors import InvalidRequestError
from domain.timing import in_short

BY_HAND = "by hand"
GONE = "answered HTTP 410 Gone"
DROPPED = "dropped: it had waited for longer than whoever resumed the subscriber wanted"
MAX_REASON_CHARS = 200
RECOMMENDED_PAUSE_AFTER = timedelta(days=5)
MAX_TIME = timedelta(days=365)  # of a time before which something is dropped, or after which something is paused


class Pause(BaseModel):
    """Since when, and why.

    Attributes:
        at: in UTC; of a time that UTC has not, as an import once took it, the first that there is.
        reason: in words, such as ``by hand`` or ``answered HTTP 410 Gone``.
    """

    model_config = ConfigDict(frozen=True)

    at: datetime
    reason: str

    @field_validator("at")
    @classmethod
    def _in_utc(cls, at: datetime) -> datetime:
        try:
            return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(UTC)
        except OverflowError:
            return datetime.min.replace(tzinfo=UTC)


class PauseOrder(BaseModel):
    """Tells the directory to pause a subscriber, for what was known of it at ``asked_at``.

    A subscriber that was changed since, is disabled or is paused already stays as it is.
    """

    name: str
    reason: str
    asked_at: datetime


class PauseRequest(BaseModel):
    """What `im subscriber pause` asks the directory for."""

    name: str
    reason: str


class ResumeRequest(BaseModel):
    """What `im subscriber resume` asks the directory for.

    Attributes:
        drop_before: what waits and was emitted before that ends as cancelled; None for nothing. By the clock of whoever
            asks, which may be ahead of Temporal's, by which events are emitted.
        drop_older_than: the same, as how long before the resume; workers of older versions do not know it.
    """

    name: str
    drop_before: datetime | None = None
    drop_older_than: timedelta | None = None

    def dropping_before(self, now: datetime) -> datetime | None:
        """The time before which what was emitted is dropped: by both clocks it is older."""
        if self.drop_before is None or self.drop_older_than is None:
            return self.drop_before
        return min(self.drop_before, now - self.drop_older_than)


def check_age(age: timedelta) -> timedelta:
    """The same age beyond which what waits is dropped; raises `InvalidRequestError` when it is not 1 s to 365 days."""
    if not timedelta(seconds=1) <= age <= MAX_TIME:
        raise InvalidRequestError(reason=f"what is dropped is older than 1 second to {MAX_TIME.days} days")
    return age


def check_reason(text: str | None) -> str:
    """A reason as it is kept and shown, on one printable line; ``by hand`` for None.

    Raises:
        InvalidRequestError: nothing of it can be seen, or it is longer than 200 characters.
    """
    if text is None:
        return BY_HAND
    reason = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    if not reason or len(reason) > MAX_REASON_CHARS:
        raise InvalidRequestError(reason=f"the reason of a pause has 1 to {MAX_REASON_CHARS} characters")
    return reason


class Patience(BaseModel):
    """For how many seconds a subscriber may fail without a success, as of a request that was made at ``asked_at``."""

    model_config = ConfigDict(frozen=True)

    asked_at: datetime
    seconds: int


def patience(seconds: int | None, changed_at: datetime, asked_at: datetime) -> Patience | None:
    """The patience with a subscriber.

    Args:
        seconds: of unbroken failure, after which it is paused; None for never.
        changed_at: a subscriber that was changed or resumed since has all of the time again.
        asked_at: when the request was made.
    """
    if seconds is None or asked_at - changed_at < timedelta(seconds=seconds):
        return None
    return Patience(asked_at=asked_at, seconds=seconds)


def check_pause_after(seconds: int) -> int:
    """The same number of seconds of unbroken failure, 1 s to 365 days; raises `InvalidRequestError` otherwise."""
    longest = int(MAX_TIME.total_seconds())
    if not 1 <= seconds <= longest:
        raise InvalidRequestError(reason=f"a subscriber may be paused after 1s to {in_short(longest)} of failure")
    return seconds
