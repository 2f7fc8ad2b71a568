"""Pushover's message API: one push to a user or a group, loud by severity.

Fields, limits and statuses: Pushover's "Message API" documentation (POST /1/messages.json).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar
from urllib.parse import urlencode

from domain.event_types import INCIDENT_DECLARED
from domain.events import CloudEvent
from domain.headers import USER_AGENT
from domain.outcomes import Failure
from domain.targets import kinds, words
from domain.targets.base import FORM, Bases, Call, Verdict, json_object, listed, verdict_of
from domain.targets.errors import InvalidNotifyError
from domain.targets.notify_url import NotifyUrl

MAX_MESSAGE = 1024
MAX_TITLE = 250
MAX_URL = 512
MAX_URL_TITLE = 100
EMERGENCY = 2
PRIORITIES = {"SEV-1": EMERGENCY, "SEV-2": 1, "SEV-3": 0, "SEV-4": -1}
# An emergency is repeated until somebody acknowledges it: every minute, for an hour.
RETRY_SECONDS = 60
EXPIRE_SECONDS = 3600

_KEY = re.compile(r"[A-Za-z0-9]{30}")
_DEVICE = re.compile(r"[A-Za-z0-9_-]{1,25}")
_SOUND = re.compile(r"[A-Za-z0-9_-]{1,20}")
_NAMED = {"low": -2, "moderate": -1, "normal": 0, "high": 1, "emergency": EMERGENCY}
_OPTIONS = ("priority", "sound", "url", "url_title", "interval", "expire", "to")


@dataclass(frozen=True)
class Pushover:
    """A user or group of Pushover, and the application that pushes to it.

    Attributes:
        devices: names of the user's devices; none for all of them.
        priority: of declared incidents, whatever their severity; None goes by severity.
        retry: seconds between repeats of an emergency, at least 30.
        expire: seconds after which an emergency is repeated no more, at most 10800.
        extra: ``sound``, ``url`` and ``url_title`` as given.
    """

    kind: ClassVar[str] = kinds.PUSHOVER

    user: str = field(repr=False)
    token: str = field(repr=False)
    devices: tuple[str, ...] = ()
    priority: int | None = None
    retry: int = RETRY_SECONDS
    expire: int = EXPIRE_SECONDS
    extra: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    @property
    def secrets(self) -> Sequence[str]:
        """Both keys."""
        return (self.user, self.token)

    def calls(self, event: CloudEvent, bases: Bases) -> list[Call]:
        """One request."""
        headers = {"Content-Type": FORM, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        body = urlencode(self._fields(event)).encode()
        return [Call(f"{bases.pushover}/1/messages.json", headers, body)]

    def judge(self, status: int, body: bytes) -> Verdict:
        """200 with ``"status": 1`` is taken; any 4xx but 429 stays as it is until somebody mends it."""
        said = json_object(body)
        verdict = verdict_of(status, frozenset({200}), listed(said.get("errors")))
        if verdict.failure is None and said.get("status") != 1:
            if "status" in said:
                return Verdict(Failure.INVALID_RESPONSE, f"Pushover refused it: status {said['status']}, not 1")
            return Verdict(Failure.CONNECTION, "the answer ended before it said that the message was taken")
        return verdict

    def _fields(self, event: CloudEvent) -> dict[str, str]:
        title, priority = words.title_of(event), self._priority(event)
        fields = {
            "token": self.token,
            "user": self.user,
            "title": words.cut(title, MAX_TITLE),
            "message": words.cut(words.body_of(event) or title, MAX_MESSAGE),
            "priority": str(priority),
        }
        if priority == EMERGENCY:
            fields |= {"retry": str(self.retry), "expire": str(self.expire)}
        if self.devices:
            fields["device"] = ",".join(self.devices)
        if (at := words.seconds_of(event)) is not None:
            fields["timestamp"] = str(at)
        link = words.link_of(event)
        if link and len(link) <= MAX_URL:
            fields |= {"url": link, "url_title": "Operate"}
        return fields | dict(self.extra)

    def _priority(self, event: CloudEvent) -> int:
        wanted = PRIORITIES.get(event.severity or "", 0) if self.priority is None else self.priority
        return wanted if event.type == INCIDENT_DECLARED else min(wanted, 0)


def parse(url: NotifyUrl) -> Pushover:
    """``pover://USER@TOKEN[/DEVICE...]?priority=..&sound=..&url=..&url_title=..&interval=..&expire=..``.

    Raises:
        InvalidNotifyError: for keys that are not of 30 letters and digits, groups among devices, options out of range.
    """
    url.require(*_OPTIONS)
    if not _KEY.fullmatch(url.user) or not _KEY.fullmatch(url.host):
        raise InvalidNotifyError(reason="Pushover's user key and application token have 30 letters and digits each")
    devices = (*url.path, *(part for part in url.options.get("to", "").split(",") if part))
    if not all(_DEVICE.fullmatch(device) for device in devices):
        raise InvalidNotifyError(
            reason="a device of Pushover has 1 to 25 letters, digits, dashes or underscores; "
            "for a group, give its key in place of the user's"
        )
    priority = url.options.get("priority")
    return Pushover(
        user=url.user,
        token=url.host,
        devices=devices,
        priority=None if priority is None else _priority(priority),
        retry=_seconds(url, "interval", RETRY_SECONDS, 30),
        expire=_seconds(url, "expire", EXPIRE_SECONDS, 1),
        extra=_extra(url),
    )


def _priority(given: str) -> int:
    names = [number for name, number in _NAMED.items() if given and name.startswith(given.lower())]
    numbers = [number for number in _NAMED.values() if given == str(number)]
    if not names and not numbers:
        raise InvalidNotifyError(reason="Pushover's priority is -2 to 2, or low, moderate, normal, high or emergency")
    return (names or numbers)[0]


def _seconds(url: NotifyUrl, option: str, default: int, least: int) -> int:
    given = url.options.get(option, str(default))
    if not (given.isascii() and given.isdigit() and len(given) <= 5 and least <= int(given) <= 10800):
        raise InvalidNotifyError(reason=f"Pushover's {option} is {least} to 10800 seconds")
    return int(given)


def _extra(url: NotifyUrl) -> tuple[tuple[str, str], ...]:
    given = {name: url.options[name] for name in ("sound", "url", "url_title") if url.options.get(name)}
    if "sound" in given and not _SOUND.fullmatch(given["sound"]):
        raise InvalidNotifyError(reason="a sound of Pushover has 1 to 20 letters, digits, dashes or underscores")
    if len(given.get("url", "")) > MAX_URL or len(given.get("url_title", "")) > MAX_URL_TITLE:
        raise InvalidNotifyError(reason=f"Pushover's url has at most {MAX_URL} characters, url_title {MAX_URL_TITLE}")
    return tuple(given.items())
