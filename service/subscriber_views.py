"""What people and programs may see of subscribers."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType

from pydantic import BaseModel

from domain import message_formats
from domain.drains import Owed
from domain.event_types import KNOWN_TYPES
from domain.health import Health
from domain.http_clients import HttpClient
from domain.incidents import EVENT_TYPES as INCIDENT_TYPES
from domain.message_formats import ALARM_TYPES, MessageFormat
from domain.patterns import matches_any
from domain.pauses import Pause
from domain.subscribers import Subscriber
from domain.targets import kinds
from domain.targets.kinds import WEBHOOK
from domain.web_service import parts_of

_AT = "%Y-%m-%d %H:%M:%S"


class SubscriberView(BaseModel):
    """A subscriber as people and programs may see it: no secret, and of added headers only the names.

    Attributes:
        url: of an alert target only its scheme, as in ``pagerduty://…``.
        target: ``webhook``, ``pagerduty``, ``pushover``, ``twilio`` or ``apprise``.
        hostname: of a webhook; with ``port`` and ``context`` (the path) the parts of its URL.
        severities: of events that state one, only these; none for all.
        ordered: told of an incident's (or an alarm's) events one after the other.
        max_concurrency: requests at once, over all processes together.
        rate_limit: requests in a time, likewise, such as ``10/s``.
        paused: its events wait, since when and why.
        pause_after_seconds: of unbroken failure, after which it is paused; null for never.
        certificate_expires_at: the client certificate of its HTTP client.
    """

    name: str
    url: str
    hostname: str | None = None
    port: int | None = None
    context: str | None = None
    target: str = WEBHOOK
    types: list[str]
    severities: list[str] = []
    enabled: bool
    signed: bool
    rotating_until: datetime | None = None
    header_names: list[str] = []
    schedule: str
    max_attempts: int
    message_format: MessageFormat = MessageFormat.CLOUDEVENTS
    http_client: str | None = None
    certificate_expires_at: datetime | None = None
    ordered: bool = False
    max_concurrency: int | None = None
    rate_limit: str | None = None
    pause_after_seconds: int | None = None
    gone_at: datetime | None = None
    paused: Pause | None = None
    created_at: datetime
    updated_at: datetime


class SubscriberDetail(SubscriberView):
    """A subscriber's configuration, and its health: with what waits, and since when and why it is paused."""

    health: Health


class Changed(BaseModel):
    """The result of adding or changing a subscriber.

    Attributes:
        warnings: about patterns that match no known type, about what is not delivered any more, and the like.
        secret: the generated secret, shown this once; None when none was generated.
        whsec: the form of the given secret that Standard Webhooks libraries take, shown this once.
    """

    subscriber: SubscriberView
    warnings: list[str] = []
    secret: str | None = None
    whsec: str | None = None


class Removed(SubscriberView):
    """The result of removing a subscriber: as it was, and what it is not told any more.

    Attributes:
        owed: counted a second before.
    """

    owed: Owed = Owed()


class Resumed(BaseModel):
    """The result of resuming a subscriber.

    Attributes:
        waiting: deliveries that waited for it, a second ago; they are sent now, the oldest first.
        retrying: deliveries under way, likewise: most of them wait for a retry, and go on by their own schedule.
    """

    subscriber: SubscriberView
    waiting: int = 0
    retrying: int = 0


def unsayable(subscriber: Subscriber) -> list[str]:
    """A warning when none of the event types that a subscriber can be told of matches its patterns."""
    for said_by, known in (
        (subscriber.target, kinds.sayable_types(subscriber.target)),
        (f"the format {subscriber.message_format}", message_formats.sayable_types(subscriber.message_format)),
    ):
        if known is not None and not any(matches_any(subscriber.types, each) for each in known):
            return [f"{said_by} can say {', '.join(known)} alone, and the patterns match none of them"]
    return []


def unchosen(subscriber: Subscriber) -> list[str]:
    """A warning when severities are chosen among events of `im` that state none, or alarms among them."""
    if not subscriber.severities:
        return []
    if any(matches_any(subscriber.types, each) for each in INCIDENT_TYPES.values()):
        said = kinds.sayable_types(subscriber.target) or ALARM_TYPES
        if not any(matches_any(subscriber.types, each) and each in said for each in ALARM_TYPES):
            return []
        told = "the patterns match alarms too, and alarms of every severity are told: severities choose incidents"
        return [f"{told}. For incidents alone: --types 'im.incident.**'"]
    if not any(matches_any(subscriber.types, each) for each in KNOWN_TYPES):
        return []  # events of one's own, which may state one
    told = (
        "severities choose among the events of incidents, which the patterns do not match; alarms and whatever else im"
    )
    return [f"{told} tells state none of them, and are all told. For incidents: --types 'im.incident.**'"]


def unknown(subscriber: Subscriber, severities: Sequence[str] | None) -> list[str]:
    """A warning where what was chosen is not what was kept: the worker that answered is older than the choice."""
    if severities is None or tuple(severities) == subscriber.severities:
        return []
    told = f"the worker that answered is of an older version and knows no severities: {subscriber.name} is told of all"
    return [f"{told}. Upgrade every im serve and im worker, and then choose again"]


def unsigned(subscriber: SubscriberView, sign: str) -> list[str]:
    """A warning for a webhook whose requests are not signed; ``sign`` is how to have them signed."""
    if subscriber.target != WEBHOOK or subscriber.signed:
        return []
    return [f"its requests are not signed, so the receiver cannot tell them from forged ones; to sign them: {sign}"]


def cut_short(before: SubscriberView, after: SubscriberView) -> list[str]:
    """A warning where a rotation ends the overlap of an earlier one before its time."""
    was, now = before.rotating_until, after.rotating_until
    if was is None or (now is not None and now >= was):
        return []
    ends = f"signs until {now:{_AT}} UTC only" if now else "signs no more"
    return [f"the overlap is shorter than an earlier one: a secret that was to sign until {was:{_AT}} UTC {ends}"]


def left_open(subscriber: Subscriber) -> list[str]:
    """A warning for an alert target that is not told the end any more of what it may have been told the begin of."""
    if subscriber.target == WEBHOOK:
        return []
    return [f"what {subscriber.name} was told of before, of other severities, stays open there: it is not told its end"]


def pause_ended(name: str, pause: Pause) -> str:
    """That a pause ends with the disabling of its subscriber: enabled again, it is told at once."""
    return f"{_no_more(name, pause)}; once it is enabled, it is told of what comes then"


def released(before: SubscriberView, after: SubscriberView) -> list[str]:
    """That a pause ends by another change than a resume, as a new URL ends that of a 410; what waited is sent."""
    if before.paused is None or after.paused is not None or not after.enabled:
        return []
    return [f"{_no_more(before.name, before.paused)}; what waits is being sent"]


def _no_more(name: str, pause: Pause) -> str:
    return f"{name} is not paused any more (it was since {pause.at:%Y-%m-%d %H:%M} UTC: {pause.reason})"


def given_up(name: str, owed: Owed, *, removed: bool = False) -> list[str]:
    """What becomes of what a subscriber is still owed, once it is disabled or removed; a sentence each."""
    again = f"{replay(name)} --to ANOTHER, or add it anew first" if removed else f"enable it, and then {replay(name)}"
    told = []
    if owed.waiting:
        told.append(
            f"{name} is not told of {_events(owed.waiting)} that waited, cancelled by this; to send after all: {again}"
        )
    if owed.retrying:
        unless = "" if removed else ", unless it is enabled again before"
        told.append(
            f"{name} has {_events(owed.retrying)} under way or to be retried, cancelled when the next request is "
            f"due{unless}"
        )
    return told


def replay(name: str) -> str:
    """The command that sends what a subscriber was not told of."""
    return f"im replay --subscriber {name} --undelivered"


def _events(count: int) -> str:
    return f"{count} event" + ("" if count == 1 else "s")


def view(subscriber: Subscriber, http_clients: Mapping[str, HttpClient] = MappingProxyType({})) -> SubscriberView:
    """What may be shown of a subscriber, and of the certificate that it is shown."""
    place = parts_of(subscriber.url) if subscriber.target == WEBHOOK else None
    client = http_clients.get(subscriber.http_client or "")
    now = datetime.now(UTC)
    ends = [secret.expires_at for secret in subscriber.secrets if secret.expires_at and secret.expires_at > now]
    return SubscriberView(
        name=subscriber.name,
        url=subscriber.url,
        hostname=place.hostname if place else None,
        port=place.port if place else None,
        context=place.context if place else None,
        target=subscriber.target,
        types=list(subscriber.types),
        severities=list(subscriber.severities),
        enabled=subscriber.enabled,
        signed=bool(subscriber.secrets),
        rotating_until=max(ends, default=None),
        header_names=list(subscriber.header_names),
        schedule=subscriber.schedule.name,
        max_attempts=subscriber.schedule.max_attempts,
        message_format=subscriber.message_format,
        http_client=subscriber.http_client,
        certificate_expires_at=client.certificate.facts.not_after if client and client.certificate else None,
        ordered=subscriber.ordered,
        max_concurrency=subscriber.max_concurrency,
        rate_limit=subscriber.rate_limit,
        pause_after_seconds=subscriber.pause_after_seconds,
        gone_at=subscriber.gone_at,
        paused=subscriber.paused,
        created_at=subscriber.created_at,
        updated_at=subscriber.updated_at,
    )
