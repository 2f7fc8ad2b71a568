"""The ledger's totals, what receivers saw, and what the event workflows say, are one number."""

import asyncio
from collections import Counter

from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink
from workflows.event import EventWorkflow

EVENTS = 60


async def test_the_ledger_equals_deliveries_and_the_workflows_own_answers(platform: Platform, sink: Sink) -> None:
    event_type = unique_type("counted")
    sink.script(*[Answer(200), Answer(404), Answer(503)] * EVENTS, Answer(200), path="/mixed")
    good, mixed = unique_name("good"), unique_name("mixed")
    await platform.gateway.subscribers.add(good, sink.url("/good"), types=[event_type])
    await platform.gateway.subscribers.add(mixed, sink.url("/mixed"), types=[event_type])
    ids = await asyncio.gather(*(platform.emit(event_type, {"n": number}) for number in range(EVENTS)))
    for event_id in ids:
        await platform.ended(event_id, timeout=60)

    said: Counter[tuple[str, str]] = Counter()
    query = f"ImEventTypes = '{event_type}'"
    async for run in platform.client.list_workflows(query):
        handle = platform.client.get_workflow_handle_for(EventWorkflow.run, run.id)
        for event in await handle.query(EventWorkflow.deliveries):
            said.update((delivery.subscriber, delivery.state.value) for delivery in event.deliveries)

    arrived = Counter(request.path for request in sink.received)
    for name, path in ((good, "/good"), (mixed, "/mixed")):
        health = await platform.gateway.health.get(name)
        assert (health.delivered, health.failed) == (said[name, "delivered"], said[name, "failed"])
        assert health.delivered + health.failed == EVENTS
        assert arrived[path] >= EVENTS
    assert said[good, "delivered"] == EVENTS == arrived["/good"]
