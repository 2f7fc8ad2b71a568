"""Events that share a workflow: asked after together, and what is left of them goes on behind fresh ones."""

import uuid

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.tasks import EventInput, EventResult
from tests.support.builders import make_event, make_subscriber
from tests.support.sink import Answer, Sink, SlowAnswer
from tests.workflows.conftest import Pipeline, delivering
from workflows import policies
from workflows.event import EventWorkflow


async def begin_batch(
    environment: WorkflowEnvironment, queue: str, count: int
) -> WorkflowHandle[EventWorkflow, EventResult]:
    """Have so many events delivered by one workflow."""
    return await environment.client.start_workflow(
        EventWorkflow.run,
        EventInput(events=[make_event(id=f"evt_{number}") for number in range(count)]),
        id=f"events/{uuid.uuid4()}",
        task_queue=queue,
    )


async def run_batch(environment: WorkflowEnvironment, queue: str, count: int) -> tuple[EventResult, int]:
    """The result, and how many events the history has."""
    handle = await begin_batch(environment, queue, count)
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


async def test_a_batch_to_a_subscriber_that_was_slow_stays_one_workflow(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(SlowAnswer(1.2), SlowAnswer(1.2), Answer(200))
        async with delivering(skipping.client, Pipeline([make_subscriber(sink.url())])) as queue:
            for count in (1, 1, 20):
                result, history_length = await run_batch(skipping, queue, count)
        assert [event.outcome for event in result.events] == ["delivered"] * 20
        assert len(sink.received) == 22
        assert history_length < 30


async def test_what_is_retried_goes_on_behind_those_who_were_told_nothing_yet(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(503), Answer(503), Answer(200))
        async with delivering(skipping.client, Pipeline([make_subscriber(sink.url())])) as queue:
            handle = await begin_batch(skipping, queue, 2)
            await handle.result()
        history = await handle.fetch_history()
    begun = [event.start_child_workflow_execution_initiated_event_attributes for event in history.events]
    assert [each.priority.priority_key for each in begun if each.workflow_id] == [
        policies.REST_PRIORITY.priority_key
    ] * 2
