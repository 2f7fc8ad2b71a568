"""The clusters that may send records, over HTTP."""

from typing import Any

import httpx
import pytest

from tests.api.conftest import Service
from tests.api.stand_in_zeebe import GENERATED
from tests.support.zeebe_records import SEED, body

CLUSTERS = "/api/v1/zeebe/clusters"
TOKEN = "token-of-the-cluster-prod"
SECRET = "secret-of-the-console"


async def add(service: Service, name: str = "prod", **parts: Any) -> httpx.Response:
    return await service.http.post(CLUSTERS, json={"name": name} | (parts or {"token": TOKEN}))


async def test_a_cluster_is_added_with_a_generated_token_shown_once(service: Service) -> None:
    answer = await add(service, generate_token=True, group_by="element", rules=["*@billing=SEV-1"], severity="SEV-2")
    assert (answer.status_code, answer.headers["location"]) == (201, f"{CLUSTERS}/prod")
    assert answer.json()["token"] == GENERATED
    shown = await service.http.get(f"{CLUSTERS}/prod")
    assert GENERATED not in shown.text
    assert {name: shown.json()[name] for name in ("token", "alerts", "group_by", "rules", "severity")} == {
        "token": "set",
        "alerts": False,
        "group_by": "element",
        "rules": ["*@billing=SEV-1"],
        "severity": "SEV-2",
    }
    assert shown.json()["activity"]["raised"] == 1


async def test_no_answer_holds_a_token_or_a_secret_that_was_given(service: Service) -> None:
    answers = [
        await add(service, token=TOKEN, alert_secret=SECRET),
        await service.http.patch(f"{CLUSTERS}/prod", json={"token": TOKEN, "alert_secret": SECRET}),
        await service.http.get(CLUSTERS),
        await service.http.get(f"{CLUSTERS}/prod"),
        await add(service, "other", token=[TOKEN]),
        await add(service, "other", alert_secret={"value": SECRET}),
    ]
    assert [answer.status_code for answer in answers] == [201, 200, 200, 200, 422, 422]
    for answer in answers:
        assert TOKEN not in answer.text
        assert SECRET not in answer.text


async def test_clusters_are_listed_page_by_page(service: Service) -> None:
    for name in "bac":
        await add(service, name, token=f"{TOKEN}-{name}")
    first = await service.http.get(f"{CLUSTERS}?limit=2")
    assert [row["name"] for row in first.json()["data"]] == ["a", "b"]
    second = await service.http.get(first.headers["link"].partition(";")[0].strip("<>"))
    assert ([row["name"] for row in second.json()["data"]], second.json()["next_cursor"]) == (["c"], None)


async def test_a_cluster_is_changed_and_removed(service: Service) -> None:
    await add(service)
    changed = await service.http.patch(f"{CLUSTERS}/prod", json={"severity": "SEV-1", "rules": []})
    assert (changed.status_code, changed.json()["cluster"]["severity"]) == (200, "SEV-1")
    assert (await service.http.delete(f"{CLUSTERS}/prod")).status_code == 204
    headers = {"Authorization": TOKEN}
    assert (await service.http.post("/api/v1/zeebe/records", content=body(SEED), headers=headers)).status_code == 401
    for method in ("GET", "PATCH", "DELETE"):
        answer = await service.http.request(method, f"{CLUSTERS}/prod", json={} if method == "PATCH" else None)
        assert (answer.status_code, answer.json()["code"]) == (404, "cluster_not_found")


async def test_a_name_that_is_taken_is_409(service: Service) -> None:
    await add(service)
    answer = await add(service)
    assert (answer.status_code, answer.json()["code"]) == (409, "cluster_exists")


@pytest.mark.parametrize(
    "parts",
    [
        {"token": "short"},
        {"rules": ["SEV-1"]},
        {"rules": ["*=SEV-1"] * 51},
        {"severity": "SEV-9"},
        {"group_by": "process"},
        {"tokenn": TOKEN},
        {"name": "a b"},
    ],
)
async def test_what_is_no_cluster_is_422(service: Service, parts: dict[str, Any]) -> None:
    answer = await add(service, **{"token": TOKEN} | parts)
    assert answer.status_code == 422
    assert answer.json()["code"] in {"invalid_request", "invalid_name"}
