"""Notify URLs: what each form sets up, what is refused, and that nothing repeats a URL."""

import pytest

from domain.targets import kinds
from domain.targets.catalogue import AppriseTarget, parse_notify, redacted
from domain.targets.errors import InvalidNotifyError
from domain.targets.pagerduty import PagerDuty
from domain.targets.pushover import Pushover
from domain.targets.twilio import Twilio
from tests.support.alert_receivers import AUTH, FROM, KEY, PAGERDUTY_URL, PUSHOVER_URL, SECRETS, SID, TO, TOKEN, USER

LOGIN = f"twilio://{SID}:{AUTH}@"
TWILIO = f"{LOGIN}{FROM}/{TO}"


@pytest.mark.parametrize(
    "url",
    [
        f"pagerduty://{KEY}",
        f"PagerDuty://{KEY}@an-api-key",
        f"pagerduty://{KEY}@an-api-key/source/component",
        f"pagerduty://_?integrationkey={KEY}&apikey=an-api-key",
    ],
)
def test_the_integration_key_of_pagerduty_keeps_its_case(url: str) -> None:
    target = parse_notify(url)
    assert isinstance(target, PagerDuty)
    assert target.key == KEY


def test_pagerduty_options_are_apprises() -> None:
    target = parse_notify(
        f"{PAGERDUTY_URL}@k/web-1/api?region=EU&group=prod&class=cpu&severity=warning&+team=a%20b&click="
    )
    assert isinstance(target, PagerDuty)
    options = {
        "source": "web-1",
        "component": "api",
        "group": "prod",
        "class": "cpu",
        "severity": "warning",
        "click": "",
    }
    assert (target.region, dict(target.options), dict(target.details)) == ("eu", options, {"team": "a b"})


def test_pushover_options_are_apprises() -> None:
    target = parse_notify(f"{PUSHOVER_URL}/phone/tablet?priority=high&sound=siren&interval=30&expire=10800&to=watch")
    assert isinstance(target, Pushover)
    assert (target.user, target.token, target.devices) == (USER, TOKEN, ("phone", "tablet", "watch"))
    assert (target.priority, target.retry, target.expire, target.extra) == (1, 30, 10800, (("sound", "siren"),))


@pytest.mark.parametrize(("given", "meant"), [("-2", -2), ("emergency", 2), ("e", 2), ("2", 2), ("l", -2), ("m", -1)])
def test_pushover_priorities_are_numbers_or_words(given: str, meant: int) -> None:
    target = parse_notify(f"{PUSHOVER_URL}?priority={given}")
    assert isinstance(target, Pushover)
    assert target.priority == meant


@pytest.mark.parametrize(
    "url",
    [
        TWILIO,
        f"{LOGIN}1(500)555-0006/1-555-867-5310",
        f"{LOGIN}%2B15005550006/?to=%2B15558675310",
        f"twilio://_?sid={SID}&token={AUTH}&from={FROM}&to={TO}&method=SMS",
    ],
)
def test_twilio_numbers_are_read_in_every_form(url: str) -> None:
    target = parse_notify(url)
    assert isinstance(target, Twilio)
    assert (target.sid, target.token, target.sender, target.receiver) == (SID, AUTH, FROM, TO)
    assert target.method == "sms"


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("", "scheme"),
        (KEY, "scheme"),
        ("pagerduty:/x", "scheme"),
        (f"{PAGERDUTY_URL} ", "white space"),
        (f"{PAGERDUTY_URL}\n", "white space"),
        (PAGERDUTY_URL + "/" + "x" * 2048, "2048"),
        ("https://example.com/hook", "--url"),
        ("pagerduty://short", "32"),
        (f"{PAGERDUTY_URL}/a/b/c", "component"),
        (f"{PAGERDUTY_URL}?region=mars", "region"),
        (f"{PAGERDUTY_URL}?severity=bad", "severity"),
        (f"{PAGERDUTY_URL}?dedup=one", "dedup"),
        (f"{PAGERDUTY_URL}?{KEY}=one", "in it"),
        (f"pover://{USER}", "30"),
        (f"pover://{USER}@short", "30"),
        (f"{PUSHOVER_URL}/%23group", "group"),
        (f"{PUSHOVER_URL}/" + "d" * 26, "device"),
        (f"{PUSHOVER_URL}?priority=3", "priority"),
        (f"{PUSHOVER_URL}?priority=", "priority"),
        (f"{PUSHOVER_URL}?interval=29", "interval"),
        (f"{PUSHOVER_URL}?expire=10801", "expire"),
        (f"{PUSHOVER_URL}?sound=a%26b", "sound"),
        (f"{PUSHOVER_URL}?url=https://{'x' * 512}", "url"),
        (f"twilio://{SID}@{FROM}/{TO}", "auth token"),
        (f"twilio://AC1:{AUTH}@{FROM}/{TO}", "SID"),
        (f"{LOGIN}{FROM}", "0 numbers"),
        (f"{TWILIO}/+15550000000", "add a subscriber for each"),
        (f"{LOGIN}{FROM}/w:{TO}", "to tell"),
        (f"{LOGIN}{FROM}/911", "to tell"),
        (f"{LOGIN}me/{TO}", "to send from"),
        (f"{LOGIN}12345/{TO}?method=call", "to send from"),
        (f"{TWILIO}?method=fax", "sms or call"),
        (f"{TWILIO}?apikey=SK1", "API key"),
    ],
)
def test_a_url_out_of_form_is_refused_with_the_reason_and_without_the_url(url: str, reason: str) -> None:
    with pytest.raises(InvalidNotifyError, match="notify URL cannot be used") as refused:
        parse_notify(url)
    said = str(refused.value) + refused.value.advice
    assert reason in said if url else "it is empty" in said
    assert not [secret for secret in SECRETS if secret in said]


def test_a_short_code_may_send_a_text_message() -> None:
    target = parse_notify(f"{LOGIN}12345/{TO}")
    assert isinstance(target, Twilio)
    assert target.sender == "12345"


def test_other_schemes_are_left_to_apprise() -> None:
    assert parse_notify("slack://a/b/c") == AppriseTarget("slack", "slack://a/b/c")


def test_only_the_scheme_is_shown() -> None:
    assert redacted(TWILIO) == "twilio://…"
    for url in (PAGERDUTY_URL, f"{PUSHOVER_URL}/phone", TWILIO, "slack://token/b"):
        shown = repr(parse_notify(url))
        assert not [secret for secret in (*SECRETS, "token/b") if secret in shown]


def test_what_each_kind_is_told_of() -> None:
    assert kinds.default_types(kinds.WEBHOOK) == ("**",)
    assert kinds.default_types(kinds.PAGERDUTY) == kinds.sayable_types(kinds.PAGERDUTY) == kinds.PAGERDUTY_TYPES
    begin_and_end = ("im.incident.declared.v1", "im.incident.resolved.v1")
    for kind in (kinds.PUSHOVER, kinds.TWILIO, kinds.APPRISE):
        assert kinds.default_types(kind) == begin_and_end
        assert kinds.can_say(kind, "com.example.anything.v1")
    assert not kinds.can_say(kinds.PAGERDUTY, "im.incident.note_added.v1")
    assert [kind for kind in (kinds.WEBHOOK, kinds.PAGERDUTY, kinds.PUSHOVER, kinds.TWILIO, kinds.APPRISE)
            if kinds.is_at_most_once(kind)] == [kinds.TWILIO]  # fmt: skip
