"""PagerDuty, Events API v2: an incident is triggered, acknowledged and resolved under one dedup key.

Fields, limits and statuses: PagerDuty's developer documentation, "Send an alert event" (POST /v2/enqueue).
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from domain.event_types import INCIDENT_ACKNOWLEDGED, INCIDENT_CLOSED, INCIDENT_RESOLVED
from domain.events import CloudEvent
from domain.headers import USER_AGENT
from domain.targets import kinds, words
from domain.targets.base import Bases, Call, Verdict, json_object, listed, verdict_of
from domain.targets.errors import InvalidNotifyError
from domain.targets.notify_url import NotifyUrl

MAX_DEDUP_KEY = 255
MAX_SUMMARY = 1024
MAX_BYTES = 512 * 1024
SEVERITIES = {"SEV-1": "critical", "SEV-2": "error", "SEV-3": "warning", "SEV-4": "info"}

_KEY = re.compile(r"[A-Za-z0-9]{32}")
_ACCEPTED = frozenset({202})
_ACTIONS = {INCIDENT_ACKNOWLEDGED: "acknowledge", INCIDENT_RESOLVED: "resolve", INCIDENT_CLOSED: "resolve"}
_REGIONS = {"us": "://events.pagerduty.com", "eu": "://events.eu.pagerduty.com"}
_OPTIONS = ("integrationkey", "apikey", "source", "component", "group", "class", "click", "region", "severity", "image")


@dataclass(frozen=True)
class PagerDuty:
    """A PagerDuty service that alerts are sent to.

    Attributes:
        key: the integration key (``routing_key``).
        api_key: part of Apprise's form of the URL; the Events API asks for none, so it is not sent.
        region: ``us`` or ``eu``.
        options: ``source``, ``component``, ``group``, ``class``, ``click`` and ``severity`` as given.
        details: added to the custom details.
    """

    kind: ClassVar[str] = kinds.PAGERDUTY

    key: str = field(repr=False)
    api_key: str = field(default="", repr=False)
    region: str = "us"
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    details: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def secrets(self) -> Sequence[str]:
        """Both keys."""
        return (self.key, self.api_key)

    def calls(self, event: CloudEvent, bases: Bases) -> list[Call]:
        """One request; a test triggers and at once resolves, so that nobody stays paged."""
        actions = ["trigger", "resolve"] if words.is_test(event) else [_ACTIONS.get(event.type, "trigger")]
        url = bases.pagerduty.replace(_REGIONS["us"], _REGIONS[self.region]) + "/v2/enqueue"
        headers = {"Content-Type": "application/json", "User-Agent": USER_AGENT, "Accept-Encoding": "identity"}
        return [Call(url, headers, self._body(event, action)) for action in actions]

    def judge(self, status: int, body: bytes) -> Verdict:
        """202 is taken; 400 says what is wrong with the request; 429 and 5xx are for later."""
        said = json_object(body)
        return verdict_of(status, _ACCEPTED, listed(said.get("errors")) or str(said.get("message") or ""))

    def _body(self, event: CloudEvent, action: str) -> bytes:
        members = {"routing_key": self.key, "event_action": action, "dedup_key": dedup_key(event)}
        if action != "trigger":
            return _encoded(members)
        links = self._links(event)
        whole = members | {"client": "im", "payload": self._payload(event)} | ({"links": links} if links else {})
        body = _encoded(whole)
        if len(body) <= MAX_BYTES:
            return body
        whole["payload"] = self._payload(event) | {"custom_details": {"left_out": "too large for PagerDuty"}}
        return _encoded(whole)

    def _payload(self, event: CloudEvent) -> dict[str, Any]:
        details = words.details_of(event)
        found = {
            "timestamp": event.time,
            "component": self.options.get("component") or details.get("process_id"),
            "group": self.options.get("group") or details.get("cluster"),
            "class": self.options.get("class") or details.get("error_type"),
        }
        return {
            "summary": words.cut(words.title_of(event), MAX_SUMMARY),
            "source": self.options.get("source") or str(details.get("cluster") or event.source),
            "severity": self._severity(event),
            **{name: value if name == "timestamp" else str(value) for name, value in found.items() if value},
            "custom_details": self._custom_details(event),
        }

    def _severity(self, event: CloudEvent) -> str:
        if words.is_test(event):
            return "info"
        return self.options.get("severity") or SEVERITIES.get(event.severity or "", "error")

    def _custom_details(self, event: CloudEvent) -> dict[str, Any]:
        told = {name: words.text(event, name) for name in ("incident_id", "title", "severity", "actor", "note")}
        given = {name: value for name, value in told.items() if value}
        return given | words.details_of(event) | {"event_id": event.id} | dict(self.details)

    def _links(self, event: CloudEvent) -> list[dict[str, str]]:
        links = [(words.link_of(event), "Operate"), (self.options.get("click", ""), "Open")]
        return [{"href": href, "text": label} for href, label in links if href]


def dedup_key(event: CloudEvent) -> str:
    """One key for all events of an incident (``im/INC-7``), at most 255 characters; by source for other events."""
    key = f"im/{(event.incident_id or event.source).lstrip('/')}"
    return key if len(key) <= MAX_DEDUP_KEY else f"im/{hashlib.sha256(key.encode()).hexdigest()}"


def parse(url: NotifyUrl) -> PagerDuty:
    """``pagerduty://INTEGRATION_KEY[@API_KEY][/SOURCE[/COMPONENT]]?region=us|eu&severity=..&group=..&class=..&+k=v``.

    Raises:
        InvalidNotifyError: for a key that is not of 32 letters and digits, or an option out of range.
    """
    url.require(*_OPTIONS)
    key = url.options.get("integrationkey") or url.user or url.host
    if not _KEY.fullmatch(key):
        raise InvalidNotifyError(reason="PagerDuty's integration key has 32 letters and digits")
    region, severity = url.options.get("region", "us").lower(), url.options.get("severity", "").lower()
    if region not in _REGIONS:
        raise InvalidNotifyError(reason="PagerDuty's region is us or eu")
    if severity and severity not in SEVERITIES.values():
        raise InvalidNotifyError(reason="PagerDuty's severity is critical, error, warning or info")
    if len(url.path) > 2:
        raise InvalidNotifyError(reason="pagerduty:// has at most a source and a component in its path")
    placed = dict(zip(("source", "component"), url.path, strict=False))
    shown = {
        name: url.options[name] for name in ("source", "component", "group", "class", "click") if name in url.options
    }
    return PagerDuty(
        key=key,
        api_key=url.options.get("apikey") or (url.host if url.user else ""),
        region=region,
        options=placed | shown | ({"severity": severity} if severity else {}),
        details=url.details,
    )


def _encoded(members: Mapping[str, Any]) -> bytes:
    return json.dumps(members, ensure_ascii=False, separators=(",", ":")).encode()
