"""Which scope every route needs; what is forgotten is closed."""

import asyncio

import pytest
from fastapi import APIRouter
from fastapi.routing import iter_route_contexts

import api.app
from api import subscribers
from api.middleware import OPEN_PATHS, has_own_door
from api.scopes import SCOPES, ScopedRoute
from domain.rates import parse_rate
from domain.token_errors import ScopeMissingError
from tests.api.conftest import Serve, Service

PLAIN = ("read", "publish", "manage")
# Every route, and the scope it needs: `open` needs no token, `own` has a credential of its own, `page` a session
# (whose scopes are in tests/api/test_page_access.py).
ROUTES = """
open    GET /healthz
open    HEAD /healthz
open    GET /metrics
open    GET /openapi.json
open    HEAD /openapi.json
open    GET /readyz
open    HEAD /readyz
page    GET /
page    POST /ui/event/resend
page    GET /ui/changes
page    GET /ui/event
page    GET /ui/events
page    GET /ui/incident
page    GET /ui/incidents
page    GET /ui/login
page    POST /ui/login
page    POST /ui/logout
page    GET /ui/static/{file}
page    GET /ui/subscriber
page    POST /ui/subscriber/enable
page    POST /ui/subscriber/pause
page    POST /ui/subscriber/resume
page    GET /ui/why
page    GET /ui/{path:path}
own     POST /api/v1/camunda/alerts
own     POST /api/v1/zeebe/records
own     GET /api/v1/ping/{key}
own     HEAD /api/v1/ping/{key}
own     POST /api/v1/ping/{key}
own     GET /api/v1/ping/{key}/
own     HEAD /api/v1/ping/{key}/
own     POST /api/v1/ping/{key}/
own     GET /api/v1/ping/{key}/{word}
own     HEAD /api/v1/ping/{key}/{word}
own     POST /api/v1/ping/{key}/{word}
read    GET /api/v1/alarms
read    GET /api/v1/alarms/{alarm_id:path}
read    GET /api/v1/doctor
read    GET /api/v1/events
read    GET /api/v1/events/stream
read    GET /api/v1/events/{event_id:path}
read    GET /api/v1/events/{event_id:path}/why/{subscriber}
read    GET /api/v1/heartbeats
read    GET /api/v1/heartbeats/{name}
read    GET /api/v1/http-clients
read    GET /api/v1/http-clients/{name}
read    GET /api/v1/incidents
read    GET /api/v1/incidents/{incident_id}
read    GET /api/v1/keys
read    GET /api/v1/replays
read    GET /api/v1/replays/{replay_id}
read    GET /api/v1/retention
read    POST /api/v1/replays/survey
manage  POST /api/v1/replays
manage  POST /api/v1/replays/{replay_id}/cancel
manage  PUT /api/v1/retention
read    GET /api/v1/schemas/alarm-flat.json
read    GET /api/v1/schemas/alarm-nested.json
read    GET /api/v1/subscribers
read    GET /api/v1/subscribers/health
read    GET /api/v1/subscribers/match
read    GET /api/v1/subscribers/{name}
read    GET /api/v1/subscribers/{name}/health
read    GET /api/v1/types
read    GET /api/v1/types/{type}
read    GET /api/v1/zeebe/clusters
read    GET /api/v1/zeebe/clusters/{name}
publish OPTIONS /api/v1/events
publish POST /api/v1/events
publish POST /api/v1/alarms
publish POST /api/v1/alarms/notifications
publish POST /api/v1/alarms/{alarm_id:path}/clear
publish GET /api/v1/heartbeats/{name}/{word}
publish HEAD /api/v1/heartbeats/{name}
publish HEAD /api/v1/heartbeats/{name}/{word}
publish POST /api/v1/heartbeats/{name}
publish POST /api/v1/heartbeats/{name}/{word}
publish POST /api/v1/incidents
publish POST /api/v1/incidents/{incident_id}/acknowledge
publish POST /api/v1/incidents/{incident_id}/close
publish POST /api/v1/incidents/{incident_id}/mitigate
publish POST /api/v1/incidents/{incident_id}/notes
publish POST /api/v1/incidents/{incident_id}/resolve
manage  GET /api/v1/configuration
manage  POST /api/v1/configuration
manage  POST /api/v1/events/{event_id:path}/resend
manage  POST /api/v1/heartbeats
manage  PATCH /api/v1/heartbeats/{name}
manage  DELETE /api/v1/heartbeats/{name}
manage  POST /api/v1/heartbeats/{name}/pause
manage  POST /api/v1/heartbeats/{name}/resume
manage  POST /api/v1/http-clients
manage  PATCH /api/v1/http-clients/{name}
manage  DELETE /api/v1/http-clients/{name}
manage  POST /api/v1/keys/rotate
manage  POST /api/v1/http-clients/{name}/test
manage  POST /api/v1/subscribers
manage  PATCH /api/v1/subscribers/{name}
manage  DELETE /api/v1/subscribers/{name}
manage  POST /api/v1/subscribers/{name}/pause
manage  POST /api/v1/subscribers/{name}/resume
manage  POST /api/v1/subscribers/{name}/test
manage  POST /api/v1/zeebe/clusters
manage  PATCH /api/v1/zeebe/clusters/{name}
manage  DELETE /api/v1/zeebe/clusters/{name}
"""
TABLE = [tuple(line.split()) for line in ROUTES.strip().splitlines()]
SCOPED = [row for row in TABLE if row[0] in PLAIN]


def sample(path: str) -> str:
    return "/".join("x" if segment.startswith("{") else segment for segment in path.split("/"))


async def test_the_table_names_every_route(service: Service) -> None:
    app = api.app.create_app(service.backend)
    found = {(method, route.path) for route in iter_route_contexts(app.routes) for method in route.methods or ()}
    assert found == {(method, path) for _, method, path in TABLE}
    assert len(TABLE) == len(found)


@pytest.mark.parametrize(("scope", "method", "path"), SCOPED)
async def test_a_route_is_for_its_scope_and_no_other(service: Service, scope: str, method: str, path: str) -> None:
    del service.http.headers["Authorization"]
    tokens = service.gateway.tokens
    url = sample(path)
    one = {"Authorization": f"Bearer {tokens.add('one', scope)}"}
    assert (await service.http.request(method, url, headers=one)).status_code not in {401, 403}
    rest = {"Authorization": f"Bearer {tokens.add('rest', *set(PLAIN) - {scope}, 'ingest:x')}"}
    refused = await service.http.request(method, url, headers=rest)
    assert refused.status_code == 403
    assert refused.headers["www-authenticate"] == f'Bearer error="insufficient_scope", scope="{scope}"'
    if method != "HEAD":
        problem = refused.json()
        assert (problem["code"], problem["instance"]) == ("insufficient_scope", url)
        assert problem["detail"] == f"the token 'rest' does not have the scope '{scope}', which this needs"
        assert f"im token create NAME --scope {scope}" in problem["hint"]
    nobodys = {"Authorization": "Bearer nobodys"}
    for closed in (await service.http.request(method, url), await service.http.request(method, url, headers=nobodys)):
        assert closed.status_code == 401
        assert method == "HEAD" or f"im token create NAME --scope {scope}" in closed.json()["hint"]


async def test_other_routes_are_open_or_ask_for_their_own_credential(service: Service) -> None:
    for kind, _, path in TABLE:
        assert (path in OPEN_PATHS) == (kind == "open"), path
        assert has_own_door(sample(path)) == (kind == "own"), path


async def test_the_administrators_token_may_everything(service: Service) -> None:
    answers = await asyncio.gather(*(service.http.request(method, sample(path)) for _, method, path in SCOPED))
    assert not [answer.url for answer in answers if answer.status_code in {401, 403}]


async def test_the_document_names_the_scope_of_every_operation(service: Service) -> None:
    document = (await service.http.get("/openapi.json")).json()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            rows = [row[0] for row in TABLE if (row[1].lower(), row[2].replace(":path", "")) == (method, path)]
            if rows[0] in PLAIN:
                assert operation["security"] == [{"token": rows}], path
                assert {"401", "403", "429"} <= set(operation["responses"]), path


async def test_no_scope_is_named_for_an_operation_that_is_not_there(service: Service) -> None:
    document = (await service.http.get("/openapi.json")).json()
    assert set(SCOPES) <= {
        operation["operationId"] for item in document["paths"].values() for operation in item.values()
    }


def test_a_route_that_is_not_in_the_table_cannot_be_made() -> None:
    router = APIRouter(route_class=ScopedRoute)
    with pytest.raises(LookupError, match=r"forgotten .* add it to the table"):
        router.add_api_route("/forgotten", lambda: None, operation_id="forgotten")


async def test_an_application_with_a_route_behind_no_scope_does_not_start(
    service: Service, monkeypatch: pytest.MonkeyPatch
) -> None:
    router = APIRouter(prefix="/subscribers")
    router.add_api_route("/forgotten", lambda: None)
    monkeypatch.setattr(subscribers, "router", router)
    with pytest.raises(LookupError, match="/api/v1/subscribers/forgotten"):
        api.app.create_app(service.backend)


async def test_without_any_token_configured_whoever_is_on_this_machine_may_everything(serve: Serve) -> None:
    service = await serve(token=None)
    for _, method, path in SCOPED:
        assert (await service.http.request(method, sample(path))).status_code not in {401, 403}, path


async def test_a_token_past_its_rate_is_429_before_its_body_is_read(service: Service) -> None:
    token = service.gateway.tokens.add("slow", "publish", rate=parse_rate("1/m"))
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/cloudevents+json"}
    body = '{"specversion": "1.0", "id": "1", "source": "/t", "type": "a.b.v1"}'
    assert (await service.http.post("/api/v1/events", content=body, headers=headers)).status_code == 202
    limited = await service.http.post("/api/v1/events", content=body, headers=headers)
    assert (limited.status_code, limited.json()["code"]) == (429, "rate_limited")
    assert 50 <= int(limited.headers["retry-after"]) <= 60
    assert token not in limited.text


@pytest.mark.parametrize("cluster", ['x"', "x\r\nX-Evil: 1", "x y", "\u20ac", "\\"])
async def test_a_scope_that_a_request_names_does_not_get_out_of_its_header(service: Service, cluster: str) -> None:
    service.gateway.breaks = ScopeMissingError(name="exporter", scope=f"ingest:{cluster}")
    answer = await service.http.get("/api/v1/subscribers")
    assert answer.status_code == 403
    assert answer.headers["www-authenticate"] == 'Bearer error="insufficient_scope"'
    assert "x-evil" not in answer.headers
