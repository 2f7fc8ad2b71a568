"""What every target has in common: the calls it wants made, and the verdict on what came back."""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, Protocol
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict

from domain.events import CloudEvent
from domain.outcomes import Failure, failure_of_status, status_text

MIN_WAIT_AFTER_429_SECONDS = 60  # PagerDuty asks for "minutes"; nobody who limits rates minds a minute
REDACTED = "…"
FORM = "application/x-www-form-urlencoded"


class Bases(BaseModel):
    """Where the services are; settings, so that a proxy or a test's receiver can stand in for them."""

    model_config = ConfigDict(frozen=True)

    pagerduty: str = "https://events.pagerduty.com"
    pushover: str = "https://api.pushover.net"
    twilio: str = "https://api.twilio.com"


@dataclass(frozen=True)
class Call:
    """One request to be made with POST. Its parts hold keys, so none of them is in its repr."""

    url: str = field(repr=False)
    headers: dict[str, str] = field(repr=False)
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class Verdict:
    """What an answer means; ``failure`` is None when the service took the message."""

    failure: Failure | None = None
    error: str | None = None


class Target(Protocol):
    """A service, set up by a notify URL.

    Attributes:
        kind: as `domain.targets.kinds` has it.
    """

    kind: ClassVar[str]

    @property
    def secrets(self) -> Sequence[str]:
        """What must not be shown of the URL, wherever the service repeats it; empty strings are passed over."""
        ...

    def calls(self, event: CloudEvent, bases: Bases) -> list[Call]:
        """The requests that tell the event, in order; more than one only for a test."""
        ...

    def judge(self, status: int, body: bytes) -> Verdict:
        """What an answer means; a body that could not be read to its end is given as far as it came."""
        ...


def verdict_of(status: int, accepted: frozenset[int], reason: str) -> Verdict:
    """The verdict on a status alone, with the service's own reason for a refusal.

    Args:
        status: the one that was received.
        accepted: those by which the service says that it took the message.
        reason: the service's words, or an empty string.
    """
    if status in accepted:
        return Verdict()
    said = f"{status_text(status)}: {reason}" if reason else status_text(status)
    failure = failure_of_status(status)
    if failure is None:  # something else answers there: to call that delivered would lose pages in silence
        return Verdict(Failure.INVALID_RESPONSE, f"{said}, which the service does not answer; check its IM_..._URL")
    return Verdict(failure, said)


def json_object(body: bytes) -> dict[str, object]:
    """The body as a JSON object; an empty one for anything else."""
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def listed(value: object) -> str:
    """A list of texts as a service gives its reasons, in one line; an empty string for anything else."""
    return "; ".join(str(each) for each in value) if isinstance(value, list) else ""


def redact(said: str, secrets: Sequence[str]) -> str:
    """What a service said, with everything of the notify URL replaced that must not be shown.

    To be cut only afterwards: of a key that was cut, the rest would stay.
    """
    spelt = {form for secret in secrets if secret for form in (secret, quote(secret, safe=""))}
    for secret in sorted(spelt, key=len, reverse=True):
        said = re.sub(re.escape(secret), REDACTED, said, flags=re.IGNORECASE)
    return said
