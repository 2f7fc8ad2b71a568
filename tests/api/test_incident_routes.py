"""Incidents over HTTP."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from tests.api.conftest import Serve, Service

PATH = "/api/v1/incidents"
DECLARATION = {"title": "API latency", "severity": "SEV-2", "actor": "anna"}


async def declare(service: Service, **headers: str) -> httpx.Response:
    return await service.http.post(PATH, json=DECLARATION, headers=headers)


async def test_declaring_is_201_with_location(service: Service) -> None:
    answer = await declare(service)
    assert answer.status_code == 201
    assert answer.headers["location"] == f"{PATH}/INC-1"
    body = answer.json()
    assert {name: body[name] for name in ("id", "title", "severity", "status", "warnings")} == {
        "id": "INC-1",
        "title": "API latency",
        "severity": "SEV-2",
        "status": "declared",
        "warnings": [],
    }
    assert (body["timeline"][0]["actor"], body["timeline"][0]["published"]) == ("anna", True)
    assert (await service.http.get(answer.headers["location"])).json() == body


async def test_the_same_idempotency_key_declares_once(service: Service) -> None:
    first, second = [await declare(service, **{"Idempotency-Key": "k-1"}) for _ in range(2)]
    assert (second.status_code, second.json()) == (201, first.json())
    assert len(service.gateway.incidents.known) == 1


async def test_an_idempotency_key_with_another_body_is_422(service: Service) -> None:
    await declare(service, **{"Idempotency-Key": "k-1"})
    other = await service.http.post(PATH, json=DECLARATION | {"title": "B"}, headers={"Idempotency-Key": "k-1"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert other.json()["errors"][0]["parameter"] == "Idempotency-Key"
    assert "INC-1" in other.json()["detail"]


async def test_nobody_uses_up_the_idempotency_keys_of_others(service: Service) -> None:
    taken = "heartbeat/backup/2026-01-05T03:00:00Z"  # as an outage's own declaration has it
    first = await declare(service, **{"Idempotency-Key": taken})
    assert taken not in service.gateway.incidents.keys
    other = {"Authorization": f"Bearer {service.gateway.tokens.add('ci', 'publish')}", "Idempotency-Key": taken}
    assert (await declare(service, **other)).json()["id"] != first.json()["id"]


async def test_who_acts_may_be_left_out(service: Service) -> None:
    declared = await service.http.post(PATH, json={"title": "a", "severity": "SEV-1"})
    assert declared.json()["timeline"][0]["actor"] == "api"
    for action in ("acknowledge", "mitigate", "resolve", "close"):
        answer = await service.http.post(f"{PATH}/INC-1/{action}")
        assert (answer.status_code, answer.json()["timeline"][-1]["actor"]) == (200, "api")
    assert (await service.http.post(f"{PATH}/INC-1/notes", json={})).status_code == 422


@pytest.mark.parametrize("incident_id", ["INC-1", "inc-1", "1"])
async def test_an_incident_is_found_by_each_form_of_its_id(service: Service, incident_id: str) -> None:
    await declare(service)
    assert (await service.http.get(f"{PATH}/{incident_id}")).json()["id"] == "INC-1"
    answer = await service.http.post(f"{PATH}/{incident_id}/acknowledge")
    assert (answer.status_code, answer.json()["id"]) == (200, "INC-1")


async def test_a_list_goes_on_where_its_cursor_says(service: Service) -> None:
    service.gateway.incidents.older = older = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
    first = await service.http.get(f"{PATH}?status=declared&limit=1")
    link = first.headers["link"].partition(";")[0].strip("<>")
    assert first.json()["next_cursor"] in link
    assert (await service.http.get(link)).status_code == 200
    assert (service.gateway.incidents.before, service.gateway.incidents.status) == (older, "declared")


@pytest.mark.parametrize("key", ["", "a b", "x" * 256])
async def test_an_unusable_idempotency_key_is_422(service: Service, key: str) -> None:
    assert (await declare(service, **{"Idempotency-Key": key})).status_code == 422


async def test_a_whole_life(service: Service) -> None:
    await declare(service)
    for action, status in (
        ("acknowledge", "acknowledged"),
        ("mitigate", "mitigated"),
        ("resolve", "resolved"),
        ("close", "closed"),
    ):
        answer = await service.http.post(f"{PATH}/INC-1/{action}", json={"actor": "ben", "note": "done"})
        assert (answer.status_code, answer.json()["status"]) == (200, status)
        last = answer.json()["timeline"][-1]
        assert (last["action"], last["actor"], last["note"]) == (action, "ben", "done")


async def test_a_note_is_added(service: Service) -> None:
    await declare(service)
    answer = await service.http.post(f"{PATH}/INC-1/notes", json={"actor": "ben", "note": "seen"})
    assert answer.status_code == 201
    assert (answer.json()["status"], answer.json()["timeline"][-1]["note"]) == ("declared", "seen")


async def test_a_step_out_of_turn_is_409_and_says_what_is_allowed(service: Service) -> None:
    await declare(service)
    answer = await service.http.post(f"{PATH}/INC-1/close", json={"actor": "ben"})
    assert (answer.status_code, answer.json()["code"]) == (409, "illegal_transition")
    assert "resolve" in answer.json()["hint"]


@pytest.mark.parametrize(
    "incident_id", ["INC-9", "9", "INC-", "inc-1", "INC-01", "0", "¹", "x", "INC-1'%20OR%201=1", "INC-" + "1" * 900]
)
async def test_an_unknown_incident_is_404(service: Service, incident_id: str) -> None:
    for method, path, body in (
        ("GET", "", None),
        ("POST", "/acknowledge", {"actor": "a"}),
        ("POST", "/notes", {"actor": "a", "note": "n"}),
    ):
        answer = await service.http.request(method, f"{PATH}/{incident_id}{path}", json=body)
        assert (answer.status_code, answer.json()["code"]) == (404, "incident_not_found")


@pytest.mark.parametrize(
    "body",
    [
        {},
        DECLARATION | {"severity": "SEV-9"},
        DECLARATION | {"title": ""},
        DECLARATION | {"title": "x" * 301},
        DECLARATION | {"status": "closed"},
        {"title": "a", "severity": "SEV-1", "actor": ""},
        {"title": "a", "severity": "SEV-1", "actor": None},
    ],
)
async def test_what_is_no_declaration_is_422(service: Service, body: dict[str, Any]) -> None:
    answer = await service.http.post(PATH, json=body)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_text_that_is_not_unicode_is_422(service: Service) -> None:
    headers = {"Content-Type": "application/json"}
    body = b'{"title":"\\ud800","severity":"SEV-1","actor":"a"}'
    assert (await service.http.post(PATH, content=body, headers=headers)).status_code == 422


async def test_incidents_are_listed(service: Service) -> None:
    for _ in range(3):
        await declare(service)
    listed = (await service.http.get(f"{PATH}?status=declared&limit=2")).json()
    assert ([row["id"] for row in listed["data"]], listed["next_cursor"]) == (["INC-1", "INC-2"], None)
    assert service.gateway.incidents.status == "declared"
    assert (await service.http.get(f"{PATH}?status=odd")).status_code == 422


async def test_with_publishing_off_the_answer_says_so(serve: Serve) -> None:
    service = await serve(publishing=False)
    declared = (await declare(service)).json()
    assert declared["timeline"][0]["published"] is False
    assert "ENABLE_EVENT_PUBLISHING" in declared["warnings"][0]
    acknowledged = await service.http.post(f"{PATH}/INC-1/acknowledge", json={"actor": "ben"})
    assert "2 of 2" in acknowledged.json()["warnings"][0]
