"""Alarms over HTTP: upserting, reading, clearing, the door for notifications, and the schemas."""

import json
from typing import Any

import jsonschema
import pytest

from api import alarm_examples
from api.body_limit import ALARM_BODY_BYTES
from domain.alarm_messages import flat, nested
from tests.api.conftest import Service
from tests.api.stand_in_alarms import AT

PATH = "/api/v1/alarms"
DOOR = f"{PATH}/notifications"
RAISE = alarm_examples.RAISE_ALARM


async def say(service: Service, **parts: Any) -> dict[str, Any]:
    answer = await service.http.post(PATH, json=RAISE | parts)
    assert answer.status_code in {200, 201}, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def test_a_new_alarm_is_201_with_location_and_the_same_again_is_200(service: Service) -> None:
    first = await service.http.post(PATH, json=RAISE)
    assert (first.status_code, first.json()["outcome"], first.json()["created"]) == (201, "raised", True)
    location = first.headers["location"]
    assert location == f"{PATH}/{alarm_examples.ALARM_ID}"
    again = await service.http.post(PATH, json=RAISE)
    assert (again.status_code, again.json()["outcome"], again.json()["event_id"]) == (200, "unchanged", None)
    shown = (await service.http.get(location)).json()
    assert shown == again.json()["alarm"]
    assert shown["impacted_resources"] == alarm_examples.IMPACTS


async def test_each_outcome_is_named(service: Service) -> None:
    outcomes = [
        (await say(service, severity="MAJOR"))["outcome"],
        (await say(service, severity="CRITICAL"))["outcome"],
        (await say(service, severity="MINOR", last_updated="2020-01-01T00:00:00Z"))["outcome"],
        (await say(service, severity="CLEARED"))["outcome"],
        (await say(service, severity="CLEARED"))["outcome"],
    ]
    assert outcomes == ["raised", "changed", "outdated", "cleared", "unchanged"]


async def test_members_that_are_absent_stay_as_they_are_known(service: Service) -> None:
    await say(service)
    bare = {name: RAISE[name] for name in ("alarm_type", "resource_type", "resource_id")}
    answer = await service.http.post(PATH, json=bare | {"severity": "CRITICAL"})
    alarm = answer.json()["alarm"]
    assert (alarm["brief_description"], alarm["node_id"]) == (RAISE["brief_description"], "node-1")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"severity": "SEV-1"}, "CRITICAL"),
        ({"severity": None}, "severity"),
        ({"color": "red"}, "color"),
        ({"brief_description": "x" * 501}, "500"),
        ({"last_updated": "2025-12-26T14:30:00"}, "no offset from UTC"),
        ({"last_updated": "2999-12-26T14:30:00Z"}, "an hour ahead"),
        ({"alarm_type": ""}, "alarm_type"),
        ({"resource_id": "a\nb"}, "resource_id"),
        ({"impacted_resources": {"a": {"titel": "x"}}}, "titel"),
        ({"impacted_resources": {"a:b": {}}}, "colon"),
    ],
)
async def test_what_is_no_alarm_is_422_and_says_why(service: Service, wrong: dict[str, Any], said: str) -> None:
    answer = await service.http.post(PATH, json=RAISE | wrong)
    assert answer.status_code == 422
    assert said in answer.text


async def test_with_publishing_off_the_answer_warns(service: Service) -> None:
    service.gateway.alarms.published = False
    assert "ENABLE_EVENT_PUBLISHING" in (await say(service))["warnings"][0]
    assert (await say(service))["warnings"] == []


async def test_clearing_needs_no_body_and_a_second_time_changes_nothing(service: Service) -> None:
    path = f"{PATH}/{(await say(service))['alarm']['alarm_id']}/clear"
    assert (await service.http.post(path)).json()["outcome"] == "cleared"
    again = (await service.http.post(path, json={"brief_description": "over"})).json()
    assert (again["outcome"], again["alarm"]["brief_description"]) == ("unchanged", "over")


async def test_an_alarm_that_is_not_known_is_404(service: Service) -> None:
    for method, path in (("GET", f"{PATH}/nothing"), ("POST", f"{PATH}/nothing/clear")):
        answer = await service.http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (404, "alarm_not_found")
        assert "im alarm list" in answer.json()["hint"]


async def test_a_list_is_filtered_and_paged(service: Service) -> None:
    await say(service)
    service.gateway.alarms.older = AT
    answer = await service.http.get(
        f"{PATH}?severity=MAJOR&cleared=false&alarm_type=expiry&resource_id=x&limit=7",
    )
    wanted = service.gateway.alarms.wanted
    assert wanted is not None
    assert wanted.model_dump(exclude={"before"}) == {
        "severity": "MAJOR",
        "cleared": False,
        "alarm_type": "expiry",
        "resource_id": "x",
        "limit": 7,
    }
    assert answer.json()["data"][0]["severity"] == "MAJOR"
    await service.http.get(answer.headers["link"].partition(";")[0].strip("<>"))
    assert service.gateway.alarms.wanted is not None
    assert service.gateway.alarms.wanted.before == AT
    assert (await service.http.get(f"{PATH}?severity=SEV-1")).status_code == 422


@pytest.mark.parametrize("example", [alarm_examples.NESTED, alarm_examples.FLAT], ids=["nested", "flat"])
async def test_a_notification_is_taken_in_whole_and_its_repeat_is_outdated(
    service: Service, example: dict[str, Any]
) -> None:
    foreign = example | {"alarm_id": "their/own id:1"}
    first = await service.http.post(DOOR, json=foreign)
    assert (first.status_code, first.json()["outcome"]) == (200, "raised")
    alarm = service.gateway.alarms.known["their/own id:1"]
    assert foreign in (flat(alarm), nested(alarm))
    assert (await service.http.post(DOOR, json=foreign)).json()["outcome"] == "outdated"
    assert (await service.http.get(f"{PATH}/their%2Fown%20id:1")).json()["alarm_id"] == "their/own id:1"
    assert (await service.http.post(f"{PATH}/their%2Fown%20id:1/clear")).json()["outcome"] == "cleared"


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b'{"alarm_id": "a", "alarm_id": "b"}', b'{"alarm_id": "a"}'])
async def test_what_is_no_notification_is_422(service: Service, body: bytes) -> None:
    answer = await service.http.post(DOOR, content=body, headers={"Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_notification")
    assert "alarm-flat.json" in answer.json()["hint"]


async def test_a_notification_in_another_media_type_is_415(service: Service) -> None:
    for headers in ({"Content-Type": "text/plain"}, {"Content-Encoding": "gzip"}):
        answer = await service.http.post(DOOR, content=json.dumps(alarm_examples.FLAT), headers=headers)
        assert answer.status_code == 415


async def test_a_body_past_the_limit_is_413(service: Service) -> None:
    for path in (PATH, DOOR):
        answer = await service.http.post(path, content=b" " * (ALARM_BODY_BYTES + 1))
        assert answer.status_code == 413


async def test_the_largest_alarm_fits_both_doors(service: Service) -> None:
    lines = ['"' * 1000] * 16
    largest = dict.fromkeys(("detailed_description", "suggested_actions"), lines)
    impacts = {"a": {"title": "", "impacted_dependencies": lines}}
    alarm = (await say(service, **largest, impacted_resources=impacts))["alarm"]
    for said in (flat, nested):
        state = service.gateway.alarms.known[alarm["alarm_id"]]
        body = json.dumps(said(state)).encode()
        assert len(body) < ALARM_BODY_BYTES / 2
        answer = await service.http.post(DOOR, content=body)
        assert answer.json()["outcome"] == "outdated"


async def test_every_route_needs_the_token(service: Service) -> None:
    del service.http.headers["Authorization"]
    for method, path in (("GET", PATH), ("POST", PATH), ("POST", DOOR), ("GET", "/api/v1/schemas/alarm-flat.json")):
        assert (await service.http.request(method, path)).status_code == 401


@pytest.mark.parametrize(("name", "example"), [("flat", alarm_examples.FLAT), ("nested", alarm_examples.NESTED)])
async def test_schemas_are_served(service: Service, name: str, example: dict[str, Any]) -> None:
    answer = await service.http.get(f"/api/v1/schemas/alarm-{name}.json")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/schema+json")
    jsonschema.Draft202012Validator(answer.json()).validate(example)
