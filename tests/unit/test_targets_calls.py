"""What is requested of each service for each event, checked by the services' own rules; and their answers."""

import json
from typing import Any
from urllib.parse import parse_qsl
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.event_types import SUBSCRIBER_TEST
from domain.events import CloudEvent
from domain.outcomes import Failure
from domain.targets.base import Bases, Call, Target, redact
from domain.targets.catalogue import AppriseTarget, parse_notify
from domain.targets.pagerduty import dedup_key
from tests.support import alert_receivers as rules
from tests.support.alert_receivers import PAGERDUTY_URL, PUSHOVER_URL, TWILIO_URL
from tests.support.builders import make_event
from tests.support.sink import Received

DETAILS = {
    "cluster": "prod",
    "process_id": "payment",
    "element_id": "Task_1",
    "error_type": "IO_MAPPING_ERROR",
    "error_message": "No data found for query 'x'",
    "count": 5000,
    "operate_url": "https://operate.example.com/processes/42",
}


def incident(step: str = "declared", severity: str = "SEV-1", **data: Any) -> CloudEvent:
    told = {"incident_id": "INC-7", "title": "Payment is stuck", "severity": severity, "actor": "zeebe/prod"}
    return make_event(
        source="/incidents/INC-7",
        type=f"im.incident.{step}.v1",
        data=told | data,
        extensions={"imincidentid": "INC-7"},
    )


def target_of(url: str) -> Target:
    found = parse_notify(url)
    assert not isinstance(found, AppriseTarget)
    return found


def accepted(url: str, event: CloudEvent) -> list[dict[str, Any]]:
    """The calls for an event, each of which the service's rules accept."""
    took: list[dict[str, Any]] = []
    for call in target_of(url).calls(event, Bases()):
        rule = {"pagerduty": rules.enqueue, "pover": rules.push, "twilio": rules.dial}[url.partition(":")[0]]
        assert rule(_received(call), took).status in {200, 201, 202}
    return took


def _received(call: Call) -> Received:
    path = call.url.removeprefix("https://").partition("/")[2]
    headers = {name.lower(): value for name, value in call.headers.items()}
    return Received("POST", f"/{path}", list(call.headers.items()), headers, call.body, 0)


# PagerDuty


def test_an_incident_has_one_key_from_its_trigger_to_its_resolve() -> None:
    steps = {"declared": "trigger", "acknowledged": "acknowledge", "resolved": "resolve", "closed": "resolve"}
    for step, action in steps.items():
        (event,) = accepted(PAGERDUTY_URL, incident(step))
        assert (event["event_action"], event["dedup_key"]) == (action, "im/INC-7")
        assert ("payload" in event) is (action == "trigger")


@pytest.mark.parametrize(
    ("severity", "meant"),
    [("SEV-1", "critical"), ("SEV-2", "error"), ("SEV-3", "warning"), ("SEV-4", "info"), ("", "error")],
)
def test_pagerduty_has_the_incidents_severity(severity: str, meant: str) -> None:
    assert accepted(PAGERDUTY_URL, incident(severity=severity))[0]["payload"]["severity"] == meant
    forced = accepted(f"{PAGERDUTY_URL}?severity=info", incident(severity=severity))
    assert forced[0]["payload"]["severity"] == "info"


def test_pagerduty_is_told_what_the_source_knows() -> None:
    (event,) = accepted(PAGERDUTY_URL, incident(details=DETAILS))
    payload = event["payload"]
    assert payload["summary"] == "[SEV-1] INC-7 declared: Payment is stuck"
    assert (payload["source"], payload["component"], payload["group"]) == ("prod", "payment", "prod")
    assert (payload["class"], payload["timestamp"]) == ("IO_MAPPING_ERROR", "2025-12-26T14:30:00Z")
    assert payload["custom_details"] == DETAILS | {
        "incident_id": "INC-7",
        "title": "Payment is stuck",
        "severity": "SEV-1",
        "actor": "zeebe/prod",
        "event_id": make_event().id,
    }
    assert event["links"] == [{"href": DETAILS["operate_url"], "text": "Operate"}]
    assert event["client"] == "im"


def test_what_the_url_says_goes_before_what_the_source_knows() -> None:
    (event,) = accepted(
        f"{PAGERDUTY_URL}@k/web/api?group=g&class=c&click=https://x.example/&+team=db", incident(details=DETAILS)
    )
    payload = event["payload"]
    assert [payload[name] for name in ("source", "component", "group", "class")] == ["web", "api", "g", "c"]
    assert payload["custom_details"]["team"] == "db"
    assert event["links"][1]["href"] == "https://x.example/"


def test_the_european_region_has_its_own_host() -> None:
    target = target_of(f"{PAGERDUTY_URL}?region=eu")
    assert target.calls(incident(), Bases())[0].url == "https://events.eu.pagerduty.com/v2/enqueue"
    elsewhere = Bases(pagerduty="http://127.0.0.1:1")
    assert target.calls(incident(), elsewhere)[0].url == "http://127.0.0.1:1/v2/enqueue"


def test_what_is_too_large_for_pagerduty_is_left_out() -> None:
    details = {f"k{number}": "\x01" * 1000 for number in range(100)}
    (event,) = accepted(PAGERDUTY_URL, incident(details=details))
    assert event["payload"]["custom_details"] == {"left_out": "too large for PagerDuty"}


def test_a_long_dedup_key_is_shortened_and_still_one_of_its_own() -> None:
    keys = [dedup_key(make_event(source="/" + "s" * 400 + end, extensions={})) for end in "ab"]
    assert len({*keys}) == 2
    assert all(len(key) <= 255 for key in keys)


def test_a_test_triggers_as_info_and_resolves_at_once() -> None:
    event = make_event(
        source="/subscribers/oncall",
        type=SUBSCRIBER_TEST,
        data={"test": True, "message": "it arrives", "subscriber": "oncall"},
        extensions={},
    )
    trigger, resolve = accepted(PAGERDUTY_URL, event)
    assert (trigger["event_action"], resolve["event_action"]) == ("trigger", "resolve")
    assert trigger["dedup_key"] == resolve["dedup_key"]
    assert trigger["payload"]["severity"] == "info"
    assert trigger["payload"]["summary"].startswith("TEST: ")
    assert accepted(PUSHOVER_URL, event)[0]["title"].startswith("TEST: ")
    assert accepted(f"{PUSHOVER_URL}?priority=2", event)[0]["priority"] == "0"
    assert accepted(TWILIO_URL, event)[0]["Body"].startswith("TEST: ")


# Pushover


@pytest.mark.parametrize(
    ("severity", "loud", "quiet"),
    [("SEV-1", "2", "0"), ("SEV-2", "1", "0"), ("SEV-3", "0", "0"), ("SEV-4", "-1", "-1")],
)
def test_pushover_is_loud_by_severity_and_only_for_a_declaration(severity: str, loud: str, quiet: str) -> None:
    (declared,) = accepted(PUSHOVER_URL, incident(severity=severity))
    assert declared["priority"] == loud
    for step in ("resolved", "closed", "note_added"):
        assert accepted(PUSHOVER_URL, incident(step, severity))[0]["priority"] == quiet


def test_an_emergency_is_repeated_every_minute_for_an_hour() -> None:
    (declared,) = accepted(PUSHOVER_URL, incident())
    assert (declared["retry"], declared["expire"]) == ("60", "3600")
    (other,) = accepted(f"{PUSHOVER_URL}?interval=120&expire=600", incident())
    assert (other["retry"], other["expire"]) == ("120", "600")


def test_pushover_has_title_message_link_and_time() -> None:
    (push,) = accepted(f"{PUSHOVER_URL}/phone?sound=siren", incident(details=DETAILS, note="look at the queue"))
    assert push["title"] == "[SEV-1] INC-7 declared: Payment is stuck"
    assert push["message"].splitlines()[0] == "look at the queue"
    assert "error: IO_MAPPING_ERROR" in push["message"]
    assert (push["url"], push["device"], push["sound"]) == (DETAILS["operate_url"], "phone", "siren")
    assert push["timestamp"] == "1766759400"


# Twilio


def test_a_text_message_says_it_all_in_one() -> None:
    (sms,) = accepted(TWILIO_URL, incident(details=DETAILS))
    assert sms["Body"].startswith("[SEV-1] INC-7 declared: Payment is stuck\n")
    assert (sms["From"], sms["To"]) == (rules.FROM, rules.TO)


def test_a_call_says_it_twice() -> None:
    (call,) = accepted(f"{TWILIO_URL}?method=call", incident(title="a < b & \x00\x0bc"))
    say = ET.fromstring(call["Twiml"]).find("Say")  # noqa: S314 - our own
    assert say is not None
    assert say.get("loop") == "2"
    assert (say.text or "").startswith("[SEV-1] INC-7 declared: a < b & c")


def test_a_call_that_spells_out_long_stays_within_the_limit() -> None:
    (call,) = accepted(f"{TWILIO_URL}?method=call", incident(title="&" * 300, note="&" * 8000))
    assert 2900 < len(call["Twiml"]) <= 4000


def test_an_api_key_signs_in_for_the_account() -> None:
    key = "SK" + "a" * 32
    (call,) = target_of(f"{TWILIO_URL}?apikey={key}").calls(incident(), Bases())
    assert call.headers["Authorization"].startswith("Basic U0th")
    assert rules.SID in call.url


# All of them


@settings(max_examples=60)
@given(
    step=st.sampled_from(["declared", "acknowledged", "resolved", "closed"]),
    title=st.text(min_size=1, max_size=2000),
    note=st.text(max_size=3000),
    details=st.dictionaries(st.text(max_size=20), st.text(max_size=50) | st.integers() | st.booleans(), max_size=5),
    method=st.sampled_from(["sms", "call"]),
)
def test_whatever_an_incident_says_every_service_takes_it(
    step: str, title: str, note: str, details: dict[str, Any], method: str
) -> None:
    event = incident(step, title=title, note=note, details=details)
    for url in (PAGERDUTY_URL, PUSHOVER_URL, f"{TWILIO_URL}?method={method}"):
        assert accepted(url, event)


@pytest.mark.parametrize("data", [None, [], "text", 7, {"details": []}, {"title": 7, "details": {"count": [1]}}])
def test_an_event_of_any_form_is_told(data: Any) -> None:
    event = make_event(type="com.example.odd.v1", data=data, time=None, extensions={})
    for url in (PUSHOVER_URL, TWILIO_URL):
        (told,) = accepted(url, event)
        assert "com.example.odd.v1" in told.get("title", "") + told.get("Body", "")
    accepted(PAGERDUTY_URL, make_event(data=data, extensions={}))


@pytest.mark.parametrize(
    ("url", "status", "body", "failure"),
    [
        (PAGERDUTY_URL, 202, b"", None),
        (PAGERDUTY_URL, 200, b"", Failure.INVALID_RESPONSE),
        (PAGERDUTY_URL, 400, b'{"errors": ["routing_key"]}', Failure.HTTP_STATUS),
        (PAGERDUTY_URL, 429, b"", Failure.HTTP_STATUS),
        (PUSHOVER_URL, 200, b'{"status": 1}', None),
        (PUSHOVER_URL, 200, b'{"status": 0}', Failure.INVALID_RESPONSE),
        (PUSHOVER_URL, 200, b'{"sta', Failure.CONNECTION),
        (PUSHOVER_URL, 400, b'{"errors": ["user identifier is invalid"]}', Failure.HTTP_STATUS),
        (PUSHOVER_URL, 500, b"<html>", Failure.HTTP_STATUS),
        (TWILIO_URL, 201, b'{"sid": "SM1"}', None),
        (TWILIO_URL, 400, b'{"code": 21211, "message": "Invalid To"}', Failure.HTTP_STATUS),
        (TWILIO_URL, 503, b"[" * 100_000, Failure.HTTP_STATUS),
        (TWILIO_URL, 302, b"", Failure.REDIRECT),
    ],
)
def test_an_answer_means_what_the_service_documents(
    url: str, status: int, body: bytes, failure: Failure | None
) -> None:
    verdict = target_of(url).judge(status, body)
    assert verdict.failure is failure
    assert bool(verdict.error) is (failure is not None)


def test_the_services_own_reason_is_in_the_error() -> None:
    body = json.dumps({"errors": ["message cannot be blank", "x" * 500]}).encode()
    error = target_of(PUSHOVER_URL).judge(400, body).error or ""
    assert error.startswith("HTTP 400 Bad Request: message cannot be blank; xxx")
    assert len(error) > 500  # it is redacted before it is cut


@pytest.mark.parametrize("url", [PAGERDUTY_URL, PUSHOVER_URL, TWILIO_URL])
def test_everything_secret_is_redacted_from_what_a_service_repeats(url: str) -> None:
    target = target_of(url)
    (call,) = target.calls(incident(), Bases())
    echoed = f"{call.url} {call.headers} {call.body.decode()} {dict(parse_qsl(call.body.decode()))}"
    said = redact(f"{echoed} {echoed.upper()} {echoed.lower()}", target.secrets)
    assert not [secret for secret in rules.SECRETS if secret.lower() in said.lower()]
