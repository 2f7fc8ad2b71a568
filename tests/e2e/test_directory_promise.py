"""After `add` returned an event is delivered; after `remove` it is not: under load, with two worker processes."""

import asyncio
import contextlib

from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Sink

ROUNDS = 12


async def test_the_registry_keeps_its_promise_under_load_with_two_workers(platform: Platform, sink: Sink) -> None:
    background = unique_type("load")
    await platform.gateway.subscribers.add(unique_name("load"), sink.url("/load"), types=[background])
    async with platform.process("worker"):
        load = asyncio.create_task(_publish_steadily(platform, background))
        try:
            results = await asyncio.gather(*(_add_publish_remove_publish(platform, sink, n) for n in range(ROUNDS)))
        finally:
            load.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await load
    assert results == [("delivered", "unmatched")] * ROUNDS


async def _publish_steadily(platform: Platform, event_type: str) -> None:
    while True:
        await platform.emit(event_type)
        await asyncio.sleep(0.02)


async def _add_publish_remove_publish(platform: Platform, sink: Sink, number: int) -> tuple[str, str]:
    name, event_type = unique_name(f"promise-{number}"), unique_type(f"promise-{number}")
    await platform.gateway.subscribers.add(name, sink.url(f"/promise-{number}"), types=[event_type])
    before = await _outcome(platform, await platform.emit(event_type))
    await platform.gateway.subscribers.remove(name)
    return before, await _outcome(platform, await platform.emit(event_type))


async def _outcome(platform: Platform, event_id: str) -> str:
    async def ended() -> str | None:
        run = (await platform.gateway.events.get(event_id)).runs[0]
        return run.outcome if run.ended_at else None

    return str(await eventually(ended, 20, interval=0.1))
