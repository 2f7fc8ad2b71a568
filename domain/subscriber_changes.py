"""How a subscriber changes: by what people ask for, and by what it answers itself."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.message_formats import MessageFormat
from domain.pause_errors import SubscriberDisabledError
from domain.pauses import GONE, Pause, PauseOrder
from domain.retry import make_schedule
from domain.subscribers import SealedSecret, Subscriber
from domain.targets.kinds import WEBHOOK

DEFAULT_OVERLAP = timedelta(hours=24)
MAX_OVERLAP = timedelta(days=30)
MAX_VALID_SECRETS = 5  # during overlapping rotations; the oldest goes first


class SubscriberChange(BaseModel):
    """What `im subscriber update` asks for; None leaves a value as it is.

    Attributes:
        severities: an empty tuple chooses all of them.
        sealed_secret: becomes the current secret; the previous ones stay valid for ``overlap_seconds``.
        drop_secrets: sign no more.
        target: with ``sealed_notify``, and ``url`` to be shown, replaces the notify URL of a target.
        http_client: an empty string drops it, as it does ``rate_limit``; of ``max_concurrency`` 0 does.
        pause_after_seconds: 0 drops it.
        header_names: with ``sealed_headers``, replaces all added headers; an empty tuple drops them.
    """

    name: str
    url: str | None = None
    types: tuple[str, ...] | None = None
    severities: tuple[str, ...] | None = None
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
    pause_after_seconds: int | None = None


def apply_change(subscriber: Subscriber, change: SubscriberChange, now: datetime) -> Subscriber:
    """The subscriber after a change at ``now``; the same object when the change alters nothing.

    Raises:
        InvalidScheduleError: for a schedule or number of attempts out of range.
        InvalidRequestError: for what its kind of target does not have.
    """
    _check_fits_target(subscriber, change)
    fields = ("url", "types", "severities", "enabled", "target", "sealed_notify", "message_format", "keep_order")
    update: dict[str, object] = {field: value for field in fields if (value := getattr(change, field)) is not None}
    if change.schedule_name is not None or change.max_attempts is not None:
        attempts = change.max_attempts
        update["schedule"] = make_schedule(change.schedule_name or subscriber.schedule.name, attempts)
    if change.header_names is not None:
        update |= {"sealed_headers": change.sealed_headers, "header_names": change.header_names}
    for droppable in ("http_client", "max_concurrency", "rate_limit", "pause_after_seconds"):
        if (value := getattr(change, droppable)) is not None:
            update[droppable] = value or None
    if change.drop_secrets:
        update["secrets"] = ()
    elif change.sealed_secret is not None:
        update["secrets"] = _rotated(subscriber.secrets, change, now)
    if change.enabled or change.url is not None:
        update["gone_at"] = None
    if change.enabled is False or (subscriber.gone_at is not None and "gone_at" in update):
        update["paused"] = None
    changed = subscriber.model_copy(update=update)
    if changed == subscriber:
        return subscriber
    return _noted(changed, now, set_at=None)


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


def disable_gone(subscriber: Subscriber, gone: Gone, now: datetime) -> Subscriber:
    """What 410 Gone did before there were pauses: the subscriber disabled; unless it was changed since."""
    if not subscriber.enabled or subscriber.updated_at > gone.asked_at:
        return subscriber
    return _noted(subscriber, now, enabled=False, gone_at=now, set_at=None)


def pause_gone(subscriber: Subscriber, gone: Gone, now: datetime) -> Subscriber:
    """The subscriber after it answered 410 Gone: paused, so that what comes is kept; unless it was changed since."""
    paused = pause_as_ordered(subscriber, PauseOrder(name=gone.name, reason=GONE, asked_at=gone.asked_at), now)
    return paused if paused is subscriber else paused.model_copy(update={"gone_at": now})


def pause_as_ordered(subscriber: Subscriber, order: PauseOrder, now: datetime) -> Subscriber:
    """The subscriber paused; the same object when it is disabled, is paused, or was changed since the order's time."""
    if not subscriber.enabled or subscriber.paused or subscriber.updated_at > order.asked_at:
        return subscriber
    return _noted(subscriber, now, paused=Pause(at=now, reason=order.reason))


def pause(subscriber: Subscriber, reason: str, now: datetime) -> Subscriber:
    """The subscriber paused; the same object, with its first reason, when it is already.

    Raises:
        SubscriberDisabledError: it is disabled.
    """
    if not subscriber.enabled:
        raise SubscriberDisabledError(name=subscriber.name)
    return subscriber if subscriber.paused else _noted(subscriber, now, paused=Pause(at=now, reason=reason))


def resume(subscriber: Subscriber, now: datetime) -> Subscriber:
    """The subscriber without a pause; the same object when it has none."""
    return _noted(subscriber, now, paused=None, gone_at=None) if subscriber.paused else subscriber


def _noted(subscriber: Subscriber, now: datetime, **update: object) -> Subscriber:
    noted = {"set_at": subscriber.settings_at, "updated_at": now, "version": subscriber.version + 1}
    return subscriber.model_copy(update=noted | update)


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
