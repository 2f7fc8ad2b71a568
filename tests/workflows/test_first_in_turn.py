"""The first request of an ordered delivery is made by the workflow task that hears of its turn."""

import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.drains import Release
from domain.lanes import Ticket
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure
from domain.pauses import Pause
from domain.subscribers import Subscriber
from domain.tasks import EventInput, Pending
from tests.support.alert_receivers import TWILIO_URL, AlertReceivers
from tests.support.builders import NOW, make_event, make_keyring, make_subscriber, make_target
from tests.support.eventually import eventually
from tests.support.sink import Answer, Sink
from tests.workflows.conftest import Pipeline, delivering
from workflows import names
from workflows.event import EventWorkflow

Handle = WorkflowHandle[EventWorkflow, Any]


@asynccontextmanager
async def begun(
    environment: WorkflowEnvironment,
    pipeline: Pipeline,
    sender: Sender | None = None,
    resume: list[Pending] | None = None,
) -> AsyncIterator[Handle]:
    """The workflow of an event of an incident, ended with the block."""
    async with delivering(environment.client, pipeline, sender=sender) as queue:
        event = make_event(extensions={"imincidentid": "INC-7"})
        handle = await environment.client.start_workflow(
            EventWorkflow.run,
            EventInput(events=[event], resume=resume),
            id=f"event/{uuid.uuid4()}",
            task_queue=queue,
        )
        yield handle
        if (await handle.describe()).close_time is None:
            await handle.terminate()


async def activities(handle: Handle) -> list[tuple[str, str]]:
    """The activities that were asked for, and on which queues."""
    told = [
        each.activity_task_scheduled_event_attributes
        for each in (await handle.fetch_history()).events
        if each.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED
    ]
    return [(each.activity_type.name, each.task_queue.name) for each in told]


async def signals(handle: Handle) -> list[str]:
    """Which workflows drains were told of, that go on in line."""
    told = [
        each.signal_external_workflow_execution_initiated_event_attributes
        for each in (await handle.fetch_history()).events
    ]
    return [json.loads(each.input.payloads[0].data) for each in told if each.signal_name == "in_line"]


async def is_(asked: Callable[[], Awaitable[str]], wanted: str) -> bool:
    return await asked() == wanted


@pytest.mark.parametrize("statuses", [[200], [503, 200], [400]])
async def test_a_first_request_takes_no_activity(skipping: WorkflowEnvironment, statuses: Sequence[int]) -> None:
    async with Sink() as sink:
        sink.script(*map(Answer, statuses))
        async with begun(skipping, Pipeline([make_subscriber(sink.url(), keep_order=True)])) as handle:
            (event,) = (await handle.result()).events
            asked = [name for name, _ in await activities(handle)]
    assert event.deliveries[0].attempts == len(sink.received) == len(statuses)
    assert asked.count("deliver") == (1 if len(statuses) > 1 else 0)


async def test_what_was_asked_before_is_a_retry(skipping: WorkflowEnvironment) -> None:
    made = Attempt(number=1, at=NOW, duration_ms=5, status=503, failure=Failure.HTTP_STATUS, error="HTTP 503")
    async with Sink() as sink:
        known = make_subscriber(sink.url(), keep_order=True)
        tried = Delivery(subscriber=known.name, state=DeliveryState.RETRYING, attempts=[made])
        resume = [Pending(delivery=tried, ordered=True)]
        async with begun(skipping, Pipeline([known]), resume=resume) as handle:
            (event,) = (await handle.result()).events
    assert event.deliveries[0].attempts == 2
    assert len(sink.received) == 1


def paused(subscriber: Subscriber) -> Subscriber:
    return subscriber.model_copy(update={"paused": Pause(at=NOW, reason="migration")})


async def test_a_pause_that_began_before_the_turn_holds_it(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        known = make_subscriber(sink.url(), keep_order=True)
        pipeline = Pipeline([known], by_its_turn=[paused(known)])
        async with begun(skipping, pipeline) as handle:

            async def waits() -> bool:
                return (await handle.query(EventWorkflow.deliveries))[0].outcome == "waiting"

            await eventually(waits)
    assert not sink.received


async def test_what_is_released_before_its_turn_tells_the_drain_and_is_sent_with_its_turn(
    skipping: WorkflowEnvironment,
) -> None:
    async with Sink() as sink:
        known = make_subscriber(sink.url(), keep_order=True)
        pipeline = Pipeline([paused(known)], gives_turns=False)
        async with begun(skipping, pipeline) as handle:

            async def outcome() -> str:
                return str((await handle.query(EventWorkflow.deliveries))[0].outcome)

            await eventually(lambda: is_(outcome, "waiting"))
            await handle.signal(EventWorkflow.resumed, Release(subscriber=known.name, drain="drain/gone"))
            told = await eventually(lambda: signals(handle))
            assert told == [handle.id]
            assert await outcome() == "pending"
            pipeline.subscribers = [known]
            assert not sink.received
            await handle.signal(EventWorkflow.turn, Ticket(workflow_id=handle.id, subscriber=known.name))
            assert (await handle.result()).events[0].outcome == "delivered"
            assert await signals(handle) == told
    assert len(sink.received) == 1


async def test_a_limit_that_came_before_the_turn_is_kept(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        known = make_subscriber(sink.url(), keep_order=True)
        limited = known.model_copy(update={"rate_limit": "10/s"})
        pipeline = Pipeline([known], by_its_turn=[limited])
        async with begun(skipping, pipeline) as handle:

            async def moved() -> bool:
                return ("deliver", names.limited_queue(known.name)) in await activities(handle)

            await eventually(moved)
    assert not sink.received


async def test_a_call_that_is_made_once_is_not_made_within_a_task(skipping: WorkflowEnvironment) -> None:
    policy = AddressPolicy()
    async with AlertReceivers() as alerts:
        sender = Sender(GuardedTransport(policy), make_keyring(), policy, alerts.bases)
        async with begun(skipping, Pipeline([make_target(TWILIO_URL)]), sender) as handle:
            assert (await handle.result()).events[0].outcome == "delivered"
            asked = [name for name, _ in await activities(handle)]
    assert asked.count("deliver") == len(alerts.received) == 1
