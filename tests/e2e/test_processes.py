"""Starting, stopping and failing: exit statuses, drains, kills, and what is said when something is away."""

import re
import signal
import time
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Answer, Sink, SlowAnswer

SOON_SECONDS = 40  # most of it Python that starts, on a loaded machine


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    """A Temporal of its own, without any process of ours."""
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


def api_of(url: str) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)


async def test_a_plain_dev_server_is_prepared_and_sigterm_drains(alone: Platform, sink: Sink) -> None:
    event_type, name = unique_type("drain"), unique_name("drain")
    sink.script(SlowAnswer(1.5))
    async with alone.process("serve") as serve, api_of(serve.url) as alone.api:
        await alone.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=1)
        await alone.emit(event_type)
        await sink.wait_for(1)
        assert await serve.stop(signal.SIGTERM) == 0
        assert "Webhook delivered" in serve.said()
    async with alone.process("serve", PYTHONPROFILEIMPORTTIME="1") as serve:
        # Before it serves, lest an upgrade beneath it has two versions in one process.
        assert {"doctor", "keys", "why"} <= set(re.findall(r" service\.(\w+)\n", serve.said()))

        async def counted() -> bool:
            return (await alone.gateway.health.get(name)).delivered == 1

        await eventually(counted, 15)
    assert len(sink.received) == 1


async def test_a_killed_process_loses_nothing(alone: Platform, sink: Sink) -> None:
    event_type = unique_type("kill")
    sink.script(Answer(503), Answer(503), Answer(200), path="/retried")
    async with alone.process("serve") as serve, api_of(serve.url) as alone.api:
        await alone.gateway.subscribers.add(unique_name("retried"), sink.url("/retried"), types=[event_type])
        await alone.gateway.subscribers.add(unique_name("plain"), sink.url("/plain"), types=[event_type])
        accepted = [await alone.emit(event_type) for _ in range(20)]
        await serve.stop(signal.SIGKILL)
    async with alone.process("serve") as serve, api_of(serve.url) as alone.api:
        back = time.monotonic()
        for event_id in accepted:
            ended = await alone.ended(event_id, timeout=40)
            assert {delivery["state"] for delivery in ended.values()} == {"delivered"}
    assert time.monotonic() - back < 90


async def test_commands_say_that_no_worker_is_there(alone: Platform) -> None:
    began = time.monotonic()
    ran = await alone.im("subscriber", "list")
    assert ran.code == 3
    assert "im serve" in ran.err
    assert "may be made yet" not in ran.err
    assert time.monotonic() - began < SOON_SECONDS


@pytest.mark.parametrize(
    "command",
    [
        ("subscriber", "list"),
        ("subscriber", "health"),
        ("subscriber", "add", "--name", "a", "--url", "https://example.com"),
        ("incident", "declare", "--title", "x", "--severity", "SEV-1"),
        ("incident", "list"),
        ("event", "list"),
        ("event", "show", "evt_1"),
        ("event", "emit", "--type", "a.b"),
        ("serve",),
        ("worker",),
    ],
)
async def test_commands_say_soon_that_temporal_is_away(platform: Platform, command: tuple[str, ...]) -> None:
    began = time.monotonic()
    ran = await platform.im(*command, env={"TEMPORAL_ADDRESS": "127.0.0.1:1", "IM_API_PORT": "0"})
    assert ran.code == 3
    assert "127.0.0.1:1" in ran.err
    assert "im dev" in ran.err
    assert "Traceback" not in ran.err
    assert time.monotonic() - began < SOON_SECONDS


async def test_with_publishing_off_nothing_is_emitted_and_it_is_said(alone: Platform, sink: Sink) -> None:
    async with alone.process("serve", ENABLE_EVENT_PUBLISHING="false") as serve, api_of(serve.url) as alone.api:
        await alone.gateway.subscribers.add(unique_name("hopeful"), sink.url())
        declared = await alone.im("incident", "declare", "--title", "quiet", "--severity", "SEV-4")
        assert declared.code == 0
        assert "ENABLE_EVENT_PUBLISHING=true" in declared.err
        emitted = await alone.im("event", "emit", "--type", "a.b.c", "--id", "evt_once")
        assert emitted.code == 1
        assert "ENABLE_EVENT_PUBLISHING=true" in emitted.err
        refused = await alone.api.post("/api/v1/incidents", json={"title": "q", "severity": "SEV-4", "actor": "me"})
        assert refused.status_code == 201
        assert refused.json()["warnings"]
    assert sink.received == []
    async with alone.process("serve"):
        again = await alone.im("event", "emit", "--type", "a.b.c", "--id", "evt_once")
        assert again.code == 0, again.err
        await sink.wait_for(1)


async def test_serving_other_machines_needs_a_token(platform: Platform) -> None:
    ran = await platform.im("serve", "--host", "0.0.0.0", env={"IM_API_TOKEN": ""})
    assert ran.code == 1
    assert "IM_API_TOKEN" in ran.err


async def test_an_unknown_setting_is_refused(platform: Platform) -> None:
    ran = await platform.im("subscriber", "list", env={"IM_API_PROT": "1"})
    assert ran.code == 1
    assert "IM_API_PROT" in ran.err
