"""A process that stands still, while its polls are open, and what it does of that once it goes on."""

import asyncio
from datetime import timedelta

from domain.events import CloudEvent
from tests.support.eventually import eventually
from tests.support.platform import Platform, frozen, unique_name, unique_type
from tests.support.sink import Answer, Sink

EVENTS = 30
WORKED_OFF = timedelta(seconds=4)  # after it goes on; what it repeats it repeats at once


async def test_first_requests_that_another_process_made_are_not_repeated(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("still"), unique_type("still")
    async with platform.process("serve") as process:
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type])
        events = [CloudEvent(id=f"{name}-{number}", source="/still", type=event_type) for number in range(EVENTS)]
        with frozen(process.running.pid):
            # This process has no worker: Temporal gives the first tasks to whoever polls, the frozen one, too.
            await asyncio.gather(*(platform.gateway.events.publish(event, alone=True) for event in events))
            await eventually(lambda: len(_ids(sink, name)) >= EVENTS, 40)
        await asyncio.sleep(WORKED_OFF.total_seconds())
        assert sorted(_ids(sink, name)) == sorted(event.id for event in events)


async def test_retries_that_another_process_made_are_not_repeated(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("still"), unique_type("still")
    sink.script(*[Answer(503)] * EVENTS, Answer(200), path=f"/{name}")
    async with platform.process("serve") as process:
        await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type])
        with frozen(process.running.pid):
            ids = [await platform.emit(event_type) for _ in range(EVENTS)]
            for event_id in ids:
                assert (await platform.ended(event_id, 40))[name]["state"] == "delivered"
        await asyncio.sleep(WORKED_OFF.total_seconds())
        assert len(_ids(sink, name)) == 2 * EVENTS


def _ids(sink: Sink, name: str) -> list[str]:
    return [got.headers["ce-id"] for got in sink.received if got.path == f"/{name}"]
