"""Events that share a workflow: asked after together, and what is left of them is handed over together."""

import asyncio
import math
import uuid
from collections import Counter

import pytest
from temporalio.api.enums.v1 import EventType
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.event_types import DELIVERY_EXHAUSTED
from domain.tasks import EventInput, EventResult
from service.queues import HANDED_OVER_AT_ONCE
from tests.support.builders import make_event, make_subscriber
from tests.support.eventually import eventually
from tests.support.sink import Answer, Sink, SlowAnswer
from tests.workflows.conftest import Pipeline, delivering
from workflows import names, policies
from workflows.event import EventWorkflow


async def begin_batch(
    environment: WorkflowEnvironment, queue: str, count: int, burst: int = 0
) -> WorkflowHandle[EventWorkflow, EventResult]:
    """Have so many events delivered by one workflow."""
    return await environment.client.start_workflow(
        EventWorkflow.run,
        EventInput(events=[make_event(id=f"evt_{burst}_{number}") for number in range(count)]),
        id=f"events/{uuid.uuid4()}",
        task_queue=queue,
    )


async def run_batch(
    environment: WorkflowEnvironment, queue: str, count: int, burst: int = 0
) -> tuple[EventResult, int]:
    """The result, and how many events the history has."""
    handle = await begin_batch(environment, queue, count, burst)
    result = await handle.result()
    return result, (await handle.describe()).history_length


@pytest.mark.parametrize(("events", "subscribers"), [(20, 1), (1, 40)])
async def test_a_crowd_that_is_slow_to_answer_is_asked_after_together(
    skipping: WorkflowEnvironment, events: int, subscribers: int
) -> None:
    async with Sink() as sink:
        sink.script(SlowAnswer(3.0))
        crowd = [make_subscriber(sink.url(f"/{number}"), name=f"s-{number}") for number in range(subscribers)]
        async with delivering(skipping.client, Pipeline(crowd)) as queue:
            result, history_length = await run_batch(skipping, queue, events)
        assert {event.outcome for event in result.events} == {"delivered"}
        assert len(sink.received) == events * subscribers
        assert history_length < 40


async def test_ordered_events_have_their_places_before_they_are_handed_over(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url(), keep_order=True), make_subscriber(sink.url("/b"), name="b")])
        async with delivering(skipping.client, pipeline) as queue:
            events = [make_event(id=f"evt_{n}", extensions={"imincidentid": f"INC-{n % 2}"}) for n in range(6)]
            shared = await skipping.client.start_workflow(
                EventWorkflow.run, EventInput(events=events), id=f"events/{uuid.uuid4()}", task_queue=queue
            )
            await shared.result()
            assert shared.result_run_id
            expected = [names.continued_workflow_id(event, shared.result_run_id) for event in events]
            held = [place.workflow_id for place in pipeline.places if place.begun_by == shared.id]
            assert await shared.query(EventWorkflow.lined_up)
            begun = await eventually(lambda: [place for place in pipeline.places if not place.begun_by])
    assert sorted(held) == sorted(expected)
    assert [each for each in held if each in expected[::2]] == expected[::2]
    assert [each for each in held if each in expected[1::2]] == expected[1::2]
    assert pipeline.places.index(begun[0]) >= len(events)


async def test_a_batch_to_a_subscriber_that_was_slow_stays_one_workflow(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(SlowAnswer(1.2), SlowAnswer(1.2), Answer(200))
        async with delivering(skipping.client, Pipeline([make_subscriber(sink.url())])) as queue:
            for count in (1, 1, 20):
                result, history_length = await run_batch(skipping, queue, count)
        assert [event.outcome for event in result.events] == ["delivered"] * 20
        assert len(sink.received) == 22
        assert history_length < 30


async def test_what_is_to_be_retried_costs_the_history_no_event_each(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(*[Answer(503)] * 20, Answer(200))
        async with delivering(skipping.client, Pipeline([make_subscriber(sink.url())])) as queue:
            result, history_length = await run_batch(skipping, queue, 20)
            assert {event.outcome for event in result.events} == {"handed_over"}
            assert history_length < 20
            await sink.wait_for(40)
        told = Counter(request.headers["ce-id"] for request in sink.received)
        assert set(told.values()) == {2}


async def test_bursts_hand_over_a_few_events_at_a_time(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(*[Answer(503)] * 60, Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url())])
        async with delivering(skipping.client, pipeline) as queue:
            await asyncio.gather(*(run_batch(skipping, queue, 5, burst) for burst in range(12)))
            await sink.wait_for(61)
        assert pipeline.starting.most == HANDED_OVER_AT_ONCE


async def test_what_many_leave_is_not_asked_for_at_once(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "HANDED_OVER_AT_ONCE", 40)
    async with Sink() as sink:
        sink.script(Answer(503))
        crowd = [make_subscriber(sink.url(), name=f"s-{number}") for number in range(20)]
        async with delivering(skipping.client, Pipeline(crowd), sandboxed=False) as queue:
            handle = await begin_batch(skipping, queue, 5)
            assert {event.outcome for event in (await handle.result()).events} == {"handed_over"}
            history = await handle.fetch_history()
    scheduled = (each.activity_task_scheduled_event_attributes for each in history.events)
    asked = [each for each in scheduled if each.activity_type.name == "hand_over"]  # and not after what is in flight
    said = Counter(each.workflow_task_completed_event_id for each in asked)
    assert (len(asked), max(said.values())) == (5, 2)


async def test_turns_are_short(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(503))
        async with delivering(skipping.client, Pipeline([make_subscriber(sink.url())])) as queue:
            handle = await begin_batch(skipping, queue, 100)
            assert {event.outcome for event in (await handle.result()).events} == {"handed_over"}
            history = await handle.fetch_history()
    asked = [each for each in history.events if each.event_type == EventType.EVENT_TYPE_ACTIVITY_TASK_SCHEDULED]
    assert len(asked) >= 100 // policies.HANDED_OVER_TOGETHER


async def test_what_is_ordered_is_handed_over_in_its_order(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        ordered = make_subscriber(sink.url(), keep_order=True)
        async with delivering(skipping.client, Pipeline([ordered])) as queue:
            count = 2 * policies.HANDED_OVER_TOGETHER + 1
            handle = await begin_batch(skipping, queue, count)
            assert {event.outcome for event in (await handle.result()).events} == {"handed_over"}
            history = await handle.fetch_history()
    steps = [EventType.Name(each.event_type).removeprefix("EVENT_TYPE_ACTIVITY_TASK_") for each in history.events]
    for_places = math.ceil(count / policies.PLACES_TOGETHER)
    one_by_one = ["SCHEDULED", "COMPLETED"] * (for_places + 3)
    assert [step for step in steps if step in {"SCHEDULED", "COMPLETED"}] == one_by_one


async def test_what_failed_for_good_is_told_while_the_rest_is_handed_over(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(400), path="/refuses")
        sink.script(Answer(503), path="/fails")
        crowd = [make_subscriber(sink.url(f"/{name}"), name=name) for name in ("refuses", "fails")]
        watcher = make_subscriber(sink.url("/watches"), name="watches", types=(DELIVERY_EXHAUSTED,))
        async with delivering(skipping.client, Pipeline([*crowd, watcher])) as queue:
            handle = await begin_batch(skipping, queue, 2)

            async def asked() -> list[tuple[str, int]]:
                found = [
                    each.activity_task_scheduled_event_attributes for each in (await handle.fetch_history()).events
                ]
                return [
                    (each.activity_type.name, each.workflow_task_completed_event_id)
                    for each in found
                    if each.activity_id
                ]

            first, *others = await eventually(asked)
            await handle.terminate()
    assert sorted(name for name, task in [first, *others] if task == first[1]) == ["hand_over", *["publish_event"] * 2]
