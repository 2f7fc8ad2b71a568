"""Events that share a workflow are sent in order to whoever asks for it: before what comes later, and after a pause."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from domain.events import CloudEvent
from domain.health import Health
from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Sink


@asynccontextmanager
async def ordered(platform: Platform, sink: Sink, event_type: str) -> AsyncIterator[str]:
    """A subscriber that is told of an incident's events one after the other."""
    name = unique_name("ordered")
    await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type], ordered=True)
    try:
        yield name
    finally:
        await platform.gateway.subscribers.remove(name)


def events(event_type: str, count: int, incidents: int, stem: str = "batch") -> list[CloudEvent]:
    """So many of each incident, by turns."""
    return [
        CloudEvent(
            id=f"{stem}-{number}-{event_type}",
            source="/tests",
            type=event_type,
            extensions={"imincidentid": f"{event_type}-{number % incidents}"},
        )
        for number in range(count)
    ]


def sent(sink: Sink, name: str, incident: str) -> list[str]:
    """The ids of an incident's events, in the order of their requests."""
    bodies = [json.loads(each.body) for each in sink.received if each.path == f"/{name}"]
    return [body["id"] for body in bodies if body["imincidentid"] == incident]


async def all_in_order(sink: Sink, name: str, expected: list[CloudEvent], within: float) -> None:
    """Wait until everything was sent, and compare the order of each incident's."""
    incidents: dict[str, list[str]] = {}
    for event in expected:
        incidents.setdefault(event.incident_id or "", []).append(event.id)
    await eventually(lambda: sum(len(sent(sink, name, each)) for each in incidents) == len(expected), within)
    assert {incident: sent(sink, name, incident) for incident in incidents} == incidents


async def test_what_comes_after_a_batch_is_sent_after_it(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("order")
    async with ordered(platform, sink, event_type) as name:
        batch, later = events(event_type, 60, 6), events(event_type, 6, 6, "later")
        await platform.gateway.events.publish_batch(batch)
        first = f"{event_type}-0"
        await eventually(lambda: sent(sink, name, first), 20)  # the batch has begun, and has much left
        for event in later:
            await platform.gateway.events.publish(event)
        await all_in_order(sink, name, [*batch, *later], 60)


async def test_a_batch_that_waited_for_a_pause_is_sent_in_its_order_without_a_rest(
    platform: Platform, sink: Sink
) -> None:
    event_type = unique_type("order")
    async with ordered(platform, sink, event_type) as name:
        await platform.gateway.subscribers.pause(name)
        batch = events(event_type, 18, 3)
        await platform.gateway.events.publish_batch(batch)

        async def health() -> Health:
            return await platform.gateway.health.get(name)

        async def all_wait() -> bool:
            return (await health()).waiting == len(batch)

        await eventually(all_wait, 20)
        await platform.gateway.subscribers.resume(name)
        await all_in_order(sink, name, batch, 25)
        drain = (await health()).drain
        assert drain is None or drain.holds_until is None


async def test_a_batch_that_takes_several_workflows_is_sent_in_its_order(platform: Platform, sink: Sink) -> None:
    event_type, other = unique_type("order"), unique_type("unordered")
    async with ordered(platform, sink, event_type) as name:
        batch = events(event_type, 12, 1)
        filling = iter(events(other, 240, 240))
        spread = [part for event in batch for part in (event, *(next(filling) for _ in range(20)))]
        await platform.gateway.events.publish_batch(spread)
        await all_in_order(sink, name, batch, 30)


async def test_what_is_published_one_after_the_other_is_sent_so(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("order")
    async with ordered(platform, sink, event_type) as name:
        singles, batch = events(event_type, 12, 1, "single"), events(event_type, 6, 1)
        for event in singles:
            await platform.gateway.events.publish(event)
        await platform.gateway.events.publish_batch(batch)
        await all_in_order(sink, name, [*singles, *batch], 60)
