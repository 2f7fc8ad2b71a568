"""What is sent to a subscriber: a signed webhook, or what its alert target wants, and how the answer is judged."""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx

from activities.exchange import Request
from activities.sealing import Keyring, headers_purpose, notify_purpose, secret_purpose
from domain.addresses import AddressPolicy, check_url
from domain.alarm_messages import message_body
from domain.errors import InvalidUrlError, SealingKeyError
from domain.events import CloudEvent
from domain.headers import delivery_headers, notification_headers
from domain.message_formats import MessageFormat
from domain.outcomes import failure_of_status, status_text
from domain.subscribers import Subscriber
from domain.targets import words
from domain.targets.base import MIN_WAIT_AFTER_429_SECONDS, Bases, Target, Verdict
from domain.targets.catalogue import AppriseTarget, parse_notify
from domain.targets.kinds import DOUBT, WEBHOOK, is_at_most_once

SHORTEST_SECRET = 8  # of a header: shorter values are in every other text by chance
_SCHEMES = ("bearer ", "basic ", "token ")
URLS_KEPT = 4096  # of those requested lately, some 2 KB each


@dataclass(frozen=True)
class Parcel:
    """Requests that together tell one event to one subscriber.

    Attributes:
        requests: made one after the other, each only if the one before was taken.
        judge: what an answer means, by its status and as much of its body as was read.
        secrets: removed from whatever is kept of an answer.
        least_wait_seconds: after a 429, whatever the answer asks for.
        doubt: what to say when a request may have been carried out and must not be made twice; None: it may be.
    """

    requests: Sequence[Request]
    judge: Callable[[int, bytes], Verdict]
    secrets: Sequence[str] = ()
    least_wait_seconds: int = 0
    doubt: str | None = None


@dataclass(frozen=True)
class AppriseParcel:
    """A message that Apprise tells."""

    target: AppriseTarget
    title: str
    body: str


class Parcels:
    """Makes parcels; opens a subscriber's secrets, in memory, for one of them.

    Args:
        keyring: opens them.
        policy: checked on every URL.
        bases: where the services of alert targets are.
    """

    def __init__(self, keyring: Keyring, policy: AddressPolicy, bases: Bases) -> None:
        self._keyring = keyring
        self._policy = policy
        self._bases = bases
        self._checked: set[str] = set()

    def make(
        self, event: CloudEvent, subscriber: Subscriber, at: datetime, marks: Mapping[str, str]
    ) -> Parcel | AppriseParcel:
        """What is sent at that time; to a webhook with headers that are this request's own.

        Raises:
            SealingKeyError: its secrets cannot be opened with the keys at hand.
            InvalidUrlError, InvalidNotifyError, BlockedAddressError: it may not be sent there.
            InvalidNotificationError: the subscriber's message format cannot say it.
        """
        if subscriber.target == WEBHOOK:
            return self._webhook(event, subscriber, at, marks)
        if subscriber.sealed_notify is None:
            raise SealingKeyError(reason=f"{subscriber.name} has no notify URL")
        target = parse_notify(self._keyring.open(subscriber.sealed_notify, notify_purpose(subscriber.name)))
        if isinstance(target, AppriseTarget):
            return AppriseParcel(target, words.title_of(event), words.body_of(event))
        return self._alert(event, target)

    def _webhook(self, event: CloudEvent, subscriber: Subscriber, at: datetime, marks: Mapping[str, str]) -> Parcel:
        purpose = secret_purpose(subscriber.name)
        secrets = [self._keyring.open(sealed, purpose) for sealed in subscriber.valid_secrets(at)]
        headers, body = _message(event, subscriber.message_format, secrets, int(at.timestamp()))
        added: dict[str, str] = {}
        if subscriber.sealed_headers:
            added = json.loads(self._keyring.open(subscriber.sealed_headers, headers_purpose(subscriber.name)))
        request = self._request(subscriber.url, {**headers, **marks, **added}, body)
        return Parcel([request], _judge_webhook, secrets=list(_telling(added.values())))

    def _alert(self, event: CloudEvent, target: Target) -> Parcel:
        calls = target.calls(event, self._bases)
        return Parcel(
            [self._request(call.url, call.headers, call.body) for call in calls],
            target.judge,
            secrets=target.secrets,
            least_wait_seconds=MIN_WAIT_AFTER_429_SECONDS,
            doubt=DOUBT if is_at_most_once(target.kind) else None,
        )

    def _request(self, url: str, headers: dict[str, str], content: bytes) -> Request:
        self._check(url)
        return Request("POST", url, headers, content)

    def _check(self, url: str) -> None:
        """The policy allows the URL; that is remembered, because reading one costs a tenth of a request."""
        if url not in self._checked:
            check_url(url, self._policy)
            try:
                httpx.URL(url)
            except (httpx.InvalidURL, UnicodeError):
                raise InvalidUrlError(reason="it is not a URL that can be requested") from None
            if len(self._checked) >= URLS_KEPT:
                self._checked.clear()
            self._checked.add(url)


def _message(
    event: CloudEvent, message_format: MessageFormat, secrets: Sequence[str], timestamp: int
) -> tuple[dict[str, str], bytes]:
    """The headers and the body that tell an event in a format."""
    if message_format is MessageFormat.CLOUDEVENTS:
        return delivery_headers(event, secrets, timestamp), event.body
    body = message_body(message_format, event)
    return notification_headers(event, body, secrets, timestamp), body


def _telling(values: Iterable[str]) -> Iterator[str]:
    """What must not be kept of added headers, should a receiver repeat it: the values, and credentials in them."""
    for value in values:
        bare = value.partition(" ")[2] if value.lower().startswith(_SCHEMES) else value
        yield from (told for told in {value, bare} if len(told) >= SHORTEST_SECRET)


def _judge_webhook(status: int, _body: bytes) -> Verdict:
    failure = failure_of_status(status)
    return Verdict(failure, status_text(status) if failure else None)
