"""PagerDuty, Pushover and Twilio on a free port: they enforce the documented fields, limits and statuses.

Rules from the services' API documentation; they are written here apart from the product's own constants, so that a
wrong constant is found out.
"""

import base64
import json
import re
import uuid
from collections.abc import Callable
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

from domain.targets.base import Bases
from tests.support.sink import Answer, Received, Script, Sink

KEY = "0123456789abcdef0123456789ABCDEF"
USER, TOKEN = "uQiRzpo4DXghDmr9QzzfQu27cmVRsG", "azGDORePK8gMaC0QOYAMyEEuzJnyUi"
SID, AUTH = "AC" + "0123456789abcdef" * 2, "fedcba9876543210" * 2
FROM, TO = "+15005550006", "+15558675310"

PAGERDUTY_URL = f"pagerduty://{KEY}"
PUSHOVER_URL = f"pover://{USER}@{TOKEN}"
TWILIO_URL = f"twilio://{SID}:{AUTH}@{FROM}/{TO}"
SECRETS = (KEY, USER, TOKEN, SID, AUTH, FROM.strip("+"), TO.strip("+"))


class AlertReceivers(Sink):
    """All three services; a script for a path (`Sink.script`) goes before the rules.

    Attributes:
        pagerduty, pushover, twilio: what was accepted, in order.
    """

    def __init__(self) -> None:
        super().__init__()
        self.pagerduty: list[dict[str, Any]] = []
        self.pushover: list[dict[str, str]] = []
        self.twilio: list[dict[str, str]] = []

    @property
    def bases(self) -> Bases:
        """The settings that lead here."""
        base = self.url("")
        return Bases(pagerduty=base, pushover=base, twilio=base)

    @property
    def environment(self) -> dict[str, str]:
        """The same, for a process."""
        base = self.url("")
        return {"IM_PAGERDUTY_URL": base, "IM_PUSHOVER_URL": base, "IM_TWILIO_URL": base}

    def unscript(self, path: str) -> None:
        """Answer by the rules again."""
        self._scripts.pop(path, None)

    def _next(self, path: str) -> Script:
        if len(self._scripts.get(path, ())) > 0:
            return self._scripts[path].pop(0)
        request = self.received[-1]
        if path == "/v2/enqueue":
            return _checked(enqueue, request, self.pagerduty)
        if path == "/1/messages.json":
            return _checked(push, request, self.pushover)
        if re.fullmatch(r"/2010-04-01/Accounts/AC[0-9a-f]{32}/(Messages|Calls)\.json", path):
            return _checked(dial, request, self.twilio)
        return Answer(404)


def _checked(rules: Callable[[Received, Any], Answer], request: Received, accepted: list[Any]) -> Answer:
    if request.method != "POST":
        return Answer(405)
    try:
        return rules(request, accepted)
    except (AssertionError, KeyError, ValueError) as fault:
        return Answer(400, json.dumps({"status": 0, "message": "refused", "errors": [str(fault)]}).encode())


def enqueue(request: Received, accepted: list[dict[str, Any]]) -> Answer:
    """PagerDuty, Events API v2."""
    _require(request.headers.get("content-type") == "application/json", "content type")
    _require(len(request.body) <= 512 * 1024, "over 512 KB")
    event = json.loads(request.body)
    members = {"routing_key", "event_action", "dedup_key", "payload", "links", "images", "client", "client_url"}
    _require(event.keys() <= members, f"members {event.keys() - members}")
    _require(re.fullmatch("[A-Za-z0-9]{32}", event["routing_key"]), "routing_key")
    _require(event["event_action"] in {"trigger", "acknowledge", "resolve"}, "event_action")
    _require(0 < len(event.get("dedup_key", "")) <= 255, "dedup_key")
    if event["event_action"] == "trigger":
        _check_payload(event["payload"])
    for link in event.get("links", []):
        _require(link["href"].startswith("http") and link.keys() <= {"href", "text"}, "links")
    accepted.append(event)
    said = {"status": "success", "message": "Event processed", "dedup_key": event["dedup_key"]}
    return Answer(202, json.dumps(said).encode())


def _check_payload(payload: dict[str, Any]) -> None:
    _require(0 < len(payload["summary"]) <= 1024, "summary")
    _require(bool(payload["source"]), "source")
    _require(payload["severity"] in {"critical", "error", "warning", "info"}, "severity")
    datetime.fromisoformat(payload.get("timestamp", "2025-12-26T14:30:00Z"))
    optional = {"timestamp", "component", "group", "class", "custom_details"}
    _require(payload.keys() <= {"summary", "source", "severity"} | optional, "payload members")
    _require(all(isinstance(payload.get(name, ""), str) for name in ("component", "group", "class")), "payload types")
    _require(isinstance(payload.get("custom_details", {}), dict), "custom_details")


def push(request: Received, accepted: list[dict[str, str]]) -> Answer:
    """Pushover's message API."""
    form = _form(request)
    known = "token user message title device url url_title priority retry expire sound timestamp"
    _require(form.keys() <= set(known.split()), "fields")
    _require(all(re.fullmatch("[A-Za-z0-9]{30}", form[name]) for name in ("token", "user")), "token or user")
    _require(0 < len(form["message"]) <= 1024 and len(form.get("title", "")) <= 250, "message or title")
    _require(len(form.get("url", "")) <= 512 and len(form.get("url_title", "")) <= 100, "url")
    _require(-2 <= int(form.get("priority", "0")) <= 2, "priority")
    if form.get("priority") == "2":
        _require(int(form["retry"]) >= 30 and int(form["expire"]) <= 10800, "retry or expire")
    else:
        _require("retry" not in form, "retry without emergency")
    _require(int(form.get("timestamp", "1")) > 0, "timestamp")
    accepted.append(form)
    return Answer(200, json.dumps({"status": 1, "request": str(uuid.uuid4())}).encode())


def dial(request: Received, accepted: list[dict[str, str]]) -> Answer:
    """Twilio's Messages and Calls."""
    login = base64.b64decode(request.headers.get("authorization", "").removeprefix("Basic ")).decode()
    if login != f"{SID}:{AUTH}":
        return Answer(401, b'{"code": 20003, "message": "Authenticate"}')
    form = _form(request)
    _require(re.fullmatch(r"\+[1-9]\d{7,14}", form["To"]) and form["From"], "To or From")
    if request.path.endswith("Messages.json"):
        _require(form.keys() == {"To", "From", "Body"} and 0 < len(form["Body"]) <= 1600, "Body")
    else:
        _require(form.keys() == {"To", "From", "Twiml"} and len(form["Twiml"]) <= 4000, "Twiml")
        _require(ET.fromstring(form["Twiml"]).tag == "Response", "Twiml's root")  # noqa: S314 - our own
    accepted.append(form)
    said = {"sid": f"SM{uuid.uuid4().hex}", "status": "queued", "to": form["To"], "account_sid": SID}
    return Answer(201, json.dumps(said).encode())


def _form(request: Received) -> dict[str, str]:
    _require(request.headers.get("content-type") == "application/x-www-form-urlencoded", "content type")
    pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
    _require(len(dict(pairs)) == len(pairs), "a field is given twice")
    return dict(pairs)


def _require(held: object, what: str) -> None:
    if not held:
        raise AssertionError(what)
