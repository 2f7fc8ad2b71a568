"""Exported records over the whole platform: what they declare, what repeats change, and what an outage costs."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from domain.incidents import Action, Change, Incident
from service.devserver import DevServer
from tests.support.eventually import eventually
from tests.support.platform import Platform, temporal_dev_server, unique_name
from tests.support.sink import Sink
from tests.support.zeebe_records import body, incident, ndjson

RECORDS = "/api/v1/zeebe/records"
DECLARED, RESOLVED = "im.incident.declared.v1", "im.incident.resolved.v1"


@dataclass
class Broker:
    """One cluster's exporter."""

    platform: Platform
    name: str
    token: str
    again: int = 0

    async def post(self, content: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json; charset=utf-8"}
        return await self.platform.api.post(RECORDS, content=content, headers=headers)

    async def tell(self, *records: dict[str, Any]) -> dict[str, Any]:
        """Post records, again as long as the answer is 503, as exporters do; ``again`` counts those."""
        while (answer := await self.post(body(*records))).status_code == httpx.codes.SERVICE_UNAVAILABLE:
            self.again += 1
            await asyncio.sleep(int(answer.headers["retry-after"]))
        assert answer.status_code == 200, answer.text
        receipt: dict[str, Any] = answer.json()
        return receipt

    async def incidents(self) -> list[Incident]:
        """The platform's incidents of this cluster, the first one first."""
        found = [await self.platform.gateway.incidents.get(i) for i in await self._ids()]
        return sorted(
            (i for i in found if i.details and i.details.get("cluster") == self.name), key=lambda i: i.declared_at
        )

    async def _ids(self) -> list[str]:
        return [row.id for row in (await self.platform.gateway.incidents.find()).rows]


async def broker(platform: Platform, **settings: Any) -> Broker:
    """Add a cluster."""
    name = unique_name("cluster")
    changed = await platform.gateway.zeebe.add_cluster(name, generate_token=True, **settings)
    assert changed.token
    return Broker(platform, name, changed.token)


@pytest_asyncio.fixture(loop_scope="session")
async def prod(platform: Platform) -> AsyncIterator[Broker]:
    yield await broker(platform)


def events_of(sink: Sink, cluster: str) -> list[dict[str, Any]]:
    """Each event of a cluster that arrived."""
    events: list[dict[str, Any]] = [json.loads(request.body) for request in sink.received]
    return [event for event in events if event["data"].get("details", {}).get("cluster") == cluster]


def told(sink: Sink, cluster: str) -> list[tuple[str, str]]:
    """Type and incident of each event of a cluster that arrived."""
    return [(event["type"], event["imincidentid"]) for event in events_of(sink, cluster)]


async def test_created_pages_and_resolved_ends_it(platform: Platform, prod: Broker, sink: Sink) -> None:
    await platform.gateway.subscribers.add(unique_name("oncall"), sink.url(), types=("im.incident.**",))
    receipt = await prod.tell(incident(key=9007199254740993), incident(intent="CREATE", recordType="COMMAND"))
    assert (receipt["raised"], receipt["ignored"]) == (1, 1)
    await eventually(lambda: len(told(sink, prod.name)) == 1)
    event = events_of(sink, prod.name)[0]
    assert event["data"]["title"] == f"JOB_NO_RETRIES at charge-card in order ({prod.name}): card declined"
    assert event["data"]["severity"] == "SEV-3"
    assert event["data"]["details"]["incident_key"] == "9007199254740993"
    await prod.tell(incident(key=9007199254740993, intent="RESOLVED", position=4300, timestamp=1766759400999))
    await eventually(lambda: [kind for kind, _ in told(sink, prod.name)] == [DECLARED, RESOLVED])


async def test_repeats_change_nothing_whoever_sends_them(platform: Platform, prod: Broker) -> None:
    records = (incident(), incident(intent="RESOLVED", position=4300, timestamp=1766759400999))
    await asyncio.gather(*(prod.tell(*records) for _ in range(20)))
    await platform.gateway.zeebe.accept_as(prod.name, ndjson(*records))
    (found,) = await eventually(prod.incidents)
    await eventually(lambda: _status(platform, found.id, "resolved"))
    assert len(await prod.incidents()) == 1
    activity = (await platform.gateway.zeebe.cluster(prod.name)).activity
    assert (activity.raised, activity.resolved) == (1, 1)
    assert 40 <= activity.repeated <= 40 + 2 * prod.again


async def _status(platform: Platform, incident_id: str, status: str) -> bool:
    return (await platform.gateway.incidents.get(incident_id)).status == status


async def test_a_bad_record_is_named_and_the_others_are_taken(prod: Broker) -> None:
    receipt = await prod.tell(incident(key=1), {"valueType": "INCIDENT", "recordType": "EVENT"}, incident(key=2))
    assert receipt["raised"] == 2
    assert [fault["place"] for fault in receipt["bad"]] == [1]
    assert await eventually(lambda: _count(prod, 2))


async def _count(prod: Broker, count: int) -> bool:
    return len(await prod.incidents()) == count


async def test_a_bad_deployment_of_5000_incidents_pages_once(platform: Platform, sink: Sink) -> None:
    prod = await broker(platform, group_by="element", rules=["JOB_NO_RETRIES@order=SEV-1"])
    await platform.gateway.subscribers.add(unique_name("oncall"), sink.url(), types=("im.incident.**",))
    created = [incident(key=key, position=key, timestamp=1766759400000 + key) for key in range(1, 5001)]
    for start in range(0, 5000, 500):
        await prod.tell(*created[start : start + 500])
    (found,) = await eventually(prod.incidents)
    await eventually(lambda: _details(platform, found.id, 5000), 30)
    ended = [one | {"intent": "RESOLVED", "timestamp": one["timestamp"] + 60_000} for one in created]
    for start in range(0, 5000, 500):
        await prod.tell(*ended[start : start + 500])
    await eventually(lambda: told(sink, prod.name) == [(DECLARED, found.id), (RESOLVED, found.id)], 30)
    assert events_of(sink, prod.name)[0]["data"]["severity"] == "SEV-1"


async def _details(platform: Platform, incident_id: str, count: int) -> bool:
    return ((await platform.gateway.incidents.get(incident_id)).details or {}).get("count") == count


async def test_one_cluster_cannot_speak_for_another(platform: Platform, prod: Broker) -> None:
    other = await broker(platform)
    mistaken = await platform.api.post(
        f"{RECORDS}?cluster={other.name}", content=body(incident()), headers={"Authorization": prod.token}
    )
    assert mistaken.status_code == 401
    nobody = await platform.api.post(
        RECORDS, content=body(incident()), headers={"Authorization": "Bearer wrong-wrong-wrong"}
    )
    assert nobody.status_code == 401
    bare = await platform.api.post(RECORDS, content=body(incident(key=77)), headers={"Authorization": prod.token})
    assert bare.json()["cluster"] == prod.name
    assert await other.incidents() == []


async def test_somebody_may_resolve_it_and_zeebe_after_them(platform: Platform, prod: Broker) -> None:
    await prod.tell(incident())
    (found,) = await eventually(prod.incidents)
    for action in (Action.RESOLVE, Action.CLOSE):
        await platform.gateway.incidents.change(found.id, Change(action=action, actor="oncall"))
    await prod.tell(incident(intent="RESOLVED", timestamp=1766759400999))

    async def over() -> bool:
        return (await platform.gateway.zeebe.cluster(prod.name)).activity.open == 0

    await eventually(over)
    assert (await platform.gateway.incidents.get(found.id)).status == "closed"


async def test_without_temporal_the_exporter_is_told_at_once_and_nothing_is_half_done(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        platform = await Platform.over(temporal, tmp_path_factory.mktemp("state"))
        async with platform.process("serve") as process, httpx.AsyncClient(base_url=process.url, timeout=30) as api:
            platform.api = api
            prod = await broker(platform)
            await prod.tell(incident(key=1))
            _kill(temporal)
            await temporal.process.wait()
            took = []
            for key in range(2, 7):
                began = time.monotonic()
                answer = await prod.post(body(incident(key=key)))
                assert answer.status_code == 503, answer.text
                assert int(answer.headers["retry-after"]) > 0
                took.append(time.monotonic() - began)
            assert min(took) < 1.5, "whoever goes on trying takes three seconds, each time"


def _kill(temporal: DevServer) -> None:
    temporal.process.kill()


async def test_a_kill_between_accept_and_delivery_pages_once(tmp_path: Path, sink: Sink) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        await _kill_after_each_answer(await Platform.over(temporal, tmp_path), sink)


async def _kill_after_each_answer(platform: Platform, sink: Sink) -> None:
    ids: list[int] = []
    for round_ in range(3):
        async with platform.process("serve") as process, httpx.AsyncClient(base_url=process.url, timeout=30) as api:
            platform.api = api
            if not ids:
                prod = await broker(platform)
                await platform.gateway.subscribers.add(unique_name("oncall"), sink.url(), types=(DECLARED,))
            await prod.tell(incident(key=100 + round_))
            process.running.kill()
            await process.running.wait()
            ids.append(round_)
    async with platform.process("serve"):
        await eventually(lambda: len({incident_id for _, incident_id in told(sink, prod.name)}) == 3, 40)
        keys = [json.loads(request.body)["data"]["details"]["incident_key"] for request in sink.received]
        assert sorted(set(keys)) == ["100", "101", "102"]
        assert len(await prod.incidents()) == 3
