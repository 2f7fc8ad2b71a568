"""Records and alerts over HTTP: who may send them, and what is answered."""

import gzip
import hashlib
import hmac
from typing import Any

import httpx
import pytest

from domain.errors import TemporalUnavailableError
from tests.api.conftest import TOKEN as API_TOKEN
from tests.api.conftest import Serve, Service
from tests.support.zeebe_records import SEED, alert, alerts, body, incident, ndjson

CLUSTERS = "/api/v1/zeebe/clusters"
RECORDS = "/api/v1/zeebe/records"
ALERTS = "/api/v1/camunda/alerts"
TOKEN = "token-of-the-cluster-prod"
SECRET = "secret-of-the-console"


async def add(service: Service, name: str = "prod", **parts: Any) -> httpx.Response:
    return await service.http.post(CLUSTERS, json={"name": name} | (parts or {"token": TOKEN}))


async def post(service: Service, sent: bytes, path: str = RECORDS, **headers: str) -> httpx.Response:
    given = {"Authorization": f"Bearer {TOKEN}"} | {name.replace("_", "-"): text for name, text in headers.items()}
    return await service.http.post(path, content=sent, headers=given)


async def test_records_are_taken_with_the_token_of_their_cluster(service: Service) -> None:
    await add(service)
    answer = await post(service, ndjson(incident(), SEED, incident(intent="RESOLVED"), incident(valueType="JOB")))
    assert answer.status_code == 200
    assert answer.json() == {"cluster": "prod", "raised": 2, "resolved": 1, "beats": 0, "ignored": 1, "bad": []}


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "bearer {}"])
async def test_the_word_bearer_may_be_left_out(service: Service, form: str) -> None:
    await add(service)
    assert (await post(service, body(SEED), Authorization=form.format(TOKEN))).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["application/json; charset=utf-8", "application/x-ndjson", "text/plain", "application/x-odd", ""]
)
async def test_any_content_type_will_do(service: Service, content_type: str) -> None:
    await add(service)
    assert (await post(service, body(SEED), Content_Type=content_type)).status_code == 200


async def test_a_bad_record_is_named_and_the_exporter_goes_on(service: Service) -> None:
    await add(service)
    answer = await post(service, body(incident(key=1.5), SEED))
    assert answer.status_code == 200
    assert answer.json()["raised"] == 1
    assert [bad["place"] for bad in answer.json()["bad"]] == [0]


async def test_what_holds_no_record_is_422(service: Service) -> None:
    await add(service)
    for sent in (b"", b"{", b"[7]", b"{}"):
        answer = await post(service, sent)
        assert (answer.status_code, answer.json()["code"]) == (422, "invalid_record")
        assert "NDJSON" in answer.json()["hint"]


async def test_a_compressed_body_is_415(service: Service) -> None:
    await add(service)
    answer = await post(service, gzip.compress(body(SEED)), Content_Encoding="gzip")
    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize("given", ["Bearer wrong", f"Bearer {TOKEN}x", "", "Basic abc"])
async def test_another_token_is_401(service: Service, given: str) -> None:
    await add(service)
    answer = await post(service, body(SEED), Authorization=given)
    assert (answer.status_code, answer.json()["code"]) == (401, "access_denied")
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_the_token_of_the_api_speaks_for_no_cluster(service: Service) -> None:
    await add(service)
    answer = await service.http.post(RECORDS, content=body(SEED))
    assert (answer.status_code, answer.json()["code"]) == (401, "access_denied")


async def test_the_token_of_a_cluster_opens_nothing_else(service: Service) -> None:
    await add(service)
    for path in (CLUSTERS, "/api/v1/incidents", f"{RECORDS}/", "/api/v1/zeebe"):
        assert (await service.http.get(path, headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 401


async def test_more_records_than_allowed_are_413(service: Service) -> None:
    await add(service)
    answer = await post(service, b"[" + b",".join([b"1"] * 10_001) + b"]")
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")


@pytest.mark.parametrize("path", [RECORDS, ALERTS])
async def test_without_temporal_the_answer_is_503_and_says_when_to_come_again(service: Service, path: str) -> None:
    await add(service)
    service.gateway.breaks = TemporalUnavailableError(address="a:1", namespace="n", reason="refused")
    answer = await post(service, body(SEED), path)
    assert (answer.status_code, answer.json()["code"]) == (503, "temporal_unavailable")
    assert int(answer.headers["retry-after"]) > 0


@pytest.mark.parametrize("prefix", ["", "sha256="])
async def test_signed_alerts_are_taken(service: Service, prefix: str) -> None:
    await add(service, alert_secret=SECRET)
    sent = alerts(alert(), alert(flowNodeId="other"), alert(creationTime=None))
    signature = prefix + hmac.new(SECRET.encode(), sent, hashlib.sha256).hexdigest()
    answer = await service.http.post(
        ALERTS, content=sent, headers={"X-Camunda-Signature-256": signature, "Authorization": ""}
    )
    assert answer.status_code == 200
    assert (answer.json()["cluster"], answer.json()["raised"]) == ("prod", 2)
    assert answer.json()["bad"] == [{"place": 2, "reason": "creationTime is missing"}]


@pytest.mark.parametrize("signature", [None, "", "sha256=", "0" * 64, "é"])
async def test_an_alert_without_its_signature_is_401(service: Service, signature: str | None) -> None:
    await add(service, alert_secret=SECRET)
    headers = [] if signature is None else [("X-Camunda-Signature-256", signature.encode("latin-1"))]
    answer = await service.http.post(ALERTS, content=alerts(alert()), headers=headers)  # type: ignore[arg-type]
    assert (answer.status_code, answer.json()["code"]) == (401, "access_denied")


async def test_a_cluster_without_token_speaks_from_this_machine(service: Service) -> None:
    await add(service, no_token=True)
    del service.http.headers["Authorization"]
    assert (await service.http.post(RECORDS, content=body(SEED))).json()["cluster"] == "prod"
    await add_open(service, "test")
    assert (await service.http.post(RECORDS, content=body(SEED))).status_code == 401
    assert (await service.http.post(f"{RECORDS}?cluster=test", content=body(SEED))).json()["cluster"] == "test"


async def add_open(service: Service, name: str) -> None:
    headers = {"Authorization": f"Bearer {API_TOKEN}"}
    await service.http.post(CLUSTERS, json={"name": name, "no_token": True}, headers=headers)


@pytest.mark.parametrize(
    ("client", "headers"),
    [
        ("10.0.0.7", {}),
        ("::ffff:10.0.0.7", {}),
        ("2001:db8::1", {}),
        ("", {}),
        ("127.0.0.1", {"X-Forwarded-For": "127.0.0.1"}),
        ("127.0.0.1", {"Forwarded": "for=10.0.0.7"}),
        ("127.0.0.1", {"X-Real-Ip": "10.0.0.7"}),
        ("127.0.0.1", {"Via": "1.1 proxy"}),
        ("127.0.0.1", {"Host": "im.example.com"}),
        ("127.0.0.1", {"Host": "evil.example:8080", "Origin": "http://evil.example:8080"}),
        ("127.0.0.1", {"Origin": "https://evil.example"}),
        ("127.0.0.1", {"Origin": "null"}),
    ],
)
async def test_a_cluster_without_token_speaks_from_nowhere_else(
    service: Service, client: str, headers: dict[str, str]
) -> None:
    await add(service, no_token=True)
    assert await from_client(service, client, headers) == 401


@pytest.mark.parametrize("client", ["127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
async def test_this_machine_is_known_by_its_address(service: Service, client: str) -> None:
    await add(service, no_token=True)
    assert await from_client(service, client, {}) == 200


async def from_client(service: Service, client: str, headers: dict[str, str]) -> int:
    transport = service.http._transport
    assert isinstance(transport, httpx.ASGITransport)
    elsewhere = httpx.ASGITransport(transport.app, client=(client, 5000))
    async with httpx.AsyncClient(transport=elsewhere, base_url="http://127.0.0.1:8080") as http:
        return (await http.post(RECORDS, content=body(SEED), headers=headers)).status_code


async def test_without_any_api_token_the_doors_still_refuse_web_pages(serve: Serve) -> None:
    service = await serve(token=None)
    await add(service)
    for path in (RECORDS, ALERTS, "/api/v1/ping/key"):
        foreign = await service.http.post(path, headers={"Host": "evil.example", "Authorization": TOKEN})
        assert foreign.status_code == 421
        crossing = await service.http.post(path, headers={"Origin": "https://evil.example", "Authorization": TOKEN})
        assert crossing.status_code == 403
    assert (await post(service, body(SEED))).status_code == 200
