"""Alarms over the whole platform: told in both formats, signed, in order, and one alarm never holds up another."""

import asyncio
import itertools
import json
import re
from collections.abc import Sequence
from typing import Any

import jsonschema
import pytest
from standardwebhooks import Webhook

from api.alarms import SCHEMAS
from domain.alarm_messages import flat
from domain.alarms import AlarmSeverity, Identity, IdentityRule
from domain.incidents import Action, Change, Declaration, Severity
from domain.message_formats import MessageFormat
from domain.signing import body_signature, whsec
from service.alarms import AlarmFilter, AlarmGateway, AlarmRules
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name
from tests.support.sink import Answer, Received, Sink

SECRET = "a-signing-secret-of-the-tests"


async def subscribe(platform: Platform, url: str, message_format: str, **options: Any) -> str:
    name = unique_name(message_format)
    await platform.gateway.subscribers.add(name, url, message_format=MessageFormat(message_format), **options)
    return name


async def say(platform: Platform, resource: str, severity: str, **parts: Any) -> dict[str, Any]:
    body = {"alarm_type": "failed-connection", "resource_type": "data-source", "resource_id": resource}
    answer = await platform.api.post("/api/v1/alarms", json=body | {"severity": severity} | parts)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


def of(requests: Sequence[Received], alarm_id: str) -> list[dict[str, Any]]:
    """The notifications of one alarm, flat or nested, failed requests included, in order of arrival."""
    bodies: list[dict[str, Any]] = [json.loads(request.body) for request in requests]
    return [body for body in bodies if body.get("alarm_id") == alarm_id]


async def test_a_flat_and_a_nested_webhook_are_told_exactly_when_it_flips_or_changes(
    platform: Platform, sink: Sink
) -> None:
    names = [await subscribe(platform, sink.url(f"/{form}"), form, secret=SECRET) for form in ("flat", "nested")]
    resource = unique_name("db")
    alarm_id = (await say(platform, resource, "MAJOR", brief_description="down"))["alarm"]["alarm_id"]
    for severity in ("MAJOR", "CRITICAL", "CRITICAL", "CLEARED", "CLEARED", "MINOR"):
        await say(platform, resource, severity)

    for form in ("flat", "nested"):

        def told(form: str = form) -> list[Received] | None:
            mine = [request for request in sink.received if request.path == f"/{form}"]
            return mine if len(mine) >= 4 else None

        requests = await eventually(told)
        said = of(requests, alarm_id)
        assert [each["severity"] for each in said] == ["MAJOR", "CRITICAL", "CLEARED", "MINOR"]
        assert len(said) == 4
        stamps = [each["last_updated"] for each in said]
        assert stamps == sorted(set(stamps))
        for each, request in zip(said, requests, strict=True):
            jsonschema.Draft202012Validator(SCHEMAS[f"alarm-{form}"]).validate(each)
            assert each["cleared"] == (
                str(each["severity"] == "CLEARED").lower() if form == "flat" else each["severity"] == "CLEARED"
            )
            assert request.headers["content-type"] == "application/json"
            assert not [name for name in request.headers if name.lower().startswith("ce-")]
            assert request.headers["x-cloudevents-signature"] == body_signature(SECRET, request.body)
            Webhook(whsec(SECRET.encode())).verify(request.body, dict(request.headers))
        assert len({request.headers["webhook-id"] for request in requests}) == 4
    await asyncio.gather(*(platform.gateway.subscribers.remove(name) for name in names))


async def test_a_cloudevents_webhook_is_told_everything(platform: Platform, sink: Sink) -> None:
    name = await subscribe(platform, sink.url("/ce"), "cloudevents", types=["im.alarm.**"])
    observed = await say(platform, unique_name("db"), "MAJOR", node_id="n1", suggested_actions=["restart it"])
    (request,) = await sink.wait_for(1)
    event = json.loads(request.body)
    alarm_id = observed["alarm"]["alarm_id"]
    assert (event["type"], event["source"], event["imalarmid"], event["id"]) == (
        "im.alarm.raised.v1",
        f"/alarms/{alarm_id}",
        alarm_id,
        observed["event_id"],
    )
    jsonschema.Draft202012Validator(SCHEMAS["alarm-nested"]).validate(event["data"])
    assert event["data"]["description"]["suggested_actions"] == ["restart it"]
    await platform.gateway.subscribers.remove(name)


@pytest.mark.parametrize("form", ["flat", "nested", "cloudevents"])
async def test_a_later_state_never_overtakes_one_that_is_retried_and_other_alarms_do_not_wait(
    platform: Platform, sink: Sink, form: str
) -> None:
    options: dict[str, Any] = {"types": ["im.alarm.**"], "ordered": True} if form == "cloudevents" else {}
    sink.script(Answer(503), Answer(500), Answer(503), path="/ordered")
    name = await subscribe(platform, sink.url("/ordered"), form, schedule=",".join("1" * 45), **options)
    slow, other = unique_name("slow"), unique_name("other")
    first = (await say(platform, slow, "MAJOR"))["alarm"]["alarm_id"]
    await eventually(lambda: len(sink.received) >= 1)
    for severity in ("CRITICAL", "CLEARED"):
        await say(platform, slow, severity)
    second = (await say(platform, other, "WARNING"))["alarm"]["alarm_id"]

    def severities(alarm_id: str) -> list[str]:
        bodies = [json.loads(request.body) for request in sink.received]
        states = [body["data"] if form == "cloudevents" else body for body in bodies]
        return [state["severity"] for state in states if state["alarm_id"] == alarm_id]

    await eventually(lambda: severities(second), 30)  # the other alarm does not wait for the first
    await eventually(lambda: len(severities(first)) >= 3, 30)
    assert set(severities(first)) == {"MAJOR"}
    sink.script(Answer(200), path="/ordered")
    await eventually(lambda: "CLEARED" in severities(first), 30)
    told = severities(first)
    assert [severity for severity, _ in itertools.groupby(told)] == ["MAJOR", "CRITICAL", "CLEARED"]
    await platform.gateway.subscribers.remove(name)


async def test_one_that_failed_for_good_does_not_block_the_next(platform: Platform, sink: Sink) -> None:
    sink.script(Answer(400), Answer(200), path="/hook")
    name = await subscribe(platform, sink.url("/hook"), "nested")
    resource = unique_name("db")
    raised = await say(platform, resource, "MAJOR")
    cleared = await say(platform, resource, "CLEARED")
    await sink.wait_for(2)
    assert (await platform.ended(raised["event_id"]))[name]["state"] == "failed"
    assert (await platform.ended(cleared["event_id"]))[name]["state"] == "delivered"
    assert [body["severity"] for body in of(sink.received, raised["alarm"]["alarm_id"])] == ["MAJOR", "CLEARED"]
    await platform.gateway.subscribers.remove(name)


async def test_an_ordered_webhook_is_told_of_an_incident_in_order(platform: Platform, sink: Sink) -> None:
    sink.script(Answer(503), Answer(503), Answer(200))
    name = unique_name("ordered")
    await platform.gateway.subscribers.add(name, sink.url(), types=["im.incident.**"], ordered=True, schedule="1,1,1")
    incidents = platform.gateway.incidents
    incident = await incidents.declare(Declaration(title="slow", severity=Severity.SEV_3, actor="t"))
    for action in (Action.ACKNOWLEDGE, Action.RESOLVE):
        await incidents.change(incident.id, Change(action=action, actor="t"))
    requests = await sink.wait_for(5, 30)
    verbs = [json.loads(request.body)["type"].split(".")[2] for request in requests]
    assert verbs == ["declared", "declared", "declared", "acknowledged", "resolved"]
    await platform.gateway.subscribers.remove(name)


async def test_an_alarm_event_of_somebody_else_that_cannot_be_said_fails_for_good(
    platform: Platform, sink: Sink
) -> None:
    name = await subscribe(platform, sink.url("/flat"), "flat")
    event_id = await platform.emit("im.alarm.raised.v1", {"alarm_id": "x"})
    delivery = (await platform.ended(event_id))[name]
    assert (delivery["state"], len(delivery["attempts"])) == ("failed", 1)
    assert delivery["attempts"][0]["failure"] == "unsayable"
    assert delivery["error"] == "not an alarm notification: cleared is missing"
    assert sink.received == []
    await platform.gateway.subscribers.remove(name)


@pytest.mark.parametrize("form", ["flat", "nested"])
async def test_trying_out_a_notified_subscriber_sends_a_marked_cleared_alarm(
    platform: Platform, sink: Sink, form: str
) -> None:
    name = await subscribe(platform, sink.url("/test"), form)
    tried = await platform.im("subscriber", "test", name)
    assert tried.code == 0, tried.err
    (request,) = sink.received
    said = json.loads(request.body)
    jsonschema.Draft202012Validator(SCHEMAS[f"alarm-{form}"]).validate(said)
    assert said["severity"] == "CLEARED"
    assert "TEST: " in request.body.decode()
    await platform.gateway.subscribers.remove(name)


async def test_many_at_once_raise_one_alarm_and_tell_once(platform: Platform, sink: Sink) -> None:
    name = await subscribe(platform, sink.url("/once"), "flat")
    resource = unique_name("db")
    said = await asyncio.gather(*(say(platform, resource, "MAJOR") for _ in range(24)))
    assert sorted(one["outcome"] for one in said) == ["raised"] + ["unchanged"] * 23
    assert sum(one["created"] for one in said) == 1
    await say(platform, resource, "CLEARED")
    alarm_id = said[0]["alarm"]["alarm_id"]
    await eventually(lambda: len(of(sink.received, alarm_id)) >= 2)
    assert [one["severity"] for one in of(sink.received, alarm_id)] == ["MAJOR", "CLEARED"]
    await platform.gateway.subscribers.remove(name)


async def test_the_command_line_from_raise_to_clear(platform: Platform) -> None:
    resource = unique_name("db")
    named = ("--type", "failed-connection", "--resource-type", "data-source", "--resource", resource)
    raised = await platform.im(
        *("alarm", "raise", *named, "--severity", "major", "--brief", "down", "--link", "https://x.example/"),
        *("--impact", "authenticator=No login: at all", "--dependency", "authenticator=sms"),
        env={"IM_ALARM_DASHBOARD_URL": "https://y.example/{alarm_id}"},
    )
    assert raised.code == 0, raised.err
    assert raised.err.startswith("raised: event evt_")
    alarm_id = raised.out.splitlines()[1].split()[0]
    changed = await platform.im("alarm", "change", alarm_id, "--severity", "CRITICAL")
    assert changed.err.startswith("changed: event")
    shown = await platform.im("alarm", "show", alarm_id)
    assert "authenticator: No login: at all\n    - sms" in shown.out
    assert re.search("severity: +CRITICAL", shown.out)
    assert "https://x.example/" in shown.out
    cleared = await platform.im("alarm", "clear", *named)
    assert cleared.err.startswith("cleared: event")
    refused = await platform.im("alarm", "clear", "nothing")
    assert (refused.code, "no alarm 'nothing' is known" in refused.err) == (1, True)


async def test_settings_decide_on_identity_and_link(platform: Platform) -> None:
    resource, link = unique_name("db"), "https://y.example/{resource_id}/{node_id}"
    rules = AlarmRules(identity=IdentityRule.RESOURCE_AND_NODE, dashboard=link)
    desk = AlarmGateway(platform.gateway.connection, rules)
    identity = Identity(alarm_type="t", resource_type="r", resource_id=resource)
    found = [await desk.upsert(identity, AlarmSeverity.MINOR, node_id=node) for node in ("n 1", "n2", "n2")]
    assert [one.outcome for one in found] == ["raised", "raised", "unchanged"]
    assert [one.alarm.dashboard_link for one in found[:2]] == [
        f"https://y.example/{resource}/n%201",
        f"https://y.example/{resource}/n2",
    ]


async def test_alarms_are_listed_once_each_and_page_by_page(platform: Platform) -> None:
    kind = unique_name("paged")

    async def up(resource: str, severity: str) -> str:
        body = {"alarm_type": kind, "resource_type": "r", "resource_id": resource, "severity": severity}
        return str((await platform.api.post("/api/v1/alarms", json=body)).json()["alarm"]["alarm_id"])

    ids = [await up(f"r{number}", "MINOR") for number in range(5)]
    await up("r0", "CLEARED")

    async def all_known() -> bool:
        page = await platform.gateway.alarms.find(AlarmFilter(alarm_type=kind))
        return len(page.rows) == 5 and sum(row.cleared for row in page.rows) == 1

    await eventually(all_known)
    seen: list[str] = []
    path = f"/api/v1/alarms?alarm_type={kind}&limit=2"
    while path:
        answer = await platform.api.get(path)
        seen += [row["alarm_id"] for row in answer.json()["data"]]
        path = answer.headers.get("link", "").partition(";")[0].strip("<>")
    assert seen == ids[::-1]


async def test_what_is_shown_is_what_was_told(platform: Platform, sink: Sink) -> None:
    name = await subscribe(platform, sink.url("/shown"), "flat")
    observed = await say(platform, unique_name("db"), "MINOR", brief_description="x", node_id="n1")
    (request,) = await sink.wait_for(1)
    alarm = await platform.gateway.alarms.get(observed["alarm"]["alarm_id"])
    assert json.loads(request.body) == flat(alarm)
    await platform.gateway.subscribers.remove(name)
