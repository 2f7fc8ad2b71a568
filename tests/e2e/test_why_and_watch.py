"""What `im why`, the event stream and `im event watch` tell of a real platform."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from service.event_list import EventFilter
from tests.support.eventually import eventually, within
from tests.support.platform import IM, TOKEN, Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink


@asynccontextmanager
async def subscriber(platform: Platform, url: str, types: str, **options: Any) -> AsyncIterator[str]:
    name = unique_name("why")
    await platform.gateway.subscribers.add(name, url, types=[types], **options)
    try:
        yield name
    finally:
        await platform.gateway.subscribers.remove(name)


async def why(platform: Platform, event_id: str, name: str) -> dict[str, Any]:
    async def found() -> dict[str, Any] | None:
        answer = await platform.api.get(f"/api/v1/events/{event_id}/why/{name}")
        return answer.json() if answer.status_code == 200 else None

    return await eventually(found, 20)


async def verdict_of(platform: Platform, event_id: str, name: str, verdict: str) -> dict[str, Any]:
    async def said() -> dict[str, Any] | None:
        found = await why(platform, event_id, name)
        return found if found["verdict"] == verdict else None

    return await eventually(said, 30, interval=0.2)


async def test_a_failing_delivery_is_explained_until_it_is_parked_and_resent(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("why")
    sink.script(Answer(503), Answer(503), Answer(200))
    async with subscriber(platform, sink.url(), event_type, schedule="1", max_attempts=2) as name:
        event_id = await platform.emit(event_type)
        found = await verdict_of(platform, event_id, name, "failed")
        assert "parked after 2 requests" in found["next"]
        assert [each["attempt"]["status"] for each in found["rounds"][0]["tries"]] == [503, 503]
        assert found["rounds"][0]["tries"][1]["waited_seconds"] >= 0.9
        command = found["advice"][-1].partition(": im ")[2].split()
        assert (await platform.im(*command)).code == 0
        assert [each["kind"] for each in (await verdict_of(platform, event_id, name, "delivered"))["rounds"]] == [
            "original",
            "resend",
        ]


async def test_a_retry_that_waits_is_made_at_once_when_its_activity_is_reset(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("reset")
    sink.script(Answer(503), Answer(503), Answer(200))
    async with subscriber(platform, sink.url(), event_type, schedule="1,3600") as name:
        event_id = await platform.emit(event_type)
        await eventually(lambda: len(sink.received) == 2, 30)
        found = await verdict_of(platform, event_id, name, "retrying")
        execution = WorkflowExecution(workflow_id=found["rounds"][0]["workflow_id"])
        await platform.client.workflow_service.reset_activity(
            ResetActivityRequest(namespace="default", execution=execution, id=f"deliver/{name}", identity="operator")
        )
        found = await verdict_of(platform, event_id, name, "delivered")
        assert [each["attempt"]["number"] for each in found["rounds"][0]["tries"]] == [1, 2, 3]


async def test_what_did_not_match_came_later_or_never_was_is_explained(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("why")
    async with subscriber(platform, sink.url(), f"{event_type}.more") as name:
        event_id = await platform.emit(event_type)
        shown = await eventually(lambda: _explained(platform, event_id, name), 20)
        assert f"none of its patterns matches {event_type}" in shown
        nobody = await platform.im("why", event_id, unique_name("never"))
        assert (nobody.code, "nobody was told of it" in nobody.err, nobody.out) == (1, True, "")
        async with subscriber(platform, sink.url(), event_type) as late:
            assert (await why(platform, event_id, late))["verdict"] == "added_later"


async def _explained(platform: Platform, event_id: str, name: str) -> str | None:
    ran = await platform.im("why", event_id, name)
    return ran.out if ran.code == 0 else None


async def test_a_removed_subscriber_is_explained_by_what_its_deliveries_left(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("why")
    async with subscriber(platform, sink.url(), event_type) as name:
        event_id = await platform.emit(event_type)
        await verdict_of(platform, event_id, name, "delivered")
    found = await why(platform, event_id, name)
    assert found["verdict"] == "delivered"
    assert "there is no subscriber of that name any more." in found["facts"]


async def test_an_event_that_was_refused_is_explained(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("why")
    async with platform.process("serve", ENABLE_EVENT_PUBLISHING="false") as other:
        assert other.url  # whichever of the two takes an event up, it is explained

        async def refused() -> str | None:
            ran = await platform.im("event", "emit", "--type", event_type, "--id", unique_name("refused"))
            return ran.err if ran.code == 1 else None

        assert "publishing" in await eventually(refused, 60)

    async def refused_ids() -> list[str]:
        rows = (await platform.gateway.events.find(EventFilter(type=event_type))).rows
        return [row.event_id for row in rows if row.outcome == "refused"]

    ids = await eventually(refused_ids)
    async with subscriber(platform, sink.url(), event_type) as name:
        assert (await verdict_of(platform, ids[0], name, "publishing_off"))["rounds"] == []


async def test_an_event_of_another_source_and_an_incident_are_told_from_unknown_ones(
    platform: Platform, sink: Sink
) -> None:
    event_id = await platform.emit(unique_type("why"))
    async with subscriber(platform, sink.url(), unique_type("other")) as name:
        found = await why(platform, event_id, name)
    wrong = await platform.im("why", event_id, "anybody", "--source", "/elsewhere")
    assert (wrong.code, "has the source '/elsewhere'" in wrong.err) == (1, True), wrong.err
    assert f"Events of that id have these: {found['source']}." in wrong.err
    incident = await platform.im("why", "INC-1000000", "anybody")
    assert "im event list --incident INC-1000000" in incident.err


async def test_a_resend_to_one_is_not_for_others(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("why")
    async with subscriber(platform, sink.url(), event_type) as name, subscriber(platform, sink.url(), "x") as other:
        trial = await platform.gateway.trials.run(name)
        found = await why(platform, trial.event_id, other)
        assert (found["verdict"], f"for {name} alone" in found["headline"]) == ("only_others", True)


class Stream:
    """A client of the event stream."""

    def __init__(self) -> None:
        self.place = ""
        self.changes: list[dict[str, Any]] = []
        self.kinds: list[str] = []

    async def read(self, url: str, event_type: str, after: str | None = None) -> None:
        headers = {"Authorization": f"Bearer {TOKEN}"} | ({"Last-Event-ID": after} if after else {})
        path = f"{url}/api/v1/events/stream?type={event_type}"
        async with httpx.AsyncClient(timeout=40) as client, client.stream("GET", path, headers=headers) as answer:
            assert answer.status_code == 200
            async for line in answer.aiter_lines():
                name, _, value = line.partition(": ")
                if name == "id":
                    self.place = value
                elif name == "event":
                    self.kinds.append(value)
                elif name == "data" and self.kinds[-1] == "change":
                    self.changes.append(json.loads(value))

    def outcomes(self, event_id: str) -> list[str]:
        return [each["outcome"] for each in self.changes if each["event_id"] == event_id]


@asynccontextmanager
async def following(url: str, event_type: str, after: str | None = None) -> AsyncIterator[Stream]:
    stream = Stream()
    reading = asyncio.create_task(stream.read(url, event_type, after))
    try:
        await eventually(lambda: stream.place, 20)
        yield stream
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_the_stream_tells_every_outcome_and_what_was_missed(platform: Platform, sink: Sink) -> None:
    event_type, url = unique_type("stream"), str(platform.api.base_url).rstrip("/")
    sink.script(Answer(503))
    async with subscriber(platform, sink.url(), event_type, schedule=",".join("3" * 30)):
        async with following(url, event_type) as stream:
            event_id = await platform.emit(event_type)
            await eventually(lambda: "retrying" in stream.outcomes(event_id), 30)
        place = stream.place
        sink.script(Answer(200))
        missed = await platform.emit(event_type)
        await platform.ended(event_id)
        await platform.ended(missed)
        async with following(url, event_type, place) as again:
            await eventually(lambda: again.outcomes(event_id)[-1:] == ["delivered"], 30)
            await eventually(lambda: again.outcomes(missed)[-1:] == ["delivered"], 30)


async def test_the_stream_ends_when_its_process_stops(platform: Platform) -> None:
    async with platform.process("serve") as process, following(process.url, "a.b") as stream:
        asyncio.get_running_loop().call_later(0.1, process.running.send_signal, signal.SIGTERM)
        await eventually(lambda: stream.kinds == ["end"], 20)
        assert await within(30, process.running.wait()) == 0


async def test_watching_prints_a_line_for_each_change_and_ends_well(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("watch")
    async with subscriber(platform, sink.url(), event_type) as name:
        running = await asyncio.create_subprocess_exec(
            *(IM, "subscriber", "watch", name, "--format", "json"),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            env=platform.env,
            cwd=platform.state,
        )
        assert running.stderr
        assert running.stdout
        assert b"watching" in await within(30, running.stderr.readline())
        event_id = await platform.emit(event_type)
        line = await within(30, running.stdout.readline())
        assert json.loads(line)["event_id"] == event_id
        running.send_signal(signal.SIGINT)
        assert await within(30, running.wait()) == 0


async def test_watching_a_subscriber_that_is_not_there_is_refused(platform: Platform) -> None:
    ran = await platform.im("subscriber", "watch", unique_name("nobody"))
    assert (ran.code, ran.out) == (1, "")
