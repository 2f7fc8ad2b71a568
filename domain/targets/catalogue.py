"""Every target that is built in, by the scheme of its notify URL; all other schemes are left to Apprise."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

from domain.likeness import nearest
from domain.targets import kinds, pagerduty, pushover, twilio
from domain.targets.base import Target
from domain.targets.errors import InvalidNotifyError
from domain.targets.notify_url import NotifyUrl, scheme_of, split

BUILT_IN: Mapping[str, Callable[[NotifyUrl], Target]] = {
    "pagerduty": pagerduty.parse,
    "pover": pushover.parse,
    "twilio": twilio.parse,
}
_SPELT = {scheme: scheme for scheme in BUILT_IN} | {"pushover": "pover"}


@dataclass(frozen=True)
class AppriseTarget:
    """A service that Apprise knows; its URL is for Apprise to read."""

    kind: ClassVar[str] = kinds.APPRISE

    scheme: str
    url: str = field(repr=False)


def parse_notify(url: str) -> Target | AppriseTarget:
    """The target that a notify URL sets up.

    Raises:
        InvalidNotifyError: it cannot be used; for a scheme of Apprise's, that is found out by Apprise.
    """
    scheme = scheme_of(url)
    if scheme in {"http", "https"}:
        raise InvalidNotifyError(reason="it is a webhook's: give it as the URL instead (--url)")
    parse = BUILT_IN.get(scheme)
    return AppriseTarget(scheme, url) if parse is None else parse(split(url))


def meant_scheme(scheme: str) -> str | None:
    """``pagerduty://`` for ``pagerdty``: what is built in and was probably meant by a scheme that nobody knows."""
    meant = nearest(scheme, _SPELT)
    return f"{_SPELT[meant]}://" if meant else None


def redacted(url: str) -> str:
    """All that may be shown of a notify URL: ``pagerduty://…``."""
    return f"{scheme_of(url)}://…"
