"""Keys, the check-up and the configuration over REST: thin, behind the token, with problems like all else."""

import pytest

from api.operation_examples import CHECKUP, CONFIGURATION, IMPORT, KEYS, ROTATION
from domain.configuration import MAX_DOCUMENT_BYTES
from domain.errors import SealingKeyError
from tests.api.conftest import Service


@pytest.mark.parametrize(
    ("method", "path", "answer"),
    [
        ("GET", "keys", KEYS),
        ("POST", "keys/rotate", ROTATION),
        ("GET", "doctor", CHECKUP),
        ("GET", "configuration", CONFIGURATION),
    ],
)
async def test_the_gateway_is_asked_and_its_answer_given(
    service: Service, method: str, path: str, answer: dict[str, object]
) -> None:
    said = await service.http.request(method, f"/api/v1/{path}")
    assert (said.status_code, said.json()) == (200, answer)
    refused = await service.http.request(method, f"/api/v1/{path}", headers={"Authorization": "Bearer wrong"})
    assert refused.status_code == 401


async def test_a_configuration_is_imported_or_only_compared(service: Service) -> None:
    for dry_run in (True, False):
        answer = await service.http.post(
            "/api/v1/configuration", json=CONFIGURATION, params={"dry_run": str(dry_run).lower()}
        )
        assert (answer.status_code, answer.json()) == (200, IMPORT)
    await service.http.get("/api/v1/configuration", params={"secrets": "omitted"})
    assert service.gateway.configuration.asked == [(1, True), (1, False), False]


async def test_what_is_no_configuration_is_refused(service: Service) -> None:
    for wrong in ('{"subscriber": []}', '{"format": "x"}', '{"subscribers": "x"}', "[]", "{"):
        answer = await service.http.post(
            "/api/v1/configuration", content=wrong, headers={"Content-Type": "application/json"}
        )
        assert answer.status_code == 422
    large = await service.http.post("/api/v1/configuration", content=b" " * (MAX_DOCUMENT_BYTES + 1))
    assert large.status_code == 413


async def test_a_rotation_that_a_worker_is_not_ready_for_says_so(service: Service) -> None:
    service.gateway.breaks = SealingKeyError(reason="the worker 1@a could not open")
    said = await service.http.post("/api/v1/keys/rotate")
    assert said.json()["code"] == "sealing_key"
    assert "IM_SECRET_KEYS" in said.json()["hint"]
