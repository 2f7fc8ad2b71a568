"""Subscribers: what the directory stores about each. How a change is applied: `domain.subscriber_changes`.

Secrets and header values are sealed strings here; they are opened only by the process that delivers.
"""

import re
from datetime import datetime

from pydantic import BaseModel, ConfigDict

from domain import message_formats
from domain.errors import InvalidNameError
from domain.event_types import SUBSCRIBER_TEST
from domain.limits import Limits
from domain.message_formats import MessageFormat
from domain.operational import asks_for
from domain.patterns import ALL
from domain.pauses import Pause
from domain.retry import RetrySchedule
from domain.severities import admits
from domain.targets.kinds import WEBHOOK, can_say

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
        severities: of the events that state one, only these; see `domain.severities`. None chosen: all.
        secrets: newest first.
        sealed_headers: sealed JSON object of the added request headers; None for none.
        header_names: their names, which are not secret.
        message_format: of a webhook.
        http_client: name of the HTTP client that a webhook is posted with; None for the plain one.
        keep_order: it asked for its events in order; see `ordered`.
        max_concurrency: with ``rate_limit``, see `limits`.
        gone_at: when it answered 410 Gone, which paused it (before there were pauses: disabled it); resuming it,
            enabling it or changing its URL clears this.
        paused: its events wait, since when and why; None when they do not. A disabled one is never paused.
        pause_after_seconds: of unbroken failure, after which it is paused; None for never.
        version: counts the changes of this subscriber, from 1.
        set_at: when its settings were last changed, which pausing and resuming it does not; None for ``updated_at``.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    url: str
    target: str = WEBHOOK
    sealed_notify: str | None = None
    types: tuple[str, ...] = (ALL,)
    severities: tuple[str, ...] = ()
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
    pause_after_seconds: int | None = None
    version: int = 1
    created_at: datetime
    updated_at: datetime
    set_at: datetime | None = None

    @property
    def settings_at(self) -> datetime:
        """Since when its settings are what they are."""
        return self.set_at or self.updated_at

    def wants(self, event_type: str, severity: str | None) -> bool:
        """Whether an event of that type, and of the severity that it states, is delivered to it now.

        A test is only for whom it names: see `matching`.
        """
        if not self.enabled or event_type == SUBSCRIBER_TEST or not admits(self.severities, severity):
            return False
        sayable = can_say(self.target, event_type) and message_formats.can_say(self.message_format, event_type)
        return sayable and asks_for(self.types, event_type)

    @property
    def ordered(self) -> bool:
        """Whether it is told of an incident's (or an alarm's) events one after the other.

        Always so for alert targets, where a trigger must not land after its resolve, and for alarm notifications.
        """
        return self.keep_order or self.target != WEBHOOK or self.message_format is not MessageFormat.CLOUDEVENTS

    def pause_for(self, event_type: str) -> Pause | None:
        """The pause whose end an event waits for; a test waits for none."""
        return None if event_type == SUBSCRIBER_TEST else self.paused

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
    severities: tuple[str, ...] = ()
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
    pause_after_seconds: int | None = None


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
