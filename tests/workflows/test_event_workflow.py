"""EventWorkflow where time is skipped: long schedules, recording, refusal; run in the SDK's sandbox."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from temporalio.client import WorkflowFailureError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities.sender import Sender
from domain.events import CloudEvent
from domain.health import LedgerBatch
from domain.outcomes import Attempt
from domain.retry import make_schedule
from domain.subscribers import Subscriber
from domain.tasks import EventInput, EventResult
from tests.support.builders import make_event, make_subscriber
from tests.support.sink import Answer, RetryAfter, Sink, SlowAnswer
from tests.workflows.conftest import Pipeline, delivering
from workflows.event import EventWorkflow


async def run(environment: WorkflowEnvironment, pipeline: Pipeline, **request: object) -> tuple[EventResult, timedelta]:
    """Run one event to its end; the result, and how long it took on the skipped clock."""
    async with delivering(environment.client, pipeline) as queue:
        handle = await environment.client.start_workflow(
            EventWorkflow.run,
            EventInput(events=[make_event()], **request),
            id=f"event/{uuid.uuid4()}",
            task_queue=queue,
        )
        result = await handle.result()
        described = await handle.describe()
        assert described.close_time is not None
        return result, described.close_time - described.start_time


async def test_the_long_schedule_tries_for_three_days(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(503))
        long = make_schedule("long")
        result, took = await run(skipping, Pipeline([make_subscriber(sink.url(), schedule=long)]))
        assert len(sink.received) == 10
        assert result.events[0].deliveries[0].error == "Max retries exceeded: HTTP 503"
        assert timedelta(hours=75) < took < timedelta(hours=76)
        assert long.offsets()[-1] > timedelta(hours=24)


async def test_a_receiver_that_is_down_for_hours_gets_its_event(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(*[Answer(503)] * 6, Answer(200))
        result, took = await run(skipping, Pipeline([make_subscriber(sink.url(), schedule=make_schedule("long"))]))
        assert result.events[0].outcome == "delivered"
        assert took > timedelta(hours=17)


async def test_retry_after_is_capped_at_five_minutes(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(RetryAfter(429, "86400"), Answer(200))
        result, took = await run(skipping, Pipeline([make_subscriber(sink.url())]))
        assert result.events[0].outcome == "delivered"
        assert timedelta(seconds=299) < took < timedelta(seconds=330)


async def test_the_result_is_compact_and_the_ledger_heard_each_request(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(500), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url())])
        result, _ = await run(skipping, pipeline)
        assert len(result.model_dump_json(exclude_none=True)) < 250
        assert pipeline.reports() == [("my-webhook", "retrying"), ("my-webhook", "delivered")]


async def test_a_ledger_that_is_away_causes_no_second_request(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        answers = iter([False, False, False])
        pipeline = Pipeline([make_subscriber(sink.url())], ledger_answers=lambda: next(answers, True))
        result, _ = await run(skipping, pipeline)
        assert result.events[0].outcome == "delivered"
        assert len(sink.received) == 1
        assert pipeline.reports() == [("my-webhook", "delivered")]


async def test_a_failure_that_the_ledger_missed_is_counted_too(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(404))
        answers = iter([False])
        pipeline = Pipeline([make_subscriber(sink.url())], ledger_answers=lambda: next(answers, True))
        await run(skipping, pipeline)
        assert pipeline.reports() == [("my-webhook", "failed")]


async def test_410_marks_the_subscriber_as_gone(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(410))
        pipeline = Pipeline([make_subscriber(sink.url())])
        await run(skipping, pipeline)
        assert pipeline.gone == ["my-webhook"]


async def test_a_request_in_flight_is_adopted(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(SlowAnswer(0.7))
        result, _ = await run(skipping, Pipeline([make_subscriber(sink.url())]))
        assert result.events[0].outcome == "delivered"
        assert len(sink.received) == 1


async def test_only_restricts_a_resend_to_one_subscriber(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        crowd = [make_subscriber(sink.url(f"/{name}"), name=name) for name in ("a", "b", "c")]
        await run(skipping, Pipeline(crowd), only=["b"])
        assert [request.path for request in sink.received] == ["/b"]


async def test_an_emission_is_refused_when_publishing_is_off(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink, delivering(skipping.client, Pipeline(), publishing=False) as queue:
        with pytest.raises(WorkflowFailureError) as refused:
            await skipping.client.execute_workflow(
                EventWorkflow.run,
                EventInput(events=[make_event()], ask_publishing=True),
                id=f"event/{uuid.uuid4()}",
                task_queue=queue,
            )
        assert isinstance(refused.value.cause, ApplicationError)
        assert refused.value.cause.type == "publishing_disabled"
        assert not sink.received


async def test_a_dead_receiver_is_not_tried_inline_after_three_failures(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        sink.script(Answer(500))
        pipeline = Pipeline([make_subscriber(sink.url(), schedule=make_schedule("default", 1))])
        async with delivering(skipping.client, pipeline) as queue:
            results = [
                await skipping.client.execute_workflow(
                    EventWorkflow.run,
                    EventInput(events=[make_event(id=f"evt_{number}")]),
                    id=f"event/{uuid.uuid4()}",
                    task_queue=queue,
                )
                for number in range(5)
            ]
        assert [result.events[0].outcome for result in results] == ["failed"] * 5
        assert len(sink.received) == 5


async def test_many_large_answers_stay_far_below_temporals_payload_limit(skipping: WorkflowEnvironment) -> None:
    """Each answer is 2 KiB of four-byte characters; 265 of them once made a marker that Temporal refused for ever."""
    async with Sink() as sink:
        sink.script(Answer(200, "😀".encode() * 3000))
        crowd = [make_subscriber(sink.url(f"/{place}"), name=f"s{place}") for place in range(265)]
        async with delivering(skipping.client, Pipeline(crowd)) as queue:
            handle = await skipping.client.start_workflow(
                EventWorkflow.run, EventInput(events=[make_event()]), id=f"event/{uuid.uuid4()}", task_queue=queue
            )
            result = await handle.result()
            answer = await handle.query(EventWorkflow.deliveries)
        assert result.events[0].outcome == "delivered"
        assert len(sink.received) == 265
        largest = max(event.ByteSize() for event in (await handle.fetch_history()).events)
        assert largest < 100_000
        assert len(answer[0].model_dump_json()) < 500_000


async def test_another_subscriber_of_the_same_name_inherits_nothing(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("activities.leases.LEASE_SECONDS", 0)  # skipped time is too fast for a lease in real time
    async with Sink() as sink:
        sink.script(Answer(503), path="/old")
        pipeline = Pipeline([make_subscriber(sink.url("/old"))])

        async def replaced_after_the_first_request(_batch: LedgerBatch) -> None:
            later = datetime.now(UTC)
            pipeline.subscribers = [make_subscriber(sink.url("/new"), created_at=later, updated_at=later)]

        pipeline.record = replaced_after_the_first_request  # type: ignore[method-assign, assignment]
        result, _ = await run(skipping, pipeline)
        assert result.events[0].outcome == "cancelled"
        assert {request.path for request in sink.received} == {"/old"}


async def test_a_slow_ledger_holds_up_no_workflow_task_and_repeats_nothing(skipping: WorkflowEnvironment) -> None:
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url())], ledger_delay=1.0)
        result, _ = await run(skipping, pipeline)
        assert result.events[0].outcome == "delivered"
        assert len(sink.received) == 1
        assert pipeline.reports() == [("my-webhook", "delivered")]


async def test_a_fault_of_ours_with_one_subscriber_costs_its_neighbour_nothing(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    send = Sender.send

    async def breaks(self: Sender, event: CloudEvent, subscriber: Subscriber, *how: Any) -> Attempt:
        if subscriber.name == "broken":
            raise OverflowError("int too large to convert to float")
        return await send(self, event, subscriber, *how)

    monkeypatch.setattr(Sender, "send", breaks)
    async with Sink() as sink:
        sink.script(Answer(503), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url(), name="broken"), make_subscriber(sink.url(), name="good")])
        result, _ = await run(skipping, pipeline)
        states = {delivery.subscriber: delivery.state for delivery in result.events[0].deliveries}
        assert states == {"broken": "failed", "good": "delivered"}
