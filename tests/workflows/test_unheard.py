"""First requests of which a process is too slow to tell: the retry queue joins them, and makes none of its own."""

import uuid
from collections.abc import Callable
from datetime import timedelta

import pytest
from temporalio.testing import WorkflowEnvironment

from domain.tasks import INLINE_ONE_BY_ONE, EventInput, EventResult
from tests.support.builders import make_event, make_subscriber
from tests.support.sink import Answer, Sink, SlowAnswer
from tests.workflows.conftest import Pipeline, delivering
from workflows import policies
from workflows.event import EventWorkflow

NO_TIME = timedelta(milliseconds=50)
NOT_AT_ONCE = SlowAnswer(0.5)


async def run(environment: WorkflowEnvironment, pipeline: Pipeline) -> EventResult:
    async with delivering(environment.client, pipeline, sandboxed=False) as queue:
        return await environment.client.execute_workflow(
            EventWorkflow.run, EventInput(events=[make_event()]), id=f"event/{uuid.uuid4()}", task_queue=queue
        )


@pytest.mark.parametrize("count", [1, INLINE_ONE_BY_ONE + 1])
@pytest.mark.parametrize(
    "late",
    [
        lambda patch: [patch.setattr(policies, name, NO_TIME) for name in ("INLINE_TIMEOUT", "CROWD_TIMEOUT")],
        lambda patch: patch.setattr(policies, "ADOPT_TIMEOUT", NO_TIME),
    ],
    ids=["first", "adoption"],
)
async def test_a_request_that_is_under_way_is_not_made_again(
    skipping: WorkflowEnvironment,
    monkeypatch: pytest.MonkeyPatch,
    late: Callable[[pytest.MonkeyPatch], None],
    count: int,
) -> None:
    late(monkeypatch)
    async with Sink() as sink:
        sink.script(NOT_AT_ONCE)
        pipeline = Pipeline([make_subscriber(sink.url(), name=f"s-{n}") for n in range(count)])
        result = await run(skipping, pipeline)
    assert result.events[0].outcome == "delivered"
    assert len(sink.received) == count


async def test_what_it_came_to_is_retried_from_there(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "INLINE_TIMEOUT", NO_TIME)
    async with Sink() as sink:
        sink.script(SlowAnswer(0.5, Answer(503)), Answer(200))
        result = await run(skipping, Pipeline([make_subscriber(sink.url())]))
    assert result.events[0].deliveries[0].attempts == 2
    assert len(sink.received) == 2
