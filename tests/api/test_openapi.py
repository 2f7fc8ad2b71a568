"""The OpenAPI document is complete, and its examples are true."""

import json
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel

from api import (
    alarm_examples,
    examples,
    heartbeat_examples,
    http_client_examples,
    operation_examples,
    pause_examples,
    replay_examples,
    zeebe_examples,
)
from api.alarm_views import AlarmAnswer
from api.replays import Started, Surveyed
from api.urls import PING_PATHS
from api.views import EmittedType, EventDetail, IncidentDetail, TypeMatch
from domain.alarms import Alarm
from domain.checkup import Checkup
from domain.configuration import Configuration, ImportReport
from domain.event_parsing import parse_event
from domain.health import Health
from domain.keys import KeyReport, Rotation
from domain.receipts import PublishReceipt
from domain.replays import ReplayReport, Survey
from domain.retention import Retention
from domain.zeebe import IngestReceipt
from domain.zeebe_parsing import parse_alerts, parse_records
from service.alarms import AlarmRow
from service.event_rows import EventRow
from service.heartbeat_views import HeartbeatAdded, HeartbeatView
from service.http_client_views import HttpClientTrial, HttpClientView
from service.incidents import IncidentRow
from service.replay_views import ReplayView
from service.subscriber_views import Changed, Resumed, SubscriberDetail, SubscriberView
from service.trials import Trial
from service.zeebe_clusters import ClusterChanged, ClusterDetail, ClusterView
from tests.api.conftest import Service

OPERATION_IDS = """
acknowledgeIncident addHeartbeat addHttpClient addIncidentNote addSubscriber addZeebeCluster beat beatWith
cancelReplay checkLiveness checkReadiness checkUp clearAlarm closeIncident declareIncident explainDelivery
exportConfiguration getAlarm getEvent getEventTypeSchema getFlatAlarmSchema getHeartbeat getHttpClient getIncident
getNestedAlarmSchema getReplay getRetention getSubscriber getSubscriberHealth getZeebeCluster grantWebhookOrigin
importConfiguration ingestCamundaAlerts ingestZeebeRecords listAlarms listEventTypes listEvents listHeartbeats
listHttpClients listIncidents listKeys listReplays listSubscriberHealth listSubscribers listZeebeClusters
matchEventTypes mitigateIncident pauseHeartbeat pauseSubscriber ping pingWith publishEvent raiseAlarm readMetrics
removeHeartbeat removeHttpClient removeSubscriber removeZeebeCluster resendEvent resolveIncident resumeHeartbeat
resumeSubscriber rotateKeys setRetention startReplay streamEvents surveyReplay takeInAlarmNotification testHttpClient
testSubscriber updateHeartbeat updateHttpClient updateSubscriber updateZeebeCluster
""".split()  # generated clients name their methods after them: never change one


async def document(service: Service) -> dict[str, Any]:
    found: dict[str, Any] = (await service.http.get("/openapi.json")).json()
    return found


def operations(found: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, item in found["paths"].items():
        for operation in item.values():
            yield path, operation


async def test_operation_ids_are_stable(service: Service) -> None:
    found = [operation["operationId"] for _, operation in operations(await document(service))]
    assert sorted(found) == OPERATION_IDS


async def test_every_operation_is_described(service: Service) -> None:
    found = await document(service)
    tags = {tag["name"] for tag in found["tags"]}
    for path, operation in operations(found):
        assert operation["summary"], path
        assert operation["description"], path
        assert set(operation["tags"]) <= tags, path
        assert len(operation["tags"]) == 1, path


async def test_every_operation_declares_its_problems(service: Service) -> None:
    for path, operation in operations(await document(service)):
        failures = {status: answer for status, answer in operation["responses"].items() if status >= "400"}
        expected = {"422", "500", "503"} if path.startswith("/api/") else {"500"}
        assert set(failures) >= expected | ({"401"} if "security" in operation else set()), path
        assert ("404" in failures) == ("{" in path), path
        if path.startswith(PING_PATHS):
            assert list(failures.pop("404")["content"]) == ["text/plain"]
        for answer in failures.values():
            assert list(answer["content"]) == ["application/problem+json"]
            assert answer["content"]["application/problem+json"]["schema"] == {"$ref": "#/components/schemas/Problem"}
    assert "HTTPValidationError" not in json.dumps(await document(service))


async def test_everything_under_the_prefix_needs_the_token(service: Service) -> None:
    found = await document(service)
    assert found["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    for path, operation in operations(found):
        needed = path.startswith("/api/v1/") and not path.startswith(PING_PATHS)  # their path is the credential
        assert ("security" in operation) == needed, path


async def test_every_answer_and_body_has_an_example(service: Service) -> None:
    found = await document(service)
    for path, operation in operations(found):
        if not path.startswith("/api/v1/"):
            continue
        succeeded = next(answer for status, answer in operation["responses"].items() if status < "300")
        for media in succeeded.get("content", {}).values():
            assert "example" in media, path
        for media in operation.get("requestBody", {}).get("content", {}).values():
            named = re.findall(r"schemas/(\w+)", json.dumps(media["schema"]))
            assert "example" in media or found["components"]["schemas"][named[0]]["examples"], path


@pytest.mark.parametrize(
    ("model", "example"),
    [
        (SubscriberView, examples.SUBSCRIBER),
        (SubscriberDetail, examples.SUBSCRIBER | {"health": examples.HEALTH}),
        (Changed, examples.CHANGED),
        (SubscriberView, pause_examples.PAUSED),
        (Resumed, pause_examples.RESUMED),
        (Trial, examples.TRIAL),
        (Health, examples.HEALTH),
        (TypeMatch, examples.TYPE_MATCH),
        (EmittedType, examples.EMITTED_TYPE),
        (PublishReceipt, examples.RECEIPT),
        (EventRow, examples.EVENT_ROW),
        (EventDetail, examples.EVENT_DETAIL),
        (IncidentRow, examples.INCIDENT_ROW),
        (IncidentDetail, examples.INCIDENT),
        (Alarm, alarm_examples.ALARM),
        (AlarmAnswer, alarm_examples.OBSERVED),
        (AlarmRow, alarm_examples.ALARM_ROW),
        (ClusterView, zeebe_examples.CLUSTER),
        (ClusterChanged, zeebe_examples.CLUSTER_CHANGED),
        (ClusterDetail, zeebe_examples.CLUSTER_DETAIL),
        (IngestReceipt, zeebe_examples.RECEIPT),
        (HttpClientView, http_client_examples.HTTP_CLIENT),
        (HttpClientTrial, http_client_examples.TRIAL),
        (HeartbeatView, heartbeat_examples.HEARTBEAT),
        (HeartbeatAdded, heartbeat_examples.HEARTBEAT_ADDED),
        (KeyReport, operation_examples.KEYS),
        (Rotation, operation_examples.ROTATION),
        (ReplayReport, replay_examples.ROW),
        (ReplayView, replay_examples.REPLAY),
        (Survey, replay_examples.SURVEY),
        (Started, replay_examples.STARTED),
        (Surveyed, replay_examples.SURVEYED),
        (Retention, operation_examples.RETENTION),
        (Checkup, operation_examples.CHECKUP),
        (Configuration, operation_examples.CONFIGURATION),
        (ImportReport, operation_examples.IMPORT),
    ],
)
def test_examples_of_answers_are_true(model: type[BaseModel], example: dict[str, Any]) -> None:
    assert model.model_validate(example).model_dump(mode="json") == example


async def test_examples_of_requests_are_accepted(service: Service) -> None:
    http = service.http
    assert (await http.post("/api/v1/subscribers", json=examples.ADD_SUBSCRIBER)).status_code == 201
    assert (await http.post("/api/v1/subscribers", json=examples.ADD_TARGET)).status_code == 201
    assert (await http.patch("/api/v1/subscribers/my-webhook", json=examples.UPDATE_SUBSCRIBER)).status_code == 200
    assert (await http.post("/api/v1/incidents", json=examples.DECLARE_INCIDENT)).status_code == 201
    assert (await http.post("/api/v1/incidents/INC-1/notes", json=examples.ADD_NOTE)).status_code == 201
    assert (await http.post("/api/v1/incidents/INC-1/resolve", json=examples.TAKE_STEP)).status_code == 200
    assert (await http.post("/api/v1/zeebe/clusters", json=zeebe_examples.ADD_CLUSTER)).status_code == 201
    for example in (http_client_examples.ADD_OAUTH2, http_client_examples.ADD_BASIC):
        assert (await http.post("/api/v1/http-clients", json=example)).status_code == 201
    assert (await http.patch("/api/v1/http-clients/partner", json=http_client_examples.UPDATE)).status_code == 200
    assert (await http.patch("/api/v1/zeebe/clusters/prod", json=zeebe_examples.UPDATE_CLUSTER)).status_code == 200
    assert (await http.post("/api/v1/heartbeats", json=heartbeat_examples.ADD_HEARTBEAT)).status_code == 201
    heartbeat = f"/api/v1/heartbeats/{heartbeat_examples.ADD_HEARTBEAT['name']}"
    assert (await http.patch(heartbeat, json=heartbeat_examples.UPDATE_HEARTBEAT)).status_code == 200
    assert (await http.post("/api/v1/configuration", json=operation_examples.CONFIGURATION)).status_code == 200
    assert (await http.post("/api/v1/alarms", json=alarm_examples.RAISE_ALARM)).status_code == 201
    for example in (replay_examples.START, replay_examples.BACKFILL):
        assert (await http.post("/api/v1/replays", json=example)).status_code == 202
    assert (await http.put("/api/v1/retention", json={"retention": "7d"})).status_code == 200
    clear = f"/api/v1/alarms/{alarm_examples.ALARM_ID}/clear"
    assert (await http.post(clear, json=alarm_examples.CLEAR_ALARM)).status_code == 200
    for notification in (alarm_examples.NESTED, alarm_examples.FLAT):
        assert (await http.post("/api/v1/alarms/notifications", json=notification)).status_code == 200
    assert len(parse_records(zeebe_examples.RECORD_LINE.encode()).incidents) == 1
    assert len(parse_alerts(json.dumps(zeebe_examples.ALERTS).encode()).incidents) == 1
    assert parse_event(json.dumps(examples.EVENT).encode()).to_dict() == examples.EVENT


async def test_a_patch_of_nothing_changes_nothing_as_its_body_says(service: Service) -> None:
    http, found = service.http, await document(service)
    bodies = [item["patch"]["requestBody"]["content"] for item in found["paths"].values() if "patch" in item]
    models = [content["application/json"]["schema"]["$ref"].rpartition("/")[2] for content in bodies]
    said = [found["components"]["schemas"][model]["description"] for model in models]
    assert len(said) == 4
    assert [text for text in said if "``{}`` changes nothing" not in text] == []
    await service.add_subscriber()
    await http.post("/api/v1/zeebe/clusters", json=zeebe_examples.ADD_CLUSTER)
    for path in ("/api/v1/subscribers/my-webhook", "/api/v1/zeebe/clusters/prod"):
        before, answer = (await http.get(path)).json(), await http.patch(path, json={})
        assert answer.status_code == 200
        assert (await http.get(path)).json() == before


async def test_answers_have_the_declared_form(service: Service) -> None:
    await service.add_subscriber()
    await service.http.post("/api/v1/incidents", json=examples.DECLARE_INCIDENT)
    found = await document(service)
    for path in ("subscribers", "subscribers/health", "subscribers/{name}", "incidents", "incidents/{incident_id}"):
        answer = await service.http.get("/api/v1/" + path.format(name="my-webhook", incident_id="INC-1"))
        declared = found["paths"][f"/api/v1/{path}"]["get"]["responses"]["200"]["content"]["application/json"]
        jsonschema.Draft202012Validator(declared["schema"] | {"components": found["components"]}).validate(
            answer.json()
        )
