"""`im trigger` and `im demo --seed-data`: what is emitted is what its schema says, and nobody is paged by chance."""

import json

import jsonschema

from cli.seeds import SEEDS
from domain.event_types import KNOWN_TYPES
from domain.incidents import Status
from service.event_schemas import event_schema
from tests.support.platform import Platform, unique_name
from tests.support.sink import Sink


async def test_a_triggered_event_is_delivered_as_its_schema_says(platform: Platform, sink: Sink) -> None:
    name = unique_name("triggered")
    await platform.gateway.subscribers.add(name, sink.url(), types=["im.incident.**"])
    ran = await platform.im(
        "trigger", "im.incident.declared.v1", "--set", "severity=SEV-1", "--subscriber", name, "--format", "json"
    )
    assert ran.code == 0, ran.err
    [request] = await sink.wait_for(1)
    event = json.loads(request.body)
    jsonschema.Draft202012Validator(event_schema("im.incident.declared.v1")).validate(event)
    assert (event["id"], event["data"]["severity"], event["imexample"]) == (ran.json["event_id"], "SEV-1", True)
    refused = await platform.im("trigger", "im.alarm.raised.v1", "--subscriber", name)
    assert (refused.code, "would not be told" in refused.err) == (1, True)
    nobody = await platform.im("trigger", "im.alarm.raised.v1", "--subscriber", unique_name("nobody"))
    assert nobody.code == 1
    await platform.gateway.subscribers.remove(name)


async def test_every_known_type_can_be_triggered_without_a_server(platform: Platform) -> None:
    away = {"TEMPORAL_ADDRESS": "127.0.0.1:1"}
    for event_type in list(KNOWN_TYPES)[-3:]:
        ran = await platform.im("trigger", event_type, "--dry-run", env=away)
        assert (ran.code, ran.json["type"]) == (0, event_type)
    for arguments in (["im.subscriber.test.v1"], ["a.b"], ["im.incident.declared.v1", "--set", "colour=red"]):
        assert (await platform.im("trigger", *arguments, env=away)).code == 1


async def test_seeds_reach_every_status_and_page_nobody_by_chance(platform: Platform) -> None:
    name = unique_name("oncall")
    await platform.gateway.subscribers.add(name, notify="pagerduty://0123456789abcdef0123456789abcdef")
    refused = await platform.im("demo", "--seed-data")
    assert (refused.code, refused.out) == (1, "")
    assert name in refused.err
    await platform.gateway.subscribers.remove(name)

    paged = [one.name for one in await platform.gateway.subscribers.all() if one.enabled and one.target != "webhook"]
    ran = await platform.im("demo", "--seed-data", *(["--page"] if paged else []))
    assert ran.code == 0, ran.err
    rows = [line.split() for line in ran.out.splitlines()[1:]]
    assert len(rows) == len(SEEDS)
    assert {row[2] for row in rows} == set(Status)
    found = await platform.gateway.incidents.get(rows[2][0])
    assert found.details == {"demo": True}
    assert all(entry.published for entry in found.timeline)
    assert (await platform.im("demo", "--seed-data", "--keep")).code == 2
