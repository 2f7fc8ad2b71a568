"""No subscriber, and no test of an HTTP client, reaches a listener of the platform itself or of its Temporal."""

import sys
from pathlib import Path

import httpx
import pytest

from bench.processes import tree
from service.listeners import ports_of
from tests.support.eventually import eventually
from tests.support.platform import TOKEN
from tests.support.ports import free_port
from tests.support.started import started

REFUSALS = {(422, "blocked_address"), (422, "invalid_url")}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_every_port_of_im_dev_is_refused(tmp_path: Path) -> None:
    port, temporal, ui = (free_port() for _ in range(3))
    command = ["dev", "--ephemeral", "--port", str(port), "--temporal-port", str(temporal), "--ui-port", str(ui)]
    async with (
        started(command, tmp_path, IM_API_TOKEN=TOKEN, IM_STATE_DIR=str(tmp_path)) as dev,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=20) as api,
    ):
        api.headers["Authorization"] = f"Bearer {TOKEN}"
        await eventually(lambda: _ready(api), 30, 0.1)
        ports = {found for process in tree(dev.running.pid) for found in ports_of(process)}
        assert {port, temporal, ui} < ports
        assert len(ports) >= 9  # API, SDK metrics, and of Temporal: frontend, HTTP, metrics, UI, three inner ones
        for found in ports:
            for host in ("localhost", "127.0.0.1"):
                body = {"name": "inside", "url": f"http://{host}:{found}/"}
                answer = await api.post("/api/v1/subscribers", json=body)
                assert (answer.status_code, answer.json()["code"]) in REFUSALS, (found, answer.text)


async def _ready(api: httpx.AsyncClient) -> bool:
    return (await api.get("/readyz")).status_code == 200
