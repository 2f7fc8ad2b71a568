"""The configuration goes from one installation to another: whole, checked, again and again, and only with its key."""

import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio
import trustme

from tests.support.authorities import pem_of
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_type
from tests.support.sink import Sink

SECRET = "correct-horse-battery-staple"
PASSWORD = "a-partner-password"
TYPE = unique_type("exported")
KEYS = f"k1:{base64.b64encode(bytes(range(32))).decode()}"
OTHER_KEYS = f"k1:{base64.b64encode(bytes(range(1, 33))).decode()}"


@asynccontextmanager
async def installation(folder: Path, keys: str = KEYS) -> AsyncIterator[Platform]:
    folder.mkdir()
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with temporal_dev_server(folder) as temporal:
        found = await Platform.over(temporal, folder)
        found.env["IM_SECRET_KEYS"] = keys
        async with (
            found.process("serve") as process,
            httpx.AsyncClient(base_url=process.url, headers=headers, timeout=20) as found.api,
        ):
            yield found


@pytest_asyncio.fixture(loop_scope="session")
async def document(tmp_path: Path, sink: Sink) -> dict[str, Any]:
    """What an installation with one of everything exports."""
    certificate, key = pem_of(trustme.CA().issue_cert(common_name="im"))
    entries: list[tuple[str, dict[str, Any]]] = [
        ("http-clients", {"name": "mutual", "certificate": certificate, "key": key, "proxy": "http://127.0.0.1:3128"}),
        ("http-clients", {"name": "partner", "user": "im", "password": PASSWORD}),
        ("subscribers", {"name": "ops", "url": sink.url("/ops"), "types": [TYPE], "secret": SECRET,
                         "headers": {"X-Token": "hunter2-hunter2"}, "http_client": "partner", "schedule": "5,60",
                         "max_concurrency": 7, "rate_limit": "100/s", "pause_after_seconds": 432000}),
        ("subscribers", {"name": "oncall", "notify": "pagerduty://0123456789abcdef0123456789abcdef"}),
        ("zeebe/clusters", {"name": "demo", "token": "a-token-of-the-exporter", "alert_secret": "alerts-of-camunda"}),
        ("heartbeats", {"name": "canary", "every_seconds": 60, "grace_seconds": 9, "cluster": "demo",
                        "zeebe_process": "canary", "ping_url": sink.url("/ping")}),
    ]  # fmt: skip
    async with installation(tmp_path / "first") as first:
        for path, body in entries:
            answer = await first.api.post(f"/api/v1/{path}", json=body)
            assert answer.status_code == 201, answer.text
        exported: dict[str, Any] = (await first.api.get("/api/v1/configuration")).json()
        bare = (await first.api.get("/api/v1/configuration", params={"secrets": "omitted"})).json()
        assert "sealed:" not in json.dumps(bare)
        assert "_hash" not in json.dumps(bare)
        # What an installation exported is what it has, with and without secrets.
        for each in (exported, bare):
            assert _actions(await _imported(first, each)) == ["same"] * 6
        # An edited entry is refused, and its neighbours are not: a secret goes only where it went.
        moved = json.loads(json.dumps(exported))
        moved["subscribers"][-1]["url"] = sink.url("/elsewhere")
        moved["http_clients"][1]["total_seconds"] = 5.0
        report = await _imported(first, moved)
        refused = {row["entry"] for row in report["rows"] if row["action"] == "refuse"}
        assert refused == {"subscriber ops", "HTTP client partner"}
        # Nor does it go elsewhere by saying that it was left out.
        moved["omitted"] = {"subscriber ops": ["secret", "headers"]}
        assert "omitted" in (await _imported(first, moved, expect=422))["detail"]
        alone: dict[str, Any] = {"http_clients": [], "zeebe_clusters": [], "heartbeats": []}
        unsealed = {**moved, **alone, "secrets": "omitted", "subscribers": moved["subscribers"][-1:]}
        (row,) = (await _imported(first, unsealed))["rows"]
        assert (row["action"], "seal" in row["note"]) == ("refuse", True)
        (bare_ops,) = (each for each in bare["subscribers"] if each["name"] == "ops")
        stolen = {**bare, **alone, "subscribers": [bare_ops | {"url": sink.url("/elsewhere")}]}
        (row,) = (await _imported(first, stolen))["rows"]
        assert (row["action"], "im subscriber update ops" in row["note"]) == ("refuse", True)
        changed = {**bare, "http_clients": [{"name": "partner", "total_seconds": 5.0, "connect_seconds": 10.0}]}
        row = (await _imported(first, changed))["rows"][0]
        assert (row["action"], row["changes"]) == ("change", ["total_seconds: 10.0 -> 5.0"])
    return {"sealed": exported, "bare": bare}


async def _imported(platform: Platform, document: Any, *, expect: int = 200, dry_run: bool = False) -> Any:
    params = {"dry_run": str(dry_run).lower()}
    answer = await platform.api.post("/api/v1/configuration", json=document, params=params)
    assert answer.status_code == expect, answer.text
    return answer.json()


def _actions(report: Any) -> list[str]:
    return [row["action"] for row in report["rows"]]


@pytest.mark.timeout(400)  # four installations
async def test_a_fresh_installation_with_the_same_key_takes_it_and_delivers(
    document: dict[str, Any], tmp_path: Path, sink: Sink
) -> None:
    async with installation(tmp_path / "second") as second:
        file = second.state / "im.json"
        file.write_text(json.dumps(document["sealed"]))
        dry = await second.im("import", "im.json", "--dry-run")
        assert dry.code == 0, dry.err
        assert "+ subscriber ops" in dry.out
        assert "would be: 6 added" in dry.err
        assert (await second.api.get("/api/v1/subscribers")).json()["data"] == []
        done = await second.im("import", "im.json")
        assert (done.code, "6 added, 0 changed, 0 the same, 0 refused" in done.err) == (0, True), done.err
        assert SECRET not in done.out + done.err
        assert _actions(await _imported(second, document["sealed"])) == ["same"] * 6
        event_id = await second.emit(TYPE)
        assert (await second.ended(event_id))["ops"]["state"] == "delivered"
        request = next(each for each in sink.received if each.path == "/ops")
        mac = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
        assert request.headers["x-cloudevents-signature"] == f"sha256={mac}"
        assert request.headers["x-token"] == "hunter2-hunter2"
        assert request.headers["authorization"].startswith("Basic ")
        records = await second.api.post(
            "/api/v1/zeebe/records", json=[], headers={"Authorization": "Bearer a-token-of-the-exporter"}
        )
        assert records.status_code == 200, records.text
        assert (await second.api.get("/api/v1/heartbeats/canary")).json()["status"] == "new"
    async with installation(tmp_path / "third", OTHER_KEYS) as third:
        refused = await _imported(third, document["sealed"], expect=500)
        assert refused["code"] == "sealing_key"
        assert "k1" in refused["detail"]
        assert "Nothing was imported" in refused["detail"]
        assert "im export --without-secrets" in refused["hint"]
        assert (await third.api.get("/api/v1/http-clients")).json()["data"] == []
        rows = {row["entry"]: row for row in (await _imported(third, document["bare"]))["rows"]}
        assert rows["HTTP client mutual"]["action"] == "refuse"
        assert "im http-client add" in rows["HTTP client mutual"]["note"]
        assert rows["subscriber ops"]["action"] == "refuse"  # its HTTP client is not there yet
        assert rows["heartbeat canary"]["ping_path"].startswith("/api/v1/ping/")
        assert "im heartbeat update canary --ping-url" in rows["heartbeat canary"]["note"]
        await third.api.post("/api/v1/http-clients", json={"name": "partner", "user": "im", "password": PASSWORD})
        rows = {row["entry"]: row for row in (await _imported(third, document["bare"]))["rows"]}
        assert rows["subscriber ops"]["action"] == "add"
        assert "disabled" in rows["subscriber ops"]["note"]
        assert (rows["heartbeat canary"]["action"], rows["heartbeat canary"]["note"]) == ("same", None)
        assert (await third.api.get("/api/v1/subscribers/ops")).json()["enabled"] is False
        again = {row["entry"]: row for row in (await _imported(third, document["bare"]))["rows"]}
        assert (again["subscriber ops"]["action"], again["subscriber ops"]["changes"]) == ("same", [])
        assert "disabled" in again["subscriber ops"]["note"]
        assert (await third.api.get("/api/v1/subscribers/ops")).json()["enabled"] is False
