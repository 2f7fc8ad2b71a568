"""The verifiers that receivers are given accept what is really sent, and nothing else, and never throw."""

import base64
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from pathlib import Path
from typing import Self

import pytest
from standardwebhooks import Webhook

from domain.event_parsing import parse_event
from domain.events import CloudEvent
from domain.headers import delivery_headers
from domain.signing import body_signature, standard_key, whsec
from tests.receivers.harness import LANGUAGES, VERIFIERS, Case, Verdict, unavailable, verdicts

GUIDE = Path(__file__).resolve().parents[2] / "docs" / "receivers.md"
NOW = int(time.time())
PLAIN, OLD, UNICODE = "your-webhook-secret", "the-previous-secret", "größer-als-acht"
WHSEC, OLD_WHSEC = whsec(bytes(range(32))), whsec(bytes(range(1, 33)))
EVENT = CloudEvent(
    id="evt_1",
    source="/incidents/INC-7",
    type="im.incident.declared.v1",
    time="2026-11-21T09:30:00Z",
    datacontenttype="application/json",
    data={"incident_id": "INC-7", "title": "Zürich: 5 % of requests fail"},
)
BODY_SIGNATURE, ID, TIMESTAMP, SIGNATURE = (
    "X-CloudEvents-Signature",
    "webhook-id",
    "webhook-timestamp",
    "webhook-signature",
)
GARBAGE = ["", " ", "v1", "v1,", ",", "sha256=", "sha256=zz", "v1,%%%", "v1,AAA", "größer", "\x7f", "x" * 5000]


@dataclass(frozen=True)
class Row:
    """A case with the expected verdicts; ``oracle`` is off where the standardwebhooks library cannot judge."""

    name: str
    case: Case
    expected: Verdict
    oracle: bool = True


def _sent(*secrets: str, at: int = NOW) -> dict[str, str]:
    return delivery_headers(EVENT, secrets, at)


def _row(
    name: str,
    headers: dict[str, str],
    *,
    body: bool,
    standard: bool,
    secret: str = PLAIN,
    content: bytes = EVENT.body,
    oracle: bool = True,
) -> Row:
    case = Case(headers=headers, body=content, secret=secret, now=NOW)
    return Row(name, case, Verdict(body=body, standard=standard), oracle)


def _with(name: str, change: Callable[[str], str], secret: str = PLAIN) -> dict[str, str]:
    headers = _sent(secret)
    return headers | {name: change(headers[name])}


def _without(name: str) -> dict[str, str]:
    return {key: value for key, value in _sent(PLAIN).items() if key != name}


def _signed_by_hand(message_id: str, timestamp: str, key: bytes, content: bytes = EVENT.body) -> dict[str, str]:
    """Headers whose signature is right, so that only their form can be refused."""
    digest = hmac.new(key, f"{message_id}.{timestamp}.".encode() + content, hashlib.sha256).digest()
    return {ID: message_id, TIMESTAMP: timestamp, SIGNATURE: "v1," + base64.b64encode(digest).decode()}


def _genuine() -> list[Row]:
    return [
        _row("plain secret", _sent(PLAIN), body=True, standard=True),
        _row("whsec secret", _sent(WHSEC), secret=WHSEC, body=True, standard=True),
        _row("secret outside ascii", _sent(UNICODE), secret=UNICODE, body=True, standard=True),
        _row("names in lower case", {k.lower(): v for k, v in _sent(PLAIN).items()}, body=True, standard=True),
        _row("names in upper case", {k.upper(): v for k, v in _sent(PLAIN).items()}, body=True, standard=True),
        _row("rotation, new secret", _sent(PLAIN, OLD), body=True, standard=True),
        _row("rotation, old secret", _sent(OLD, PLAIN), body=False, standard=True),
        _row("rotation to whsec, old plain secret", _sent(WHSEC, PLAIN), body=False, standard=True),
        _row("rotation of whsec, old", _sent(WHSEC, OLD_WHSEC), secret=OLD_WHSEC, body=False, standard=True),
        _row(
            "unknown versions beside v1", _with(SIGNATURE, lambda v: f"v1a,AA== v2,BB== {v}"), body=True, standard=True
        ),
        _row("at the edge of the past", _sent(PLAIN, at=NOW - 300), body=True, standard=True, oracle=False),
        _row("at the edge of the future", _sent(PLAIN, at=NOW + 300), body=True, standard=True, oracle=False),
        _row(
            "empty body",
            _signed_by_hand("msg_1", str(NOW), PLAIN.encode(), b"") | {BODY_SIGNATURE: body_signature(PLAIN, b"")},
            content=b"",
            body=True,
            standard=True,
            oracle=False,
        ),
        _row(
            "body that is no text",
            _signed_by_hand("msg_1", str(NOW), PLAIN.encode(), b"\xff\x00")
            | {BODY_SIGNATURE: body_signature(PLAIN, b"\xff\x00")},
            content=b"\xff\x00",
            body=True,
            standard=True,
            oracle=False,
        ),
    ]


def _tampered() -> list[Row]:
    return [
        _row("wrong secret", _sent(OLD), body=False, standard=False),
        _row("wrong whsec secret", _sent(OLD_WHSEC), secret=WHSEC, body=False, standard=False),
        _row("tampered body", _sent(PLAIN), content=EVENT.body + b" ", body=False, standard=False),
        _row("other id", _with(ID, lambda _: "msg_2"), body=True, standard=False),
        _row("other timestamp", _with(TIMESTAMP, lambda v: str(int(v) - 1)), body=True, standard=False),
        _row("shortened body signature", _with(BODY_SIGNATURE, lambda v: v[:-1]), body=False, standard=True),
        _row("lengthened body signature", _with(BODY_SIGNATURE, lambda v: v + "0"), body=False, standard=True),
        _row("body signature in upper case", _with(BODY_SIGNATURE, str.upper), body=False, standard=True),
        _row("shortened signature", _with(SIGNATURE, lambda v: v[:-2]), body=True, standard=False),
        _row("signature of another version", _with(SIGNATURE, lambda v: "v2" + v[2:]), body=True, standard=False),
        _row("stale", _sent(PLAIN, at=NOW - 301), body=True, standard=False),
        _row("from the future", _sent(PLAIN, at=NOW + 400), body=True, standard=False),
        _row("unsigned", _sent(), body=False, standard=False),
        _row("no headers", {}, body=False, standard=False),
    ]


def _malformed() -> list[Row]:
    rows = [
        _row(f"no {name}", _without(name), body=name != BODY_SIGNATURE, standard=name == BODY_SIGNATURE)
        for name in (BODY_SIGNATURE, ID, TIMESTAMP, SIGNATURE)
    ]
    for name in (BODY_SIGNATURE, ID, TIMESTAMP, SIGNATURE):
        rows += [
            _row(
                f"{name} is {garbage[:10]!r}",
                _with(name, lambda _, garbage=garbage: garbage),  # type: ignore[misc]
                body=name != BODY_SIGNATURE,
                standard=name == BODY_SIGNATURE,
            )
            for garbage in GARBAGE
        ]
    # The library reads these as numbers, so it is no judge of them.
    odd = ["-1", f"+{NOW}", f" {NOW}", f"{NOW}.0", f"{NOW}e0", "0x10", "9" * 30, "9" * 5000, "NaN", "Infinity", "１７"]
    key = PLAIN.encode()
    rows += [
        _row(
            f"timestamp {t.replace(str(NOW), 'now')[:12]!r}",
            _signed_by_hand("m", t, key),
            body=False,
            standard=False,
            oracle=False,
        )
        for t in odd
    ]
    return rows


def _misconfigured() -> list[Row]:
    """A receiver whose secret is missing must refuse everything: anyone can sign with an empty key."""
    forged = _signed_by_hand("msg_1", str(NOW), b"") | {BODY_SIGNATURE: body_signature("", EVENT.body)}
    rows = [_row("empty secret", forged, secret="", body=False, standard=False)]
    rows += [
        _row(f"secret {secret}", forged, secret=secret, body=False, standard=False, oracle=False)
        for secret in ("whsec_", "whsec_%%%%", "whsec_A", "whsec_AAA", "whsec_====", "whsec_größer")
    ]
    return rows


ROWS = [*_genuine(), *_tampered(), *_malformed(), *_misconfigured()]


@pytest.fixture(scope="module", params=LANGUAGES)
def results(request: pytest.FixtureRequest) -> list[Verdict]:
    """What one language's verifier says of every row."""
    if reason := unavailable(request.param):
        pytest.skip(reason)
    return verdicts(request.param, [row.case for row in ROWS])


@pytest.mark.parametrize("number", range(len(ROWS)), ids=[row.name for row in ROWS])
def test_verdict(results: list[Verdict], number: int) -> None:
    assert results[number] == ROWS[number].expected


@pytest.mark.parametrize("row", [row for row in ROWS if row.oracle], ids=lambda row: row.name)
def test_standardwebhooks_library_says_the_same(row: Row, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("standardwebhooks.webhooks.datetime", _StoppedClock)
    assert _library_accepts(row.case) == row.expected["standard"]


class _StoppedClock(datetime):
    """The time at which the rows were signed: collecting and running them may be minutes apart."""

    @classmethod
    def now(cls, tz: tzinfo | None = None) -> Self:
        return cls.fromtimestamp(NOW, tz)


def _library_accepts(case: Case) -> bool:
    try:
        secret = case.secret if case.secret.startswith("whsec_") else whsec(standard_key(case.secret))
        Webhook(secret).verify(case.body, dict(case.headers), json_parse=False)
    except Exception:  # noqa: BLE001 - the library throws many things on malformed input
        return False
    return True


@pytest.mark.parametrize(("fence", "name"), [("python", "verify.py"), ("go", "verify.go"), ("js", "verify.mjs")])
def test_guide_shows_the_tested_files(fence: str, name: str) -> None:
    blocks = re.findall(rf"^```{fence}\n(.*?)^```$", GUIDE.read_text(), re.MULTILINE | re.DOTALL)
    assert (VERIFIERS / name).read_text() in blocks


def test_example_request_of_the_guide_is_what_is_sent() -> None:
    headers, body, secret = _example()
    event = parse_event(body)
    sent = delivery_headers(event, [secret], int(headers[TIMESTAMP]))
    assert event.body == body
    assert {name: headers[name] for name in sent} == sent
    assert headers["Content-Length"] == str(len(body))


@pytest.mark.parametrize("language", LANGUAGES)
def test_example_request_of_the_guide_verifies(language: str) -> None:
    if reason := unavailable(language):
        pytest.skip(reason)
    headers, body, secret = _example()
    case = Case(headers=headers, body=body, secret=secret, now=int(headers[TIMESTAMP]))
    assert verdicts(language, [case]) == [Verdict(body=True, standard=True)]


def _example() -> tuple[dict[str, str], bytes, str]:
    text = GUIDE.read_text()
    request = re.search(r"^```http\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    secret = re.search(r"with the secret `([^`]+)`", text)
    assert request
    assert secret
    head, _, body = request[1].partition("\n\n")
    headers = dict(line.split(": ", 1) for line in head.splitlines()[1:])
    return headers, body.rstrip("\n").encode(), secret[1]
