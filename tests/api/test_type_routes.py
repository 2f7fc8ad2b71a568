"""The event types over HTTP: the list leads to each schema, and only to those."""

import jsonschema

from domain.event_types import EMITTED_TYPES
from service.event_schemas import event_schema
from tests.api.conftest import Service


async def test_the_list_leads_to_the_schema_of_every_type(service: Service) -> None:
    answer = await service.http.get("/api/v1/types")
    rows = answer.json()["data"]
    assert {row["type"]: row["description"] for row in rows} == EMITTED_TYPES
    for row in rows:
        found = await service.http.get(row["schema_url"])
        assert (found.status_code, found.headers["content-type"]) == (200, "application/schema+json")
        assert found.json() == event_schema(row["type"])
        jsonschema.Draft202012Validator(found.json()).validate(found.json()["examples"][0])


async def test_another_type_is_not_found(service: Service) -> None:
    for name in ("com.example.deploy.v1", "alarm-flat", "..%2Fsettings"):
        answer = await service.http.get(f"/api/v1/types/{name}")
        assert answer.status_code == 404
    assert (await service.http.get("/api/v1/types/a.b")).json()["code"] == "unknown_event_type"


async def test_the_token_is_asked_for(service: Service) -> None:
    assert (await service.http.get("/api/v1/types", headers={"Authorization": ""})).status_code == 401
