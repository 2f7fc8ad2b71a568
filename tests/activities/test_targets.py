"""Requests to alert targets, by the product's own sender, to receivers that enforce the services' rules."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from activities.sealing import Keyring
from activities.sender import MAX_ERROR, Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.event_types import SUBSCRIBER_TEST
from domain.outcomes import Attempt, Failure
from domain.targets.base import Bases
from tests.support.alert_receivers import (
    AUTH,
    PAGERDUTY_URL,
    PUSHOVER_URL,
    SECRETS,
    SID,
    TWILIO_URL,
    AlertReceivers,
)
from tests.support.builders import make_event, make_keyring, make_target
from tests.support.sink import Answer, Drop, Garbage, Hang, Reset, RetryAfter, Script

ENQUEUE, MESSAGES = "/v2/enqueue", "/1/messages.json"
TEXT = f"/2010-04-01/Accounts/{SID}/Messages.json"
CALL = f"/2010-04-01/Accounts/{SID}/Calls.json"


@pytest_asyncio.fixture
async def alerts() -> AsyncIterator[AlertReceivers]:
    async with AlertReceivers() as running:
        yield running


def sending(bases: Bases, keyring: Keyring | None = None) -> Sender:
    policy = AddressPolicy()
    return Sender(GuardedTransport(policy), keyring or make_keyring(), policy, bases)


async def send(url: str, alerts: AlertReceivers, number: int = 1) -> Attempt:
    sender = sending(alerts.bases)
    try:
        return await sender.send(make_event(), make_target(url), number)
    finally:
        await sender.aclose()


@pytest.mark.parametrize(
    ("url", "status"),
    [(PAGERDUTY_URL, 202), (PUSHOVER_URL, 200), (TWILIO_URL, 201), (f"{TWILIO_URL}?method=call", 201)],
)
async def test_each_service_takes_a_declared_incident(alerts: AlertReceivers, url: str, status: int) -> None:
    attempt = await send(url, alerts)
    assert (attempt.status, attempt.failure, attempt.error) == (status, None, None)
    assert len(alerts.received) == 1
    assert attempt.response


async def test_a_test_of_pagerduty_is_two_requests_and_one_attempt(alerts: AlertReceivers) -> None:
    event = make_event(type=SUBSCRIBER_TEST, data={"test": True, "message": "x"}, extensions={})
    sender = sending(alerts.bases)
    attempt = await sender.send(event, make_target(PAGERDUTY_URL), 1)
    await sender.aclose()
    assert attempt.failure is None
    assert [said["event_action"] for said in alerts.pagerduty] == ["trigger", "resolve"]
    assert len({said["dedup_key"] for said in alerts.pagerduty}) == 1


async def test_a_trigger_that_is_refused_is_not_resolved(alerts: AlertReceivers) -> None:
    alerts.script(Answer(500), path=ENQUEUE)
    event = make_event(type=SUBSCRIBER_TEST, data={"test": True}, extensions={})
    sender = sending(alerts.bases)
    assert (await sender.send(event, make_target(PAGERDUTY_URL), 1)).status == 500
    await sender.aclose()
    assert len(alerts.received) == 1


@pytest.mark.parametrize(
    ("url", "path", "script", "failure", "retried"),
    [
        (PAGERDUTY_URL, ENQUEUE, Answer(400, b'{"errors":["bad"]}'), Failure.HTTP_STATUS, False),
        (PAGERDUTY_URL, ENQUEUE, Answer(429), Failure.HTTP_STATUS, True),
        (PAGERDUTY_URL, ENQUEUE, Answer(500), Failure.HTTP_STATUS, True),
        (PAGERDUTY_URL, ENQUEUE, Drop(), Failure.CONNECTION, True),
        (PUSHOVER_URL, MESSAGES, Answer(400, b'{"status":0}'), Failure.HTTP_STATUS, False),
        (PUSHOVER_URL, MESSAGES, Answer(200, b'{"status":0}'), Failure.INVALID_RESPONSE, False),
        (PUSHOVER_URL, MESSAGES, Reset(), Failure.CONNECTION, True),
        (TWILIO_URL, TEXT, Answer(401), Failure.HTTP_STATUS, False),
        (TWILIO_URL, TEXT, Answer(429), Failure.HTTP_STATUS, True),
        (TWILIO_URL, TEXT, Answer(503), Failure.HTTP_STATUS, True),
        (TWILIO_URL, TEXT, Drop(), Failure.UNKNOWN_OUTCOME, False),
        (TWILIO_URL, TEXT, Reset(), Failure.UNKNOWN_OUTCOME, False),
        (TWILIO_URL, TEXT, Garbage(), Failure.UNKNOWN_OUTCOME, False),
        (f"{TWILIO_URL}?method=call", CALL, Drop(), Failure.UNKNOWN_OUTCOME, False),
    ],
)
async def test_what_is_tried_again(  # noqa: PLR0917 - reads as a row
    alerts: AlertReceivers, url: str, path: str, script: Script, failure: Failure, retried: bool
) -> None:
    alerts.script(script, path=path)
    attempt = await send(url, alerts)
    assert (attempt.failure, attempt.retryable) == (failure, retried)


async def test_twilio_that_hangs_is_of_unknown_outcome(alerts: AlertReceivers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.sender.TOTAL_SECONDS", 1.5)
    alerts.script(Hang(), path=TEXT)
    attempt = await send(TWILIO_URL, alerts)
    assert attempt.failure is Failure.UNKNOWN_OUTCOME
    assert (attempt.error or "").startswith("timeout: no answer within 1.5 s; the message may have been sent")
    alerts.script(Hang(), path=ENQUEUE)
    assert (await send(PAGERDUTY_URL, alerts)).failure is Failure.TIMEOUT


async def test_twilio_that_was_never_reached_is_tried_again(alerts: AlertReceivers) -> None:
    base = alerts.url("")
    await alerts.__aexit__()
    for unreached, failure in (
        (Bases(twilio=base), Failure.CONNECTION),
        (Bases(twilio="https://name.invalid"), Failure.DNS),
    ):
        sender = sending(unreached)
        attempt = await sender.send(make_event(), make_target(TWILIO_URL), 1)
        await sender.aclose()
        assert (attempt.failure, attempt.retryable) == (failure, True)


async def test_twilio_whose_tls_never_comes_was_not_asked(
    alerts: AlertReceivers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.sender.TOTAL_SECONDS", 0.3)
    sender = sending(Bases(twilio=f"https://127.0.0.1:{alerts.port}"))  # which waits for the end of an HTTP head
    attempt = await sender.send(make_event(), make_target(TWILIO_URL), 1)
    await sender.aclose()
    assert (attempt.failure, attempt.retryable) == (Failure.TIMEOUT, True)


async def test_twilio_is_never_asked_over_a_connection_that_was_kept(alerts: AlertReceivers) -> None:
    sender = sending(alerts.bases)
    for _ in range(2):
        assert (await sender.send(make_event(), make_target(TWILIO_URL), 1)).failure is None
    await sender.aclose()
    assert alerts.connections == 2


@pytest.mark.parametrize(
    ("script", "seconds"),
    [(Answer(429), 60), (RetryAfter(429, "5"), 60), (RetryAfter(429, "120"), 120), (RetryAfter(503, "5"), 5)],
)
async def test_after_429_a_service_has_a_minute_at_least(
    alerts: AlertReceivers, script: Script, seconds: float
) -> None:
    alerts.script(script, path=ENQUEUE)
    assert (await send(PAGERDUTY_URL, alerts)).retry_after_seconds == seconds


@pytest.mark.parametrize(("url", "path"), [(PAGERDUTY_URL, ENQUEUE), (PUSHOVER_URL, MESSAGES), (TWILIO_URL, TEXT)])
async def test_no_secret_that_a_service_repeats_is_kept(alerts: AlertReceivers, url: str, path: str) -> None:
    echo = "".join(
        f"{'x' * 1990 if secret == AUTH else ''} {secret} {secret[:5]}\x00{secret[5:]}" for secret in SECRETS
    )
    alerts.script(Answer(400, f'{{"message": "{echo[-60:]}", "errors": ["{echo[:100]}"]}} {echo}'.encode()), path=path)
    attempt = await send(url, alerts)
    own = [secret for secret in SECRETS if secret in alerts.received[0].body.decode() + alerts.received[0].path]
    assert own
    kept = f"{attempt.error} {attempt.response}"
    assert not [secret for secret in own if secret in kept]
    assert len((attempt.response or "").encode()) <= 2048


async def test_a_reason_is_cut_only_when_no_part_of_a_secret_is_left_by_it(alerts: AlertReceivers) -> None:
    for before in range(MAX_ERROR - 60, MAX_ERROR + 5, 5):
        alerts.script(Answer(400, json.dumps({"message": f"{'x' * before}{AUTH}"}).encode()), path=TEXT)
        attempt = await send(TWILIO_URL, alerts)
        assert len(attempt.error or "") <= MAX_ERROR
        assert AUTH[:6] not in (attempt.error or "")


async def test_a_notify_url_that_does_not_open_waits_for_the_key(alerts: AlertReceivers) -> None:
    sender = sending(alerts.bases, Keyring([("other", bytes(32))]))
    attempt = await sender.send(make_event(), make_target(PAGERDUTY_URL), 1)
    await sender.aclose()
    assert (attempt.failure, attempt.retryable, alerts.received) == (Failure.SEALING_KEY, True, [])


async def test_a_service_at_a_refused_address_is_not_asked() -> None:
    sender = sending(Bases(pagerduty="https://10.0.0.1"))
    attempt = await sender.send(make_event(), make_target(PAGERDUTY_URL), 1)
    await sender.aclose()
    assert attempt.failure is Failure.BLOCKED_ADDRESS
