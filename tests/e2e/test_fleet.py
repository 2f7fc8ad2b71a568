"""``im serve --workers N``: several processes behind one port, as one."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from domain.events import CloudEvent
from tests.support.eventually import eventually, within
from tests.support.plain_http import plain_client
from tests.support.platform import TOKEN, Platform, Process, frozen, unique_name, unique_type
from tests.support.sink import Sink, SlowAnswer

COUNT = 2


@pytest_asyncio.fixture(scope="module")
async def fleet(platform: Platform) -> AsyncIterator[Process]:
    """Two processes behind one port."""
    async with platform.process("serve", "--workers", str(COUNT)) as process:
        await eventually(lambda: _all_serve(process), 40)
        yield process


async def _all_serve(process: Process) -> bool:
    return len(re.findall(r"msg=\"?serving", process.said())) >= COUNT


async def _children(process: Process) -> list[int]:
    pid = process.running.pid
    listed = await asyncio.to_thread(Path(f"/proc/{pid}/task/{pid}/children").read_text)
    return [int(child) for child in listed.split()]


async def _publish(process: Process, event_type: str, count: int, stem: str) -> None:
    """On a connection each, so that both processes take some."""

    async def one(number: int) -> None:
        event = CloudEvent(id=f"{stem}-{number}", source="/fleet", type=event_type, data={})
        headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/cloudevents+json"}
        async with plain_client(timeout=60) as client:
            answer = await client.post(f"{process.url}/api/v1/events", content=event.body, headers=headers)
        assert answer.status_code == 202, answer.text

    await asyncio.gather(*(one(number) for number in range(count)))


async def _accepted(process: Process) -> float:
    """Events, counted where they came in: any process of the platform may take up what follows."""
    async with plain_client(timeout=60) as client:
        page = await client.get(f"{process.url}/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    found = re.findall(r'^im_api_responses_total\{status="202"\} (\S+)$', page.text, re.MULTILINE)
    return sum(float(value) for value in found)


async def test_every_process_knows_of_a_change_when_its_command_returns(
    platform: Platform, fleet: Process, sink: Sink
) -> None:
    for round_ in range(3):
        name, event_type = unique_name("fleet"), unique_type("fleet")
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type])
        await _publish(fleet, event_type, 12, f"{name}-added")
        await platform.gateway.subscribers.remove(name)
        await _publish(fleet, event_type, 12, f"{name}-removed")
        await eventually(lambda path=f"/{name}": _ids(sink, path, 12), 20)  # type: ignore[misc]
        assert {event.split("-")[-2] for event in _seen(sink, f"/{name}")} == {"added"}, round_


def _seen(sink: Sink, path: str) -> set[str]:
    return {request.headers["ce-id"] for request in sink.received if request.path == path}


async def _ids(sink: Sink, path: str, count: int) -> bool:
    return len(_seen(sink, path)) >= count


async def test_the_metrics_are_of_all_processes_whichever_is_asked(fleet: Process) -> None:
    before = await _accepted(fleet)
    await _publish(fleet, unique_type("counted"), 20, unique_name("counted"))

    async def counted() -> bool:
        return [await _accepted(fleet) for _ in range(4)] == [before + 20] * 4

    await eventually(counted, 20)


async def test_one_that_dies_is_started_anew_and_all_stop_together(platform: Platform, fleet: Process) -> None:
    first, second = await _children(fleet)
    os.kill(first, signal.SIGKILL)

    async def replaced() -> bool:
        return len(set(await _children(fleet)) - {first, second}) == 1

    await eventually(replaced, 20)
    await _publish(fleet, unique_type("after"), 4, unique_name("after"))
    running = await _children(fleet)
    assert await fleet.stop() == 0
    assert "started anew" in fleet.said()
    with pytest.raises(ProcessLookupError):
        os.kill(running[0], 0)


async def test_a_signal_to_all_of_them_at_once_drains(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("drained"), unique_type("drained")
    sink.script(SlowAnswer(2.0), path=f"/{name}")
    await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type])
    async with platform.process("serve", "--workers", str(COUNT)) as process:
        await eventually(lambda: _all_serve(process), 40)
        await _publish(process, event_type, 6, name)
        for pid in [process.running.pid, *await _children(process)]:
            os.kill(pid, signal.SIGTERM)
        assert await within(40, process.running.wait()) == 0
    said = process.said()
    assert said.count("msg=stopped") + said.count('msg="stopped"') == COUNT
    await eventually(lambda: _ids(sink, f"/{name}", 6), 30)
    assert len([got for got in sink.received if got.path == f"/{name}"]) == 6


async def test_one_that_cannot_begin_again_leaves_the_others_alone(platform: Platform) -> None:
    async with platform.process("serve", "--workers", str(COUNT)) as process:
        await eventually(lambda: _all_serve(process), 40)
        first, second = await _children(process)
        with frozen(platform.temporal.process.pid):
            os.kill(first, signal.SIGKILL)
            await eventually(lambda: _said(process, "does not answer"), 40)
            assert second in await _children(process)
        await eventually(lambda: _serves_again(process), 60)


async def _said(process: Process, words: str) -> bool:
    return words in process.said()


async def _serves_again(process: Process) -> bool:
    return len(re.findall(r"msg=\"?serving", process.said())) > COUNT


async def test_what_keeps_one_from_serving_ends_all(platform: Platform) -> None:
    said = await platform.im("serve", "--workers", "2", "--port", "0", env={"TEMPORAL_ADDRESS": "127.0.0.1:1"})
    assert said.code == 3
    assert "connection refused" in said.err
