"""The kinds of targets, and what the platform knows of each without opening a notify URL."""

from collections.abc import Mapping

from domain import event_types
from domain.patterns import ALL

WEBHOOK = "webhook"
PAGERDUTY = "pagerduty"
PUSHOVER = "pushover"
TWILIO = "twilio"
APPRISE = "apprise"

# PagerDuty has trigger, acknowledge and resolve, and nothing to say for a mitigation or a note.
PAGERDUTY_TYPES = (
    event_types.INCIDENT_DECLARED,
    event_types.INCIDENT_ACKNOWLEDGED,
    event_types.INCIDENT_RESOLVED,
    event_types.INCIDENT_CLOSED,
)
_BEGIN_AND_END = (event_types.INCIDENT_DECLARED, event_types.INCIDENT_RESOLVED)

_SAYABLE: Mapping[str, tuple[str, ...]] = {PAGERDUTY: PAGERDUTY_TYPES}
_AT_MOST_ONCE = frozenset({TWILIO})

DOUBT = (
    "the message may have been sent or the call placed; not tried again, because Twilio has no idempotency key. "
    "If nobody was told, send the event again: im event resend"
)


def can_say(kind: str, event_type: str) -> bool:
    """Whether a kind of target has a way to say an event of that type."""
    return kind not in _SAYABLE or event_type in _SAYABLE[kind]


def sayable_types(kind: str) -> tuple[str, ...] | None:
    """The event types that a kind of target can say; None for any."""
    return _SAYABLE.get(kind)


def default_types(kind: str) -> tuple[str, ...]:
    """The event type patterns of a subscriber that was added without any."""
    if kind == WEBHOOK:
        return (ALL,)
    return _SAYABLE.get(kind, _BEGIN_AND_END)


def is_at_most_once(kind: str) -> bool:
    """Whether a request of unknown outcome must not be made again, because it might call somebody twice."""
    return kind in _AT_MOST_ONCE


def one_place(prefix: str = "") -> str:
    """That one of both says where a subscriber is told; ``--`` is before the names where they are options."""
    return (
        f"give one of both: {prefix}url (or {prefix}hostname) for a webhook, which is a program that is posted the "
        f"events; or {prefix}notify for an alert target, which is a service that pages people, such as pagerduty://KEY"
    )
