"""`im listen` against the whole platform: it is told, checks, misbehaves, sends on, and leaves nothing behind."""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.support.eventually import eventually, within
from tests.support.platform import IM, Platform, unique_type
from tests.support.sink import Answer, Hang, Sink


class Listener:
    """A running `im listen`: what it printed, as data and as messages."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.arrivals: list[dict[str, Any]] = []
        self.said = ""

    async def read(self) -> None:
        async def data(stream: asyncio.StreamReader) -> None:
            async for line in stream:
                self.arrivals.append(json.loads(line))

        async def messages(stream: asyncio.StreamReader) -> None:
            async for line in stream:
                self.said += line.decode()

        assert self.process.stdout
        assert self.process.stderr
        await asyncio.gather(data(self.process.stdout), messages(self.process.stderr))

    async def ready(self) -> None:
        await eventually(lambda: "a test event arrived: ready" in self.said, 30)

    def found(self, pattern: str) -> str:
        match = re.search(pattern, self.said)
        assert match, self.said
        return match[1]

    @property
    def name(self) -> str:
        return self.found(r"^(?:warning.*\n)*(listen-\S+) listens on")

    @property
    def url(self) -> str:
        return "http://" + self.found(r"listens on (\S+) for")

    async def of(self, event_id: str, count: int) -> list[dict[str, Any]]:
        """The arrivals of one event, once there are so many."""

        def those() -> list[dict[str, Any]] | None:
            mine = [one for one in self.arrivals if (one["event"] or {}).get("id") == event_id]
            return mine if len(mine) >= count else None

        return await eventually(those, 20)

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return await within(30, self.process.wait())


@asynccontextmanager
async def listening(platform: Platform, *options: str) -> AsyncIterator[Listener]:
    process = await asyncio.create_subprocess_exec(
        IM,
        "listen",
        "--format",
        "json",
        *options,
        env=platform.env,
        cwd=platform.state,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    listener = Listener(process)
    reading = asyncio.create_task(listener.read())
    try:
        await listener.ready()
        yield listener
    finally:
        if process.returncode is None:
            await listener.end()
        await reading


@pytest.mark.parametrize("output", ["table", "json"])
async def test_what_arrives_where_nothing_can_be_written_is_taken_and_ends_it(platform: Platform, output: str) -> None:
    event_type, full = unique_type("full"), Path("/dev/full").open("w")  # noqa: ASYNC230, SIM115 - closed below
    with full:
        options = ("--types", event_type, "--format", output)
        process = await asyncio.create_subprocess_exec(
            IM, "listen", *options, env=platform.env, cwd=platform.state, stdout=full, stderr=asyncio.subprocess.PIPE
        )
    listener = Listener(process)
    process.stdout = asyncio.StreamReader()
    process.stdout.feed_eof()
    reading = asyncio.create_task(listener.read())
    await listener.ready()
    event_id = await platform.emit(event_type)
    assert (await platform.ended(event_id))[listener.name]["state"] == "delivered"
    assert await within(30, process.wait()) == 1
    await reading
    assert "error: standard output cannot be written: No space left on device" in listener.said
    assert "Traceback" not in listener.said
    assert listener.name not in await registered(platform)


async def registered(platform: Platform) -> list[str]:
    return [one.name for one in await platform.gateway.subscribers.all()]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_it_is_a_subscriber_for_as_long_as_it_runs(platform: Platform, number: signal.Signals) -> None:
    event_type = unique_type("listened")
    async with listening(platform, "--types", event_type) as listener:
        assert listener.name in await registered(platform)
        [arrival] = await listener.of(await platform.emit(event_type, {"n": 7}), 1)
        assert (arrival["verified"], arrival["problems"], arrival["status"]) == (True, [], 200)
        assert arrival["event"]["data"] == {"n": 7}
        assert await listener.end(number) == 0
        await eventually(lambda: f"removed {listener.name}" in listener.said)
    assert listener.name not in await registered(platform)
    assert "whsec_" not in listener.said, "a secret that nobody needs is not shown"


async def test_each_event_is_answered_in_turn(platform: Platform) -> None:
    event_type = unique_type("listened")
    async with listening(platform, "--types", event_type, "--status", "503,429,204", "--no-verify") as listener:
        first, second = [await platform.emit(event_type) for _ in range(2)]
        for event_id in (first, second):
            found = await listener.of(event_id, 3)
            assert [(one["attempt"], one["status"]) for one in found] == [(1, 503), (2, 429), (3, 204)]
            assert found[0]["verified"] is None


async def test_requests_are_sent_on_as_they_came_and_answered_as_the_application_does(
    platform: Platform, sink: Sink
) -> None:
    event_type, secret = unique_type("listened"), "a-secret-of-the-application"
    sink.script(Answer(503, b"not now"), Answer(201, b"taken"))
    (platform.state / "hook.txt").write_text(secret + "\n")
    options = ("--types", event_type, "--forward-to", sink.url("/hook?a=b"), "--secret", "@hook.txt")
    async with listening(platform, *options) as listener:
        event_id = await platform.emit(event_type)
        found = await listener.of(event_id, 2)
        assert [one["status"] for one in found] == [503, 201]
        assert [one["forwarded"]["said"] for one in found] == ["not now", "taken"]
        delivery = (await platform.ended(event_id))[listener.name]
    assert [attempt["response"] for attempt in delivery["attempts"]] == ["not now", "taken"]
    request = sink.received[0]
    assert request.path == "/hook?a=b"
    body = json.loads(request.body)
    assert (body["id"], request.headers["ce-id"]) == (event_id, event_id)
    assert request.headers["host"] == f"127.0.0.1:{sink.port}"
    assert secret not in listener.said
    # The application can verify what was sent on: nothing in it was changed.
    head = "\r\n".join(f"{name}: {value}" for name, value in request.pairs)
    (platform.state / "request.http").write_bytes(head.encode() + b"\r\n\r\n" + request.body)
    ran = await platform.im("verify", "request.http", "--secret", "@hook.txt")
    assert (ran.code, ran.out.splitlines()[-1]) == (0, "verified")


async def test_what_is_held_at_the_end_is_no_failure_of_the_application(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("listened")
    sink.script(Hang())
    async with listening(platform, "--types", event_type, "--forward-to", sink.url()) as listener:
        event_id = await platform.emit(event_type)
        await sink.wait_for(1)
        assert await listener.end(signal.SIGINT) == 0
        [arrival] = await listener.of(event_id, 1)
        assert (arrival["status"], arrival["remark"]) == (503, "im listen was stopped")
        delivery = (await platform.ended(event_id))[listener.name]
    said = [(attempt["status"], attempt["response"]) for attempt in delivery["attempts"]]
    assert said == [(503, "im listen was stopped")]
    assert listener.said.count("Traceback") == 0


async def test_nobody_behind_forward_to_is_a_502_that_is_tried_again(platform: Platform) -> None:
    event_type = unique_type("listened")
    options = ("--types", event_type, "--forward-to", "http://127.0.0.1:9/hook")
    async with listening(platform, *options) as listener:
        found = await listener.of(await platform.emit(event_type), 2)
        assert [(one["status"], one["forwarded"]["status"]) for one in found[:2]] == [(502, None)] * 2
        assert listener.found(r"with this secret, valid until the end: (whsec_\S+)")


async def test_a_forged_request_is_shown_as_wrong(platform: Platform) -> None:
    async with (
        listening(platform, "--types", unique_type("listened")) as listener,
        httpx.AsyncClient(timeout=30) as http,
    ):
        headers = {"webhook-id": "msg_1", "webhook-timestamp": "1", "webhook-signature": "v1,AAAA"}
        assert (await http.post(listener.url, content=b'{"id":"forged"}', headers=headers)).status_code == 200
        assert (await http.get(listener.url)).status_code == 405
        [arrival] = await listener.of("forged", 1)
        assert arrival["verified"] is False
        assert any("not that of this body with this secret" in problem for problem in arrival["problems"])
        assert (await http.post(listener.url, content=b"\xff\x00 no JSON")).status_code == 200
        await eventually(lambda: listener.arrivals[-1]["event"] is None)


async def test_what_a_killed_one_leaves_behind_is_told_and_what_lives_is_not(platform: Platform) -> None:
    async with listening(platform, "--types", unique_type("x")) as killed:
        await killed.end(signal.SIGKILL)
    async with listening(platform, "--types", unique_type("x")) as living:
        assert f"warning: {killed.name} was left behind" in living.said
        async with listening(platform, "--types", unique_type("x")) as another:
            assert living.name not in another.said
        await platform.gateway.subscribers.remove(killed.name)
    assert not {killed.name, living.name, another.name} & set(await registered(platform))


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--forward-to https://example.com/", "--forward-anywhere"),
        ("--forward-to ftp://localhost/", "no http(s) URL"),
        ("--status 503,2000", "no list of statuses"),
        ("--delay soon", "is not a duration"),
        ("--secret plain-on-the-command-line", "everybody on this machine"),
    ],
)
async def test_wrong_options_register_nothing(platform: Platform, options: str, said: str) -> None:
    ran = await platform.im("listen", *options.split())
    assert ran.code in {1, 2}
    assert said in ran.err


async def test_a_port_in_use_is_said(platform: Platform, sink: Sink) -> None:
    ran = await platform.im("listen", "--port", str(sink.port))
    assert ran.code == 1
    assert "address already in use" in ran.err
