"""Heartbeats on a real server: beats by URL, incidents, pings, and restarts of everything without a false alarm."""

import asyncio
import re
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from domain.source_errors import HeartbeatNotFoundError
from service.devserver import dev_server, find_cli
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_name
from tests.support.ports import free_port
from tests.support.sink import Sink

OUTAGE_SECONDS = 10  # the deadline of SHORT passes in it, however soon a process is back
SHORT: dict[str, Any] = {"every": timedelta(seconds=6), "grace": timedelta(seconds=2)}  # long enough for a slow stop


async def add(platform: Platform, name: str, *options: str) -> str:
    """Add a heartbeat by the CLI; its ping path."""
    ran = await platform.im("heartbeat", "add", name, *options)
    assert ran.code == 0, ran.err
    return urlsplit(ran.out.strip()).path


async def shown(api: httpx.AsyncClient, name: str) -> dict[str, Any]:
    answer = await api.get(f"/api/v1/heartbeats/{name}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


async def becomes(api: httpx.AsyncClient, name: str, status: str, timeout: float = 25) -> dict[str, Any]:
    async def became() -> dict[str, Any] | None:
        found = await shown(api, name)
        return found if found["status"] == status else None

    return await eventually(became, timeout, interval=0.1)


async def pinged(client: httpx.AsyncClient, path: str, method: str = "GET", body: bytes = b"") -> httpx.Response:
    """The answer to a ping that was taken; it is sent again when a loaded Temporal was taken for one that is away."""

    async def taken() -> httpx.Response | None:
        answer = await client.request(method, path, content=body)
        assert answer.status_code in {200, 503}, answer.text
        return answer if answer.status_code == 200 else None

    return await eventually(taken)


async def incidents_of(api: httpx.AsyncClient, name: str) -> list[str]:
    """The statuses of the incidents that a heartbeat declared, the latest first."""
    listed = await api.get("/api/v1/incidents")
    return [row["status"] for row in listed.json()["data"] if f" {name} " in row["title"]]


@asynccontextmanager
async def served(platform: Platform) -> AsyncIterator[Any]:
    """`im serve`, and a client of its API."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        platform.process("serve") as process,
        httpx.AsyncClient(base_url=process.url, headers=headers, timeout=30) as api,
    ):
        yield process, api


async def test_beats_misses_and_pings_from_end_to_end(platform: Platform, sink: Sink) -> None:
    name, api = unique_name("beat"), platform.api
    path = await add(
        platform, name, "--every", "6s", "--grace", "1s", "--severity", "sev-2", "--ping-url", sink.url("/u")
    )
    async with httpx.AsyncClient(base_url=api.base_url, timeout=30) as anybody:
        assert (await pinged(anybody, path)).text == "OK"
        await pinged(anybody, f"{path}/start", "HEAD")
        unknown = await anybody.get("/api/v1/ping/nobody-has-this-key-0123")
        assert (unknown.status_code, unknown.text) == (404, "not found")
        assert (await anybody.post(f"/api/v1/heartbeats/{name}")).status_code == 401
    up = await shown(api, name)
    assert (up["changes"][0]["status"], up["running_since"] is None) == ("up", False)
    down = await becomes(api, name, "down")
    assert await eventually(lambda: incidents_of(api, name)) == ["declared"]
    await pinged(api, f"/api/v1/heartbeats/{name}", "POST")
    await eventually(lambda: _first_resolved(api, name), 10)
    await pinged(api, f"/api/v1/heartbeats/{name}/3", "POST", b"disk full")
    await becomes(api, name, "down")
    await eventually(lambda: [r.path for r in sink.received][:4] == ["/u", "/u/start", "/u/fail", "/u"])
    await eventually(lambda: sink.received[-1].path == "/u/fail")
    ran = await platform.im("heartbeat", "show", name)
    assert "exit status 3: disk full" in ran.out
    assert "missed: last beat" in ran.out
    listed = await platform.im("heartbeat", "list")
    assert re.search(rf"{name} +down", listed.out)
    metrics = (await api.get("/metrics")).text
    assert 'im_heartbeat_beats_total{kind="fail"}' in metrics
    assert (await platform.im("heartbeat", "remove", name)).code == 0
    await eventually(lambda: _all_resolved(api, name), 10)
    assert (await api.get(f"/api/v1/heartbeats/{name}")).status_code == 404
    assert (await api.post(f"/api/v1/heartbeats/{name}/beat")).status_code == 404
    key = path.rpartition("/")[2]
    raw = b"".join(found.read_bytes() for found in sorted(platform.state.rglob("*")) if found.is_file())
    assert key.encode() not in raw
    assert down["changes"][-1]["status"] == "down"


async def _first_resolved(api: httpx.AsyncClient, name: str) -> bool:
    """Whether the first incident is over; with such short periods there may be another one since."""
    return (await incidents_of(api, name))[-1:] == ["resolved"]


async def _all_resolved(api: httpx.AsyncClient, name: str) -> bool:
    return set(await incidents_of(api, name)) == {"resolved"}


async def test_one_is_paused_resumed_removed_and_added_again(platform: Platform) -> None:
    name, api = unique_name("again"), platform.api
    path = f"/api/v1/heartbeats/{name}"
    assert (
        await api.post("/api/v1/heartbeats", json={"name": name, "every_seconds": 1, "grace_seconds": 0})
    ).is_success
    await pinged(api, path, "POST")
    assert (await api.post(f"{path}/pause")).json()["status"] == "paused"
    assert (await api.post(f"{path}/resume")).status_code == 200
    await becomes(api, name, "down")
    twice = await platform.im("heartbeat", "add", name, "--every", "1s")
    assert (twice.code, "exists already" in twice.err) == (1, True)
    assert (await api.delete(path)).status_code == 204
    assert (await platform.gateway.heartbeats.add(name, every=timedelta(hours=1), grace=timedelta())).ping_path
    assert (await shown(api, name))["status"] == "new"
    with pytest.raises(HeartbeatNotFoundError):
        await platform.gateway.heartbeats.beat(unique_name("nobody"))


async def test_other_times_keep_the_ping_url_and_what_was_beaten(platform: Platform) -> None:
    name, api = unique_name("update"), platform.api
    path = await add(platform, name, "--every", "1h", "--severity", "SEV-4")
    await pinged(api, path)
    before = await becomes(api, name, "up")
    ran = await platform.im("heartbeat", "update", name, "--every", "2s", "--grace", "0s")
    assert (ran.code, ran.err) == (0, f"updated {name}\n")
    down = await becomes(api, name, "down")
    kept = ("last_beat_at", "severity", "created_at")
    assert [down[each] for each in kept] == [before[each] for each in kept]
    longer = await api.patch(f"/api/v1/heartbeats/{name}", json={"every_seconds": 3600})
    assert (longer.json()["status"], longer.json()["every_seconds"]) == ("down", 3600)
    again = await api.patch(f"/api/v1/heartbeats/{name}", json={"every_seconds": 3600})
    assert again.json()["updated_at"] == longer.json()["updated_at"]
    await pinged(api, path)
    await becomes(api, name, "up")
    await eventually(lambda: _all_resolved(api, name))


async def test_a_ping_url_is_changed_and_taken_away(platform: Platform, sink: Sink) -> None:
    name, api = unique_name("pinging"), platform.api
    path = f"/api/v1/heartbeats/{name}"
    await add(platform, name, "--every", "1h", "--ping-url", sink.url("/former"))
    first = (await api.patch(path, json={"ping_url": sink.url("/former")})).json()
    assert first["updated_at"] == first["created_at"], "it is the same"
    refused = await api.patch(path, json={"ping_url": "ftp://nowhere"})
    assert (refused.status_code, await shown(api, name)) == (422, first)
    await api.patch(path, json={"ping_url": sink.url("/latter")})
    await pinged(api, path, "POST")
    assert [each.path for each in await sink.wait_for(1)] == ["/latter"]
    assert (await api.patch(path, json={"ping_url": ""})).json()["ping_url"] is None


async def test_one_that_nobody_watches_is_not_changed(platform: Platform) -> None:
    name, api = unique_name("unwatched"), platform.api
    await platform.gateway.heartbeats.add(name, every=timedelta(hours=1), grace=timedelta())
    await platform.client.get_workflow_handle(f"heartbeat/{name}").terminate()
    answer = await api.patch(f"/api/v1/heartbeats/{name}", json={"grace_seconds": 60})
    assert (answer.status_code, answer.json()["code"]) == (409, "heartbeat_unwatched")
    assert (await shown(api, name))["grace_seconds"] == 0


@pytest.mark.parametrize("secrets", ["sealed", "omitted"])
async def test_an_import_changes_one_and_keeps_its_state(platform: Platform, secrets: str) -> None:
    name, api = unique_name("imported"), platform.api
    await add(platform, name, "--every", "1h")
    exported = (await api.get("/api/v1/configuration", params={"secrets": secrets})).json()
    mine = [each for each in exported["heartbeats"] if each["name"] == name]
    document = {**exported, "subscribers": [], "http_clients": [], "zeebe_clusters": [], "heartbeats": mine}
    await pinged(api, f"/api/v1/heartbeats/{name}", "POST")
    await api.patch(f"/api/v1/heartbeats/{name}", json={"every_seconds": 60})
    for action in ("change", "same"):
        (row,) = (await api.post("/api/v1/configuration", json=document)).json()["rows"]
        assert row["action"] == action, row
    assert [(await shown(api, name))[each] for each in ("status", "every_seconds")] == ["up", 3600]


async def test_one_whose_workflow_was_terminated_says_so(platform: Platform) -> None:
    name = unique_name("lost")
    await platform.gateway.heartbeats.add(name, every=timedelta(hours=1), grace=timedelta())
    await platform.client.get_workflow_handle(f"heartbeat/{name}").terminate()

    async def said() -> bool:
        return f"im heartbeat remove {name}" in (await platform.im("heartbeat", "list")).err

    await eventually(said)
    assert (await platform.api.post(f"/api/v1/heartbeats/{name}/pause")).json()["code"] == "heartbeat_unwatched"
    assert (await platform.im("heartbeat", "remove", name)).code == 0


async def test_restarts_of_ours_are_no_alarm_and_hide_none(tmp_path: Path) -> None:
    async with AsyncExitStack() as stack:
        platform = await Platform.over(await stack.enter_async_context(temporal_dev_server(tmp_path)), tmp_path)
        beat = platform.gateway.heartbeats.beat
        async with served(platform) as (process, api):
            for name in ("silent", "steady"):
                await platform.gateway.heartbeats.add(name, **SHORT)
                await beat(name)
            steady = asyncio.create_task(_beat_on(platform, "steady"))
            await process.stop(signal.SIGTERM)
        async with served(platform) as (process, api):
            unknown = await becomes(api, "silent", "unknown")
            assert unknown["deadline"] is not None
            await beat("silent")
            await becomes(api, "silent", "up")
            assert 'msg="heartbeat unknown"' in process.said()
            await process.stop(signal.SIGKILL)
        await asyncio.sleep(OUTAGE_SECONDS)
        async with served(platform) as (_, api):
            down = await becomes(api, "silent", "down")
            assert [change["status"] for change in down["changes"]] == ["up", "unknown", "up", "unknown", "down"]
            assert await eventually(lambda: incidents_of(api, "silent")) == ["declared"]
            events = (await api.get("/api/v1/events?type=im.heartbeat.unknown.v1")).json()["data"]
            assert [event["source"] for event in events] == ["/heartbeats/silent"] * 2
            steady.cancel()
            kept = await shown(api, "steady")
            assert [change["status"] for change in kept["changes"]] == ["up"], "its beats waited in Temporal"


async def test_a_restart_of_temporal_is_no_alarm_and_hides_none(tmp_path: Path) -> None:
    cli, port = find_cli(), free_port()
    assert cli is not None
    where: dict[str, Any] = {"database": tmp_path / "temporal.db", "port": port, "ui_port": free_port()}
    async with AsyncExitStack() as stack:
        async with dev_server(cli, **where) as temporal:
            platform = await Platform.over(temporal, tmp_path)
            _, api = await stack.enter_async_context(served(platform))
            path = (await platform.gateway.heartbeats.add("canary", **SHORT)).ping_path
            await pinged(api, path)
            temporal.process.kill()
            await temporal.process.wait()
        took = []
        for _ in range(4):
            began = time.monotonic()
            refused = await api.get(f"{path}/start")  # a second success at once would say nothing new
            assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            took.append(time.monotonic() - began)
        assert min(took) < 2, "whoever goes on trying takes three seconds, each time"
        job = asyncio.create_task(_ping_on(api, path))
        await _past_the_deadline()
        await stack.enter_async_context(dev_server(cli, **where))
        await eventually(lambda: _beaten(api, path), 20)
        since = await becomes(api, "canary", "up")
        assert {change["status"] for change in since["changes"]} <= {"up", "unknown"}
        job.cancel()
        await becomes(api, "canary", "down")
        assert await eventually(lambda: incidents_of(api, "canary")) == ["declared"]


async def _past_the_deadline() -> None:
    """Let the time of `SHORT` pass on the real clock: that is what is tested."""
    await asyncio.sleep((SHORT["every"] + SHORT["grace"]).total_seconds() + 0.5)


async def _beat_on(platform: Platform, name: str) -> None:
    """Beat for ever, straight into Temporal."""
    while True:
        await platform.gateway.heartbeats.beat(name)
        await asyncio.sleep(0.5)


async def _ping_on(api: httpx.AsyncClient, path: str) -> None:
    """Ping for ever, whatever the answer."""
    while True:
        with suppress(httpx.TransportError):
            await api.get(path)
        await asyncio.sleep(0.5)


async def _beaten(api: httpx.AsyncClient, path: str) -> bool:
    return (await api.get(path)).status_code == 200
