"""Probes and metrics."""

import pytest

from domain.errors import ImError, NoWorkerError, TemporalUnavailableError
from tests.api.conftest import Service

TEMPORAL_DOWN = TemporalUnavailableError(address="127.0.0.1:7233", namespace="default", reason="connection refused")


async def test_liveness_does_not_depend_on_temporal(service: Service) -> None:
    service.gateway.breaks, service.backend.ready = TEMPORAL_DOWN, False
    answer = await service.http.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


async def test_readiness_asks_the_directory(service: Service) -> None:
    for _ in range(2):
        answer = await service.http.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"status": "ready"})


@pytest.mark.parametrize("error", [TEMPORAL_DOWN, NoWorkerError(queue="im-control", seconds=4)])
async def test_readiness_says_what_is_wrong(service: Service, error: ImError) -> None:
    service.gateway.breaks = error
    answer = await service.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, error.code)
    assert answer.json()["detail"] == str(error)
    service.gateway.breaks = None
    assert (await service.http.get("/readyz")).status_code == 200


async def test_whoever_met_busy_workers_is_told_how_to_send_the_same_again(service: Service) -> None:
    service.gateway.breaks = NoWorkerError(queue="im-control", seconds=3).in_doubt()
    answer = await service.http.post("/api/v1/incidents", json={"title": "Checkout down", "severity": "SEV-1"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "5")
    assert "it is busy, and the change may be made yet: look first" in answer.json()["hint"]
    assert "send it again with the same Idempotency-Key where it takes one" in answer.json()["hint"]


@pytest.mark.parametrize("path", ["/healthz", "/readyz"])
async def test_probes_may_ask_for_the_head_alone(service: Service, path: str) -> None:
    asked, answered = await service.http.get(path), await service.http.head(path)
    assert (answered.status_code, answered.headers) == (asked.status_code, asked.headers)
    service.backend.ready = False
    assert (await service.http.head(path)).status_code == (await service.http.get(path)).status_code


async def test_a_process_that_is_stopping_is_not_ready(service: Service) -> None:
    service.backend.ready = False
    answer = await service.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "unavailable")


async def test_metrics_are_in_the_text_format_of_prometheus(service: Service) -> None:
    await service.add_subscriber()
    answer = await service.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'im_subscriber_healthy{subscriber="my-webhook"} 1.0' in answer.text
