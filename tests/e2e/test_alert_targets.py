"""Alert targets, end to end: incidents reach receivers that enforce the services' rules; secrets stay sealed."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InvalidRequestError
from domain.targets.errors import InvalidNotifyError
from domain.targets.kinds import PAGERDUTY_TYPES
from service.devserver import DevServer
from tests.support.alert_receivers import (
    AUTH,
    FROM,
    KEY,
    PAGERDUTY_URL,
    PUSHOVER_URL,
    SECRETS,
    SID,
    TO,
    TWILIO_URL,
    USER,
    AlertReceivers,
)
from tests.support.alert_receivers import (
    TOKEN as PUSHOVER_TOKEN,
)
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Drop, Sink

ENQUEUE = "/v2/enqueue"
TEXT = f"/2010-04-01/Accounts/{SID}/Messages.json"


async def add(platform: Platform, notify: str, *types: str) -> str:
    name = unique_name("oncall")
    await platform.gateway.subscribers.add(name, notify=notify, types=types or None)
    return name


async def remove(platform: Platform, *names: str) -> None:
    await asyncio.gather(*(platform.gateway.subscribers.remove(name) for name in names))


async def declare(platform: Platform, severity: str = "SEV-1") -> str:
    body = {"title": "Checkout errors", "severity": severity, "actor": "test"}
    return str((await platform.api.post("/api/v1/incidents", json=body)).json()["id"])


async def step(platform: Platform, incident: str, action: str) -> None:
    assert (await platform.api.post(f"/api/v1/incidents/{incident}/{action}")).status_code == 200


async def told(found: list[dict[str, Any]], incident: str, count: int) -> list[dict[str, Any]]:
    """What one of the services accepted about an incident, once there are so many."""
    return await eventually(
        lambda: mine if len(mine := [said for said in found if incident in json.dumps(said)]) >= count else None
    )


async def test_an_incident_is_triggered_acknowledged_and_resolved_under_one_key(
    platform: Platform, alerts: AlertReceivers
) -> None:
    name = await add(platform, PAGERDUTY_URL)
    incident = await declare(platform)
    for action in ("acknowledge", "notes", "mitigate", "resolve", "close"):
        if action == "notes":
            note = {"note": "looking", "actor": "me"}
            assert (await platform.api.post(f"/api/v1/incidents/{incident}/notes", json=note)).status_code == 201
        else:
            await step(platform, incident, action)
    said = await told(alerts.pagerduty, f"im/{incident}", 4)
    await asyncio.sleep(0.3)
    assert [each["event_action"] for each in said] == ["trigger", "acknowledge", "resolve", "resolve"]
    assert {each["dedup_key"] for each in said} == {f"im/{incident}"}
    assert said[0]["payload"]["severity"] == "critical"
    await remove(platform, name)


async def test_pushover_is_loud_when_it_begins_and_quiet_when_it_ends(
    platform: Platform, alerts: AlertReceivers
) -> None:
    name = await add(platform, PUSHOVER_URL)
    incident = await declare(platform)
    await step(platform, incident, "resolve")
    said = await told(alerts.pushover, incident, 2)
    assert [each["priority"] for each in said] == ["2", "0"]
    assert (said[0]["retry"], said[0]["expire"]) == ("60", "3600")
    await remove(platform, name)


async def test_twilio_texts_and_calls(platform: Platform, alerts: AlertReceivers) -> None:
    names = [await add(platform, TWILIO_URL), await add(platform, f"{TWILIO_URL}?method=call")]
    incident = await declare(platform)
    said = await told(alerts.twilio, incident, 2)
    assert {"Body" in each for each in said} == {True, False}
    await remove(platform, *names)


async def test_a_message_of_unknown_outcome_is_not_sent_again(platform: Platform, alerts: AlertReceivers) -> None:
    event_type = unique_type("unknown")
    name = await add(platform, TWILIO_URL, event_type)
    alerts.script(Drop(), path=TEXT)
    before = len(alerts.received)
    ended = await platform.ended(await platform.emit(event_type))
    delivery = ended[name]
    assert (delivery["state"], delivery["recorded"], len(delivery["attempts"])) == ("failed", True, 1)
    assert delivery["attempts"][0]["failure"] == "unknown_outcome"
    assert "Twilio has no idempotency key" in delivery["error"]
    assert len(alerts.received) == before + 1
    health = (await platform.api.get(f"/api/v1/subscribers/{name}/health")).json()
    assert (health["delivered"], health["failed"]) == (0, 1)


async def test_twilio_that_says_that_it_did_nothing_is_asked_again(platform: Platform, alerts: AlertReceivers) -> None:
    event_type = unique_type("again")
    name = await add(platform, TWILIO_URL, event_type)
    alerts.script(Answer(500), Answer(503), path=TEXT)
    delivery = (await platform.ended(await platform.emit(event_type)))[name]
    assert delivery["state"] == "delivered"
    assert [attempt["status"] for attempt in delivery["attempts"]] == [500, 503, 201]
    assert [attempt["number"] for attempt in delivery["attempts"]] == [1, 2, 3]


async def test_pagerduty_is_told_again_until_it_takes_it(platform: Platform, alerts: AlertReceivers) -> None:
    name = await add(platform, PAGERDUTY_URL)
    alerts.script(Answer(500), Drop(), path=ENQUEUE)
    incident = await declare(platform, "SEV-2")
    said = await told(alerts.pagerduty, f"im/{incident}", 1)
    assert said[0]["payload"]["severity"] == "error"
    await remove(platform, name)


async def test_trying_a_subscriber_out_reaches_it_alone(platform: Platform, alerts: AlertReceivers, sink: Sink) -> None:
    name, webhook = await add(platform, PAGERDUTY_URL), unique_name("all")
    await platform.gateway.subscribers.add(webhook, sink.url(), types=["**", "im.subscriber.test.v1"])
    tried = await platform.im("subscriber", "test", name)
    assert (tried.code, tried.err) == (0, "")
    assert f"{name}: delivered" in tried.out
    assert "202" in tried.out
    assert "Event processed" in tried.out
    mine = [said for said in alerts.pagerduty if f"im/subscribers/{name}" in said["dedup_key"]]
    assert [said["event_action"] for said in mine] == ["trigger", "resolve"]
    assert sink.received == []
    as_json = (await platform.im("subscriber", "test", webhook, "--format", "json")).json
    assert (as_json["state"], as_json["delivery"]["attempts"][0]["status"]) == ("delivered", 200)
    assert json.loads(sink.received[0].body)["data"]["test"] is True
    await remove(platform, name, webhook)


async def test_a_test_that_fails_exits_1_and_says_how_to_follow_it(platform: Platform, alerts: AlertReceivers) -> None:
    name = await add(platform, PUSHOVER_URL, unique_type("none"))
    alerts.script(Answer(400, b'{"status":0,"errors":["application token is invalid"]}'), path="/1/messages.json")
    failed = await platform.im("subscriber", "test", name)
    assert failed.code == 1
    assert "HTTP 400 Bad Request: application token is invalid" in failed.out
    alerts.script(Answer(500), path="/1/messages.json")
    retried = await platform.im("subscriber", "test", name)
    assert retried.code == 1
    assert "more attempts follow; see: im event show evt_" in retried.err
    await platform.im("subscriber", "update", name, "--no-enabled")
    disabled = await platform.api.post(f"/api/v1/subscribers/{name}/test")
    assert (disabled.status_code, disabled.json()["code"]) == (422, "invalid_request")
    assert (await platform.im("subscriber", "test", "nobody")).code == 1


async def test_a_notify_url_is_given_replaced_and_never_becomes_a_webhook(platform: Platform) -> None:
    name = unique_name("oncall")
    added = await platform.im("subscriber", "add", "--name", name, "--notify", "-", stdin=f"{PAGERDUTY_URL}\n")
    assert (added.code, added.out) == (0, "")
    assert added.err == f"added {name}: {','.join(PAGERDUTY_TYPES)} to pagerduty://…\n"
    replaced = await platform.im("subscriber", "update", name, "--notify", PUSHOVER_URL, "--schedule", "5,60")
    assert replaced.code == 0
    shown = await platform.gateway.subscribers.get(name)
    assert (shown.url, shown.target, shown.schedule) == ("pover://…", "pushover", "5,60")
    refused = await platform.im("subscriber", "update", name, "--url", "https://example.com/")
    assert (refused.code, "--notify" in refused.err) == (1, True)
    with pytest.raises(InvalidRequestError, match="own keys"):
        await platform.gateway.subscribers.add("x", notify=PAGERDUTY_URL, generate_secret=True)
    await remove(platform, name)


async def test_apprise_tells_what_it_alone_knows(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("apprise")
    name = await add(platform, f"json://127.0.0.1:{sink.port}/hush", event_type)
    delivery = (await platform.ended(await platform.emit(event_type)))[name]
    assert delivery["state"] == "delivered"
    assert event_type in json.loads(sink.received[0].body)["title"]
    with pytest.raises(InvalidNotifyError, match="Apprise knows no such service"):
        await add(platform, "syslog://")


async def test_no_notify_url_is_to_be_read_anywhere(
    platform: Platform, temporal: DevServer, alerts: AlertReceivers
) -> None:
    event_type = unique_type("sealed")
    names = [await add(platform, url, event_type) for url in (PUSHOVER_URL, TWILIO_URL, PAGERDUTY_URL)]
    for path, own in ((ENQUEUE, (KEY,)), ("/1/messages.json", (USER, PUSHOVER_TOKEN)), (TEXT, (SID, AUTH, FROM, TO))):
        words = " ".join(own)
        alerts.script(Answer(400, json.dumps({"errors": [words], "message": words}).encode()), path=path)
    event_id = await platform.emit(event_type)
    await platform.ended(event_id)
    said = [await platform.im("subscriber", "test", names[2]), await platform.im("logs", "--format", "json")]
    said.append(await platform.im("event", "show", event_id))
    texts = [ran.out + ran.err for ran in said]
    paths = ("subscribers", f"subscribers/{names[0]}", f"events/{event_id}")
    texts += [(await platform.api.get(f"/api/v1/{path}")).text for path in paths]
    texts.append((await platform.client.get_workflow_handle("subscribers").fetch_history()).to_json())
    command = Path(f"/proc/{temporal.process.pid}/cmdline").read_bytes().split(b"\0")
    database = Path(command[command.index(b"--db-filename") + 1].decode()).parent
    files = [path for folder in (platform.state, database) for path in sorted(folder.rglob("*")) if path.is_file()]
    raw = b"".join(path.read_bytes() for path in files)
    for secret in SECRETS:
        assert not [text for text in texts if secret in text]
        assert secret.encode() not in raw
    await remove(platform, *names)
