"""On paths with a door of their own, no body is read before its sender is known, and no more than is allowed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
import structlog

from tests.api.conftest import Service
from tests.support.zeebe_records import SEED, body

RECORDS = "/api/v1/zeebe/records"
ALERTS = "/api/v1/camunda/alerts"
TOKEN = "token-of-the-cluster-prod"


async def add(service: Service, **parts: str) -> None:
    added = await service.http.post("/api/v1/zeebe/clusters", json={"name": "prod", "token": TOKEN} | parts)
    assert added.status_code == 201


async def test_without_the_token_a_body_is_not_read(service: Service) -> None:
    async def sent() -> AsyncIterator[bytes]:
        pytest.fail("the body was asked for")
        yield b""

    answer = await service.http.post(RECORDS, content=sent(), headers={"Authorization": "Bearer wrong"})
    assert answer.status_code == 401


@pytest.mark.parametrize(("path", "limit"), [(RECORDS, 4 * 1024 * 1024), (ALERTS, 256 * 1024)])
@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_past_its_limit_is_413(service: Service, path: str, limit: int, *, chunked: bool) -> None:
    await add(service, alert_secret="alert-secret-0123")
    sent = 0

    async def parts() -> AsyncIterator[bytes]:
        nonlocal sent
        for _ in range(100):
            sent += limit // 4
            yield b" " * (limit // 4)

    content = parts() if chunked else b" " * (limit + 1)
    headers = {"Authorization": TOKEN, "X-Camunda-Signature-256": "0" * 64}
    answer = await service.http.post(path, content=content, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert str(limit) in answer.json()["detail"]
    assert sent <= limit * 5 / 4


@pytest.mark.parametrize("signature", ["", "no signature", "sha256=12"])
async def test_an_alert_that_is_not_signed_is_refused_before_it_is_read(service: Service, signature: str) -> None:
    await add(service, alert_secret="alert-secret-0123")

    async def sent() -> AsyncIterator[bytes]:
        pytest.fail("the body was asked for")
        yield b""

    answer = await service.http.post(ALERTS, content=sent(), headers={"X-Camunda-Signature-256": signature})
    assert answer.status_code == 401


async def test_a_body_of_4_mib_is_taken(service: Service) -> None:
    await add(service)
    answer = await service.http.post(
        RECORDS, content=body(SEED).ljust(4 * 1024 * 1024), headers={"Authorization": TOKEN}
    )
    assert (answer.status_code, answer.json()["raised"]) == (200, 1)


async def test_a_body_that_does_not_end_is_408(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    await add(service)
    monkeypatch.setattr("api.body_limit.BODY_SECONDS", 0.05)

    async def sent() -> AsyncIterator[bytes]:
        yield b"["
        await asyncio.sleep(5)
        yield b"]"

    answer = await service.http.post(RECORDS, content=sent(), headers={"Authorization": TOKEN})
    assert (answer.status_code, answer.json()["code"]) == (408, "request_timeout")


async def test_a_client_that_goes_away_amid_its_body_is_no_error_of_ours(service: Service) -> None:
    await add(service)
    transport = service.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    messages = [{"type": "http.request", "body": b"[", "more_body": True}, {"type": "http.disconnect"}]
    scope = {"type": "http", "method": "POST", "path": RECORDS, "query_string": b"", "client": ("127.0.0.1", 1)}
    scope |= {"headers": [(b"authorization", TOKEN.encode())]}
    sent: list[Any] = []

    async def receive() -> Any:
        return messages.pop(0)

    async def send(message: Any) -> None:
        sent.append(message)

    with structlog.testing.capture_logs() as logs:
        await transport.app(scope, receive, send)
    assert (logs, sent) == ([], [])
