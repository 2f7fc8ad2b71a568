"""What somebody asks of a subscriber, checked and sealed: drafts for the directory, which decides."""

import asyncio
import json
import secrets
from collections.abc import Mapping
from datetime import timedelta
from typing import NamedTuple

from activities.apprise_library import check_apprise
from activities.sealing import Keyring, headers_purpose, notify_purpose, secret_purpose
from domain import message_formats
from domain.addresses import AddressPolicy, check_url
from domain.errors import InvalidRequestError
from domain.headers import check_headers
from domain.limits import check_concurrency, check_rate
from domain.message_formats import MessageFormat
from domain.naming import given_as
from domain.patterns import check_patterns
from domain.pauses import check_pause_after
from domain.retry import check_waits_used, make_schedule
from domain.severities import check_severities
from domain.signing import check_secret, make_secret
from domain.subscriber_changes import DEFAULT_OVERLAP, MAX_OVERLAP, SubscriberChange
from domain.subscribers import NewSubscriber, check_name
from domain.targets import kinds
from domain.targets.catalogue import AppriseTarget, parse_notify, redacted
from domain.targets.kinds import WEBHOOK, one_place
from domain.web_service import settled_url
from service.subscriber_options import ChangeOptions, SubscriberOptions

_URL_PARTS = ("hostname", "port", "context")


class _Place(NamedTuple):
    url: str
    target: str = WEBHOOK
    sealed_notify: str | None = None


class Drafts:
    """Makes drafts; all methods raise the errors of `domain.errors` alone.

    Args:
        keyring: seals.
        policy: checked on every URL.
    """

    def __init__(self, keyring: Keyring, policy: AddressPolicy) -> None:
        self._keyring = keyring
        self._policy = policy

    async def new(self, name: str, url: str | None, options: SubscriberOptions) -> NewSubscriber:
        """A subscriber to add; ``options["secret"]`` was settled before."""
        notify, headers, secret = options.get("notify"), options.get("headers"), options.get("secret")
        url = _settled_url(url, options)
        if (url is None) == (notify is None):
            raise InvalidRequestError(reason=one_place())
        check_name(name)
        place = await self._place(name, url, options)
        if notify is not None and (secret or headers):
            raise InvalidRequestError(reason="a notify URL has its own keys: leave out secrets and headers")
        message_format, http_client = options.get("message_format"), options.get("http_client")
        if notify is not None and (message_format is not None or http_client):
            raise InvalidRequestError(reason="message formats and HTTP clients are for webhooks: leave them out")
        message_format = message_format or MessageFormat.CLOUDEVENTS
        types, schedule = options.get("types"), options.get("schedule")
        by_format = message_formats.sayable_types(message_format)
        return NewSubscriber(
            **place._asdict(),
            name=name,
            types=check_patterns((by_format or kinds.default_types(place.target)) if types is None else types),
            severities=check_severities(options.get("severities") or ()),
            enabled=options.get("enabled") is not False,
            sealed_secret=self._sealed_secret(name, secret),
            sealed_headers=self._sealed_headers(name, headers),
            header_names=tuple(headers or ()),
            schedule=make_schedule(schedule or _schedule_of(notify, message_format), options.get("max_attempts")),
            message_format=message_format,
            http_client=http_client or None,
            keep_order=bool(options.get("ordered")),
            max_concurrency=_concurrency(options) or None,
            rate_limit=_rate(options) or None,
            pause_after_seconds=_pause_after(options) or None,
        )

    async def change(self, name: str, options: ChangeOptions, current_url: str | None = None) -> SubscriberChange:
        """A change of a subscriber; ``options["secret"]`` was settled before.

        Args:
            name: of the subscriber.
            options: what to change.
            current_url: of a webhook, whose parts stay as far as none are given.
        """
        url = _settled_url(options.get("url"), options, current_url)
        notify, secret = options.get("notify"), options.get("secret")
        overlap = options.get("overlap", DEFAULT_OVERLAP)
        if not timedelta() <= overlap <= MAX_OVERLAP:
            raise InvalidRequestError(reason=f"the overlap must be 0 to {MAX_OVERLAP.days} days")
        if url is not None and notify is not None:
            raise InvalidRequestError(reason=one_place())
        if options.get("drop_secret") and secret:
            raise InvalidRequestError(reason="give a new secret or drop the secret, not both")
        types, headers = options.get("types"), options.get("headers")
        schedule, max_attempts = options.get("schedule"), options.get("max_attempts")
        if schedule is not None or max_attempts is not None:
            make_schedule(schedule or "default", max_attempts)
        place = None if url is None and notify is None else await self._place(name, url, options)
        return SubscriberChange(
            name=name,
            url=place.url if place else None,
            target=place.target if place and notify is not None else None,
            sealed_notify=place.sealed_notify if place else None,
            types=check_patterns(types) if types is not None else None,
            severities=None if (chosen := options.get("severities")) is None else check_severities(chosen),
            enabled=options.get("enabled"),
            sealed_secret=self._sealed_secret(name, secret),
            drop_secrets=bool(options.get("drop_secret")),
            overlap_seconds=int(overlap.total_seconds()),
            sealed_headers=self._sealed_headers(name, headers),
            header_names=tuple(headers) if headers is not None else None,
            schedule_name=schedule,
            max_attempts=max_attempts,
            message_format=options.get("message_format"),
            http_client=options.get("http_client"),
            keep_order=options.get("ordered"),
            max_concurrency=_concurrency(options),
            rate_limit=_rate(options),
            pause_after_seconds=_pause_after(options),
        )

    async def _place(self, name: str, url: str | None, options: SubscriberOptions) -> _Place:
        """Where a subscriber is told, checked; a notify URL sealed, and of it only the scheme to be shown."""
        notify = options.get("notify")
        if notify is None:
            with given_as(_url_part(options)):
                return _Place(url=check_url(url or "", self._policy))
        target = parse_notify(notify)
        if isinstance(target, AppriseTarget):
            await asyncio.to_thread(check_apprise, target, self._policy)
        sealed = self._keyring.seal(notify, notify_purpose(name))
        return _Place(url=redacted(notify), target=target.kind, sealed_notify=sealed)

    def _sealed_secret(self, name: str, secret: str | None) -> str | None:
        return None if secret is None else self._keyring.seal(secret, secret_purpose(name))

    def _sealed_headers(self, name: str, headers: Mapping[str, str] | None) -> str | None:
        if not headers:
            return None
        return self._keyring.seal(json.dumps(check_headers(headers)), headers_purpose(name))


def _settled_url(url: str | None, options: SubscriberOptions, current: str | None = None) -> str | None:
    with given_as(_url_part(options)):
        return settled_url(url, options.get("hostname"), options.get("port"), options.get("context"), current)


def _url_part(options: SubscriberOptions) -> str:
    """What a URL is refused as: as whole as it was given."""
    return next((part for part in _URL_PARTS if options.get(part) is not None), "url")


def _concurrency(options: SubscriberOptions) -> int | None:
    number = options.get("max_concurrency")
    return check_concurrency(number) if number else number


def _rate(options: SubscriberOptions) -> str | None:
    rate = options.get("rate_limit")
    return check_rate(rate) if rate else rate


def _pause_after(options: SubscriberOptions) -> int | None:
    seconds = options.get("pause_after_seconds")
    return check_pause_after(seconds) if seconds else seconds


def gives_parts(options: SubscriberOptions) -> bool:
    """Whether parts of a URL are given, so that the URL at hand must be known."""
    return any(options.get(part) is not None for part in _URL_PARTS)


def gives_secrets(options: SubscriberOptions) -> bool:
    """Whether anything is to be sealed; the secret was settled before."""
    return any(options.get(each) for each in ("secret", "headers", "notify"))


def _schedule_of(notify: str | None, message_format: MessageFormat) -> str:
    """By default: a page, or the end of an alarm, is not followed by another message that makes up for it."""
    return "default" if notify is None and message_format is MessageFormat.CLOUDEVENTS else "pager"


def check_together(options: SubscriberOptions) -> None:
    """Raise an error for options that contradict each other when they are given at once."""
    check_waits_used(options.get("schedule"), options.get("max_attempts"))


def settled_secret(options: SubscriberOptions) -> str | None:
    """The one secret that was given or is to be generated; None for none."""
    secret = options.get("secret")
    if secret is not None and options.get("generate_secret"):
        raise InvalidRequestError(reason="give a secret or have one generated, not both")
    if options.get("generate_secret"):
        return make_secret(secrets.token_bytes(32))
    return None if secret is None else check_secret(secret)
