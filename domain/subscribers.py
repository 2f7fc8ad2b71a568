"""Subscribers: what the directory stores about each, and how a change is applied.

Secrets and header values are sealed strings here; they are opened only by the process that delivers.
"""

import re
from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict

from domain import message_formats
from domain.errors import InvalidNameError, InvalidRequestError
from domain.event_types import SUBSCRIBER_TEST
from domain.limits import Limits
from domain.message_formats import MessageFormat
from domain.patterns import ALL, matches_any
from domain.pauses import Pause
from domain.retry import RetrySchedule, make_schedule
from domain.targets.kinds import WEBHOOK, can_say

DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)
MAX_VALID_SECRETS = 5  # during overlapping rotations; the oldest goes first

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")
_RESERVED = frozenset({"health", "match"})  # paths under /api/v1/subscribers/


class SealedSecret(BaseModel):
    """A signing secret, sealed, and the moment it stops being used (None: it is the current one)."""

    model_config = ConfigDict(frozen=True)

    sealed: str
    expires_at: datetime | None = None


class Subscriber(BaseModel):
    """One subscriber as the directory holds it.

    Attributes:
        name: unique; 1 to 63 letters, digits, dots, dashes, underscores.
        url: where a webhook is posted; of any other target all that may be shown, such as ``pagerduty://…``.
        target: ``webhook``, or a kind of `domain.targets.kinds`.
        sealed_notify: the sealed notify URL of such a target; None for a webhook.
        types: event type patterns; any one of them suffices.
        secrets: newest first.
        sealed_headers: sealed JSON object of the added request headers; None for none.
        header_names: their names, which are not secret.
        message_format: of a webhook.
        http_client: name of the HTTP client that a webhook is posted with; None for the plain one.
        keep_order: it asked for its events in order; see `ordered`.
        max_concurrency: with ``rate_limit``, see `limits`.
        gone_at: when it answered 410 Gone, which disabled it; enabling it or changing its URL clears this.
        version: counts the changes of this subscriber, from 1.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    target: str = WEBHOOK
    sealed_notify: str | None = None
    types: tuple[str, ...] = (ALL,)
    enabled: bool = True
    secrets: tuple[SealedSecret, ...] = ()
    sealed_headers: str | None = None
    header_names: tuple[str, ...] = ()
    schedule: RetrySchedule = RetrySchedule()
    message_format: MessageFormat = MessageFormat.CLOUDEVENTS
    http_client: str | None = None
    keep_order: bool = False
    max_concurrency: int | None = None
    rate_limit: str | None = None
    gone_at: datetime | None = None
    paused: Pause | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime

    def wants(self, event_type: str) -> bool:
        """Whether an event of that type is delivered to it now. A test is only for whom it names: see `matching`."""
        if not self.enabled or event_type == SUBSCRIBER_TEST:
            return False
        sayable = can_say(self.target, event_type) and message_formats.can_say(self.message_format, event_type)
        return sayable and matches_any(self.types, event_type)

    @property
    def ordered(self) -> bool:
        """Whether it is told of an incident's (or an alarm's) events one after the other.

        Always so for alert targets, where a trigger must not land after its resolve, and for alarm notifications.
        """
        return self.keep_order or self.target != WEBHOOK or self.message_format is not MessageFormat.CLOUDEVENTS

    @property
    def limited(self) -> bool:
        """Whether there is a limit on requests to it."""
        return self.max_concurrency is not None or self.rate_limit is not None

    @property
    def limits(self) -> Limits:
        """How much it may be asked at once, and how often."""
        return Limits(self.max_concurrency, self.rate_limit)

    def valid_secrets(self, now: datetime) -> list[str]:
        """The sealed secrets to sign with at that time, newest first."""
        return [secret.sealed for secret in self.signing(now)]

    def signing(self, now: datetime) -> tuple[SealedSecret, ...]:
        """The secrets whose overlap, if there is one, has not ended at that time; newest first."""
        return tuple(secret for secret in self.secrets if secret.expires_at is None or secret.expires_at > now)


class NewSubscriber(BaseModel):
    """What `im subscriber add` asks the directory for; already checked and sealed by the gateway."""

    name: str
    url: str
    target: str = WEBHOOK
    sealed_notify: str | None = None
    types: tuple[str, ...] = (ALL,)
    enabled: bool = True
    sealed_secret: str | None = None
    sealed_headers: str | None = None
    header_names: tuple[str, ...] = ()
    schedule: RetrySchedule = RetrySchedule()
    message_format: MessageFormat = MessageFormat.CLOUDEVENTS
    http_client: str | None = None
    keep_order: bool = False
    max_concurrency: int | None = None
    rate_limit: str | None = None


class SubscriberChange(BaseModel):
    """What `im subscriber update` asks for; None leaves a value as it is.

    Attributes:
        sealed_secret: becomes the current secret; the previous ones stay valid for ``overlap_seconds``.
        drop_secrets: sign no more.
        target: with ``sealed_notify``, and ``url`` to be shown, replaces the notify URL of a target.
        http_client: an empty string drops it, as it does ``rate_limit``; of ``max_concurrency`` 0 does.
        header_names: with ``sealed_headers``, replaces all added headers; an empty tuple drops them.
    """

    name: str
    url: str | None = None
    types: tuple[str, ...] | None = None
    enabled: bool | None = None
    sealed_secret: str | None = None
    drop_secrets: bool = False
    overlap_seconds: int = int(DEFAULT_OVERLAP.total_seconds())
    sealed_headers: str | None = None
    header_names: tuple[str, ...] | None = None
    schedule_name: str | None = None
    max_attempts: int | None = None
    target: str | None = None
    sealed_notify: str | None = None
    message_format: MessageFormat | None = None
    http_client: str | None = None
    keep_order: bool | None = None
    max_concurrency: int | None = None
    rate_limit: str | None = None


def check_name(name: str) -> str:
    """The same name, if a subscriber may have it; raises `InvalidNameError` otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidNameError(name=name[:64], reason="it is empty, too long, or has other characters")
    if name.lower() in _RESERVED:
        raise InvalidNameError(name=name, reason="it is reserved")
    return name


def new_subscriber(new: NewSubscriber, now: datetime) -> Subscriber:
    """The subscriber as it is stored when added at ``now``."""
    return Subscriber(
        **new.model_dump(exclude={"sealed_secret", "schedule"}),
        schedule=new.schedule,
        secrets=(SealedSecret(sealed=new.sealed_secret),) if new.sealed_secret else (),
        created_at=now,
        updated_at=now,
    )


def apply_change(subscriber: Subscriber, change: SubscriberChange, now: datetime) -> Subscriber:
    """The subscriber after a change at ``now``; the same object when the change alters nothing.

    Raises:
        InvalidScheduleError: for a schedule or number of attempts out of range.
        InvalidRequestError: for what its kind of target does not have.
    """
    _check_fits_target(subscriber, change)
    fields = ("url", "types", "enabled", "target", "sealed_notify", "message_format", "keep_order")
    update: dict[str, object] = {field: value for field in fields if (value := getattr(change, field)) is not None}
    if change.schedule_name is not None or change.max_attempts is not None:
        attempts = change.max_attempts
        update["schedule"] = make_schedule(change.schedule_name or subscriber.schedule.name, attempts)
    if change.header_names is not None:
        update |= {"sealed_headers": change.sealed_headers, "header_names": change.header_names}
    for droppable in ("http_client", "max_concurrency", "rate_limit"):
        if (value := getattr(change, droppable)) is not None:
            update[droppable] = value or None
    if change.drop_secrets:
        update["secrets"] = ()
    elif change.sealed_secret is not None:
        update["secrets"] = _rotated(subscriber.secrets, change, now)
    if change.enabled or change.url is not None:
        update["gone_at"] = None
    changed = subscriber.model_copy(update=update)
    if changed == subscriber:
        return subscriber
    return changed.model_copy(update={"version": subscriber.version + 1, "updated_at": now})


def _check_fits_target(subscriber: Subscriber, change: SubscriberChange) -> None:
    """A webhook stays a webhook, and only a webhook has a URL of its own, a secret and headers."""
    name = subscriber.name
    other = f"add another subscriber, and remove this one: im subscriber remove {name}"
    if subscriber.target == WEBHOOK:
        if change.target is not None:
            raise InvalidRequestError(reason=f"{name} is a webhook and stays one; for an alert target {other}")
        return
    if change.url is not None and change.target is None:
        raise InvalidRequestError(reason=f"{name} has a notify URL; replace it with --notify. For a webhook {other}")
    if change.sealed_secret is not None or change.drop_secrets or change.header_names is not None:
        raise InvalidRequestError(reason=f"{name} is no webhook: it has no signing secret and no added headers")
    if change.http_client or change.message_format is not None:
        raise InvalidRequestError(reason=f"{name} is no webhook: it has no HTTP client and no message format")


class Gone(BaseModel):
    """Tells the directory that a subscriber answered 410 Gone to a request begun at ``asked_at``."""

    name: str
    asked_at: datetime


def mark_gone(subscriber: Subscriber, gone: Gone, now: datetime) -> Subscriber:
    """The subscriber after it answered 410 Gone: disabled, and saying why; unless it was changed since."""
    if not subscriber.enabled or subscriber.updated_at > gone.asked_at:
        return subscriber
    update = {"enabled": False, "gone_at": now, "updated_at": now, "version": subscriber.version + 1}
    return subscriber.model_copy(update=update)


def _rotated(secrets: tuple[SealedSecret, ...], change: SubscriberChange, now: datetime) -> tuple[SealedSecret, ...]:
    ends = now + timedelta(seconds=change.overlap_seconds)
    previous = (
        secret.model_copy(update={"expires_at": min(secret.expires_at or ends, ends)})
        for secret in secrets
        if secret.expires_at is None or secret.expires_at > now
    )
    current = SealedSecret(sealed=change.sealed_secret or "")
    kept = [secret for secret in previous if secret.expires_at and secret.expires_at > now]
    return (current, *kept)[:MAX_VALID_SECRETS]
