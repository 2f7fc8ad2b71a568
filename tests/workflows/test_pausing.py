"""A delivery whose subscriber is paused: it waits without a word, asks by itself, goes on when told; in the sandbox."""

import uuid
from datetime import timedelta

import pytest
from temporalio.client import WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.drains import Became, Release
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure
from domain.pauses import DROPPED, Pause
from domain.tasks import EventInput, EventResult
from tests.support.builders import NOW, make_event, make_subscriber
from tests.support.eventually import eventually
from tests.support.sink import Answer, Sink
from tests.workflows.conftest import Pipeline, delivering
from workflows.event import EventWorkflow
from workflows.pausing import what_became

PAUSED = Pause(at=NOW, reason="by hand")


@pytest.fixture(autouse=True)
def _no_lease(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("activities.leases.LEASE_SECONDS", 0)  # skipped time is too fast for a lease in real time


async def begin(
    environment: WorkflowEnvironment, queue: str, events: int = 1
) -> WorkflowHandle[EventWorkflow, EventResult]:
    return await environment.client.start_workflow(
        EventWorkflow.run,
        EventInput(events=[make_event(id=f"evt_{number}") for number in range(events)]),
        id=f"event/{uuid.uuid4()}",
        task_queue=queue,
    )


async def waiting(handle: WorkflowHandle[EventWorkflow, EventResult]) -> str | None:
    (event,) = await handle.query(EventWorkflow.deliveries)
    return event.deliveries[0].error if event.outcome == "waiting" else None


@pytest.mark.parametrize(
    ("state", "error", "status", "became", "retried"),
    [
        (DeliveryState.RETRYING, None, 503, Became.FAILED, True),
        (DeliveryState.FAILED, None, 503, Became.FAILED, False),
        (DeliveryState.FAILED, None, 400, Became.REFUSED, False),
        (DeliveryState.CANCELLED, DROPPED, 503, Became.DROPPED, False),
    ],
)
def test_a_drain_is_told_what_became_of_a_request_and_whether_it_is_made_again(
    state: DeliveryState, error: str | None, status: int, became: Became, retried: bool
) -> None:
    last = Attempt(number=1, at=NOW, duration_ms=5, status=status, failure=Failure.HTTP_STATUS)
    told = what_became("event/1", Delivery(subscriber="a", state=state, error=error, attempts=[last]))
    assert (told.became, told.retried) == (became, retried)


async def test_without_any_word_it_asks_by_itself_and_is_delivered(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url(), paused=PAUSED)])
        async with delivering(skipping.client, pipeline) as queue:
            handle = await begin(skipping, queue)
            assert await eventually(lambda: waiting(handle)) == "the subscriber is paused: by hand"
            await skipping.sleep(timedelta(hours=2))
            assert not sink.received
            pipeline.subscribers = [make_subscriber(sink.url())]
            result = await handle.result()
            described = await handle.describe()
        assert result.events[0].outcome == "delivered"
        assert described.close_time is not None
        assert timedelta(hours=2) < described.close_time - described.start_time < timedelta(hours=4)
        assert len(sink.received) == 1


async def test_a_week_of_waiting_costs_few_questions(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url(), paused=PAUSED)])
        async with delivering(skipping.client, pipeline) as queue:
            handle = await begin(skipping, queue)
            await eventually(lambda: waiting(handle))
            await skipping.sleep(timedelta(days=7))
            assert (await handle.describe()).history_length < 250
            pipeline.subscribers = []
            assert (await handle.result()).events[0].outcome == "cancelled"
        assert not sink.received


async def test_the_word_sends_it_at_once_and_its_failure_is_retried(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(503), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url(), paused=PAUSED)])
        async with delivering(skipping.client, pipeline) as queue:
            handle = await begin(skipping, queue)
            await eventually(lambda: waiting(handle))
            pipeline.subscribers = [make_subscriber(sink.url())]
            await handle.signal(EventWorkflow.resumed, Release(subscriber="my-webhook"))
            result = await handle.result()
        assert [row.attempts for row in result.events[0].deliveries] == [2]
        assert pipeline.reports() == [("my-webhook", "retrying"), ("my-webhook", "delivered")]


async def test_the_word_for_another_subscriber_changes_nothing(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url(), paused=PAUSED)])
        async with delivering(skipping.client, pipeline) as queue:
            handle = await begin(skipping, queue)
            await eventually(lambda: waiting(handle))
            await handle.signal(EventWorkflow.resumed, Release(subscriber="another", drop=True))
            assert await waiting(handle)
            await handle.signal(EventWorkflow.resumed, Release(subscriber="my-webhook", drop=True))
            assert (await handle.result()).events[0].outcome == "cancelled"
        assert not sink.received


async def test_events_that_share_a_workflow_wait_in_workflows_of_their_own(skipping: WorkflowEnvironment) -> None:
    pipeline = Pipeline([make_subscriber(paused=PAUSED)])
    async with delivering(skipping.client, pipeline) as queue:
        result = await (await begin(skipping, queue, events=3)).result()
        assert {event.outcome for event in result.events} == {"handed_over"}
