"""Keys are rotated step by step, nothing is lost, and no secret is to be read anywhere before, during or after."""

import base64
import hashlib
import hmac
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import pytest_asyncio
import trustme

from service.state_files import KEY_FILE
from tests.support.authorities import pem_of
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, Process, Ran, temporal_dev_server, unique_type
from tests.support.sink import Answer, Received, Sink

SECRET = "correct-horse-battery-staple"
HEADER = "hunter2-hunter2-hunter2"
PASSWORD = "a-partner-password"
ALERTS = "an-alert-secret-of-camunda"
PING = "ping-token-5d41402abc4b2a76"


def _key(name: str) -> str:
    return f"{name}:{base64.b64encode(hashlib.sha256(name.encode()).digest()).decode()}"


ONE, TWO = _key("k1"), _key("k2")
BOTH = f"{TWO},{ONE}"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    """A Temporal of its own, without any process of ours."""
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


@asynccontextmanager
async def serving(platform: Platform, keys: str) -> AsyncIterator[Process]:
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        platform.process("serve", IM_SECRET_KEYS=keys) as process,
        httpx.AsyncClient(base_url=process.url, headers=headers, timeout=20) as platform.api,
    ):
        yield process


async def _configure(platform: Platform, sink: Sink, event_type: str) -> str:
    """One of everything that has a secret; returns the ping key of the heartbeat, which is shown this once."""
    certificate, key = pem_of(trustme.CA().issue_cert(common_name="im"))
    bodies: list[tuple[str, dict[str, object]]] = [
        ("http-clients", {"name": "mutual", "certificate": certificate, "key": key}),
        ("http-clients", {"name": "partner", "user": "im", "password": PASSWORD}),
        ("subscribers", {"name": "basic", "url": sink.url("/basic"), "types": [event_type], "http_client": "partner"}),
        ("zeebe/clusters", {"name": "demo", "no_token": True, "alert_secret": ALERTS}),
        ("heartbeats", {"name": "job", "every_seconds": 60, "grace_seconds": 60, "ping_url": sink.url(f"/{PING}")}),
    ]
    ops = {
        "name": "ops",
        "url": sink.url("/ops"),
        "types": [event_type],
        "secret": SECRET,
        "headers": {"X-Token": HEADER},
    }
    for path, body in [*bodies, ("subscribers", ops)]:
        answer = await platform.api.post(f"/api/v1/{path}", json=body)
        assert answer.status_code == 201, answer.text
        if path == "heartbeats":
            ping = str(answer.json()["ping_path"]).rpartition("/")[2]
    return ping


def _signed(request: Received) -> bool:
    mac = hmac.new(SECRET.encode(), request.body, hashlib.sha256).hexdigest()
    return request.headers["x-cloudevents-signature"] == f"sha256={mac}"


async def _refused_to_seal(platform: Platform, sink: Sink, env: dict[str, str]) -> Ran:
    options = ("--name", "late", "--url", sink.url(), "--types", "x.y", "--secret", "-")
    ran = await platform.im("subscriber", "add", *options, stdin="late-bird-secret-12", env=env)
    assert ran.code == 1
    return ran


async def _counts(platform: Platform) -> dict[str, int]:
    listed = (await platform.api.get("/api/v1/keys")).json()
    return {row["key"]: row["values"] for row in listed["keys"]}


@pytest.mark.timeout(400)  # three servers, one after the other
async def test_a_rotation_checks_each_step_and_loses_nothing(alone: Platform, sink: Sink) -> None:
    event_type = unique_type("rotated")
    sink.script(Answer(503), Answer(200), path="/ops")
    async with serving(alone, ONE) as serve:
        ping = await _configure(alone, sink, event_type)
        first = await alone.emit(event_type)
        await sink.wait_for(1)
        refused = await alone.im("keys", "rotate", env={"IM_SECRET_KEYS": BOTH})
        assert refused.code == 1
        assert "has 'k1'. Nothing was changed" in refused.err
        # A terminal with the new key seals with the one that every worker has, one without any of theirs not at all.
        added = await alone.im(
            "subscriber", "add", "--name", "early", "--url", sink.url(), "--types", "x.y", "--secret", "-",
            stdin="early-bird-secret-1", env={"IM_SECRET_KEYS": BOTH},
        )  # fmt: skip
        assert added.code == 0, added.err
        assert await _counts(alone) == {"k1": 7}
        foreign = await _refused_to_seal(alone, sink, {"IM_SECRET_KEYS": _key("k9")})
        assert "'k9'" in foreign.err
        assert "IM_SECRET_KEYS" in foreign.err
        bare = await _refused_to_seal(alone, sink, {})
        assert "this terminal has no IM_SECRET_KEYS" in bare.err
        assert "hint: Set IM_SECRET_KEYS for this terminal as the server has it." in bare.err
        disabled = await alone.im(
            "subscriber", "update", "early", "--enabled=false", env={"IM_SECRET_KEYS": _key("k9")}
        )
        assert disabled.code == 0, disabled.err  # nothing is sealed for that
        await alone.ended(first)
        logs = [serve.said()]
    async with serving(alone, BOTH) as serve:
        rotated = await alone.im("keys", "rotate", env={"IM_SECRET_KEYS": BOTH})
        assert rotated.code == 0, rotated.err
        assert "7 values sealed anew with k2" in rotated.err
        assert "take it out of IM_SECRET_KEYS" in rotated.err
        assert await _counts(alone) == {"k1": 0, "k2": 7}
        again = (await alone.api.post("/api/v1/keys/rotate")).json()
        assert again["resealed"] == 0
        last = await alone.im("keys", "rotate", env={"IM_SECRET_KEYS": f"{TWO},{ONE}"})
        assert "nothing to do: everything is sealed with k2, the first of IM_SECRET_KEYS" in last.err
        assert "nothing is sealed with k1, which is not the first of IM_SECRET_KEYS. To rotate to it" in last.err
        assert "any more" not in last.err
        logs.append(serve.said())
    async with serving(alone, TWO) as serve:
        before = len(sink.received)
        second = await alone.emit(event_type)
        ended = await alone.ended(second)
        assert {delivery["state"] for delivery in ended.values()} == {"delivered"}, ended
        answers = [(await alone.api.get(f"/api/v1/ping/{ping}"))]
        assert answers[0].status_code == 200, answers[0].text
        await eventually(lambda: any(PING in request.path for request in sink.received), 15)
        received = sink.received[before:]
        assert any(_signed(request) for request in received if request.path == "/ops")
        basic = base64.b64encode(f"im:{PASSWORD}".encode()).decode()
        assert any(request.headers.get("authorization") == f"Basic {basic}" for request in received)
        logs.append(serve.said())
        await _assert_nowhere(alone, [first, second], [refused, added, foreign, rotated], logs, ping)


async def _assert_nowhere(platform: Platform, events: list[str], said: list[Ran], logs: list[str], ping: str) -> None:
    commands = [("subscriber", "show", "ops"), ("keys", "list"), ("logs", "--format", "json")]
    said += [await platform.im(*command, env={"IM_SECRET_KEYS": TWO}) for command in commands]
    nouns = ("subscribers", "http-clients", "zeebe/clusters", "heartbeats", "keys", "events")
    paths = ["/metrics", *(f"/api/v1/{each}" for each in nouns), *(f"/api/v1/events/{each}" for each in events)]
    texts = [*logs, *(ran.out + ran.err for ran in said), *[(await platform.api.get(path)).text for path in paths]]
    handle = platform.client.get_workflow_handle
    runs = [handle(run.id, run_id=run.run_id) async for run in platform.client.list_workflows()]
    texts += [(await run.fetch_history()).to_json() for run in runs]
    raw = b"".join(path.read_bytes() for path in sorted(platform.state.rglob("*")) if path.is_file())
    material = [each.partition(":")[2] for each in (ONE, TWO)]
    for secret in (SECRET, HEADER, PASSWORD, ALERTS, PING, TOKEN, ping, "BEGIN PRIVATE KEY", *material):
        assert not [text[:200] for text in texts if secret in text], secret
        assert secret.encode() not in raw, secret
        assert base64.b64encode(secret.encode()).rstrip(b"=")[:-1] not in raw, secret


async def test_in_development_the_new_key_is_added_to_the_file_that_a_running_server_reads_again(
    alone: Platform, sink: Sink
) -> None:
    event_type = unique_type("file")
    file = alone.state / KEY_FILE
    headers = {"Authorization": f"Bearer {TOKEN}"}
    async with (
        alone.process("serve") as serve,
        httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=20) as alone.api,
    ):
        await alone.im(
            "subscriber", "add", "--name", "ops", "--url", sink.url(), "--types", event_type, "--secret", SECRET
        )
        old = file.read_text().strip()
        rotated = await alone.im("keys", "rotate")
        assert rotated.code == 0, rotated.err
        new, _, kept = file.read_text().strip().partition(",")
        assert kept == old
        assert new != old
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
        assert (await alone.ended(await alone.emit(event_type)))["ops"]["state"] == "delivered"
        assert _signed(sink.received[-1])
        body = {"name": "late", "url": sink.url(), "types": ["x.y"], "secret": SECRET}
        assert (await alone.api.post("/api/v1/subscribers", json=body)).status_code == 201
        listed = (await alone.api.get("/api/v1/keys")).json()
        assert [(row["key"], row["values"]) for row in listed["keys"]] == [
            (new.partition(":")[0], 2),
            (old.partition(":")[0], 0),
        ]
        assert base64.b64decode(new.partition(":")[2]) not in serve.said().encode()


async def test_a_terminal_without_the_key_file_of_a_server_is_told_how_to_have_it_and_not_to_set_anything_anew(
    alone: Platform, sink: Sink, tmp_path: Path
) -> None:
    elsewhere = {"IM_STATE_DIR": str(tmp_path / "elsewhere")}
    async with alone.process("serve"):
        added = await alone.im(
            "subscriber", "add", "--name", "ops", "--url", sink.url(), "--types", "a.b", "--secret", SECRET
        )
        assert added.code == 0, added.err
        for rotated in (False, True):  # of the key that a rotation adds the server does not tell
            if rotated:
                assert (await alone.im("keys", "rotate")).code == 0
            listed = await alone.im("keys", "list", env=elsewhere)
            checked = await alone.im("doctor", env=elsewhere)
            for said in (listed.err, checked.out):
                words = " ".join(said.split())
                assert "this process does not have the key of the secret of subscriber ops" in words, said
                assert "IM_STATE_DIR" in words
                assert "anew" not in words
        assert "anew" not in (await alone.im("keys", "list")).err
