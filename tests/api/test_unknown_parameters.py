"""A query parameter that a route does not have is refused before anything is done, unless others post there."""

from typing import Any

import pytest
from fastapi.routing import iter_route_contexts

from api import alarm_examples
from api.app import described
from api.scopes import ScopedRoute
from tests.api.conftest import Service
from tests.api.test_problems import assert_problem

TAKEN_IN = {"publishEvent", "grantWebhookOrigin", "takeInAlarmNotification", "beat", "beatWith"}


def _operations() -> list[tuple[str, str, str]]:
    found = []
    for each in iter_route_contexts(described().routes):
        route = each.original_route
        if isinstance(route, ScopedRoute) and route.operation_id not in TAKEN_IN:
            path = (each.path or "").replace("{", "").replace("}", "").replace(":path", "")
            found += [(str(route.operation_id), method, path) for method in sorted(route.methods or ())]
    return found


OPERATIONS = _operations()


@pytest.mark.parametrize(("method", "path"), [row[1:] for row in OPERATIONS], ids=[row[0] for row in OPERATIONS])
async def test_every_route_of_ours_refuses_a_parameter_that_it_has_not(
    service: Service, method: str, path: str
) -> None:
    answer = await service.http.request(method, path, params={"dry_rum": "1"})
    problem = assert_problem(answer, 422, "invalid_request")
    assert "there is no parameter 'dry_rum'" in problem["detail"]
    assert problem["errors"] == [{"parameter": "dry_rum", "detail": problem["detail"]}]


async def test_nothing_is_done_for_a_parameter_that_a_route_has_not(service: Service) -> None:
    await service.add_subscriber()
    gone = await service.http.delete("/api/v1/subscribers/my-webhook", params={"cancel_waitin": "1"})
    assert assert_problem(gone, 422, "invalid_request")["hint"] == "Did you mean cancel_waiting?"
    added = await service.http.post(
        "/api/v1/subscribers?dry_run=1", json={"name": "other", "url": "https://example.com"}
    )
    assert_problem(added, 422, "invalid_request")
    assert list(service.gateway.subscribers.known) == ["my-webhook"]


@pytest.mark.parametrize(
    ("params", "member", "place"),
    [({"dry_run": "true"}, {}, "'dry_run'"), ({}, {"dry_run": True}, "#/dry_run")],
    ids=["query", "body"],
)
async def test_a_replay_that_shall_be_a_dry_run_names_the_survey_and_sends_nothing(
    service: Service, params: dict[str, str], member: dict[str, Any], place: str
) -> None:
    answer = await service.http.post("/api/v1/replays", params=params, json={"to": "b"} | member)
    detail = assert_problem(answer, 422, "invalid_request")["detail"]
    assert place in detail
    assert "POST /api/v1/replays/survey" in detail
    assert service.gateway.replays.asked == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "events", {"specversion": "1.0", "id": "1", "source": "/a", "type": "a.b"}),
        ("OPTIONS", "events", None),
        ("POST", "alarms/notifications", alarm_examples.FLAT),
        ("POST", "heartbeats/job", None),
        ("GET", "heartbeats/job/start", None),
    ],
)
async def test_what_others_send_is_taken_whatever_they_put_behind_the_path(
    service: Service, method: str, path: str, body: Any
) -> None:
    await service.http.post("/api/v1/heartbeats", json={"name": "job", "every_seconds": 60})
    headers = {"Content-Type": "application/cloudevents+json" if path == "events" else "application/json"}
    answer = await service.http.request(method, f"/api/v1/{path}?utm=1", json=body, headers=headers)
    assert answer.status_code < 300, answer.text


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("incidnt", "incident"), ("subscribr", "subscriber"), ("subscribers", "subscriber"), ("zzz", None)],
)
async def test_a_misspelt_parameter_is_answered_with_the_one_that_was_meant(
    service: Service, typed: str, meant: str | None
) -> None:
    problem = assert_problem(await service.http.get("/api/v1/events", params={typed: "1"}), 422, "invalid_request")
    assert problem.get("hint") == (f"Did you mean {meant}?" if meant else None)
