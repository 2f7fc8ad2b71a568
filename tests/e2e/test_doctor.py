"""`im doctor` finds what is wrong, and says what to do about it."""

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest_asyncio

from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server, unique_type
from tests.support.sink import Answer, Sink


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    """A Temporal of its own, without any process of ours."""
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


def _bad(checkup: Any) -> set[str]:
    assert all(each["fix"] for each in checkup["findings"] if each["level"] in {"warning", "error"})
    return {each["check"] for each in checkup["findings"] if each["level"] in {"warning", "error"}}


async def test_a_sound_platform_has_no_finding_and_each_trouble_has_one(alone: Platform, sink: Sink) -> None:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    event_type = unique_type("doctor")
    sink.script(Answer(400))
    async with (
        alone.process("serve") as serve,
        httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=20) as alone.api,
    ):
        sound = await alone.im("doctor", "--format", "json")
        assert (sound.code, _bad(sound.json)) == (0, set()), sound.out
        checks = {each["check"]: each for each in sound.json["findings"]}
        kept = (await alone.im("retention")).out.strip()
        assert f"for {kept} after they ended" in checks["retention"]["message"]
        assert "im retention set" in checks["retention"]["message"]
        assert {"temporal", "clock", "keys", "workers", "directory", "certificates", "stuck workflows"} <= set(checks)
        body = {"name": "failing", "url": sink.url(), "types": [event_type]}
        assert (await alone.api.post("/api/v1/subscribers", json=body)).status_code == 201
        await alone.ended(await alone.emit(event_type))

        async def troubled() -> bool:
            return _bad((await alone.api.get("/api/v1/doctor")).json()) == {"subscribers"}

        await eventually(troubled, 20)
    # Whoever stopped is not counted as a worker for the minute that Temporal remembers its polls.
    ran = await alone.im("doctor")
    assert ran.code == 1
    assert "error    workers: none runs" in ran.out
    assert "-> Start one: im serve or im worker." in ran.out
    assert ran.out.count("-> Start") == 1
    assert "Traceback" not in ran.err


async def test_without_temporal_that_is_the_finding_and_the_exit_status_is_3(platform: Platform) -> None:
    ran = await platform.im("doctor", "--format", "json", env={"TEMPORAL_ADDRESS": "127.0.0.1:1"})
    assert ran.code == 3
    assert [each["check"] for each in ran.json["findings"]] == ["temporal"]
    assert "im dev" in ran.json["findings"][0]["fix"]


async def test_a_malformed_key_is_a_finding_about_keys_and_says_how_one_is_made(platform: Platform) -> None:
    ran = await platform.im("doctor", "--format", "json", env={"IM_SECRET_KEYS": "k1:abcd"})
    (found,) = ran.json["findings"]
    assert (ran.code, found["check"]) == (1, "keys")
    assert "IM_SECRET_KEYS, key 1 (k1): 3 bytes; 32 are needed" in found["message"]
    assert 'made by: echo "k1:$(head -c 32 /dev/urandom | base64)"' in found["fix"]
