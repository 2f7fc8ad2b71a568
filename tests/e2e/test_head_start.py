"""The head start of first requests, with a real Temporal: it is taken only by the process that has the task."""

import asyncio
import uuid

import httpx
from temporalio import workflow
from temporalio.worker import UnsandboxedWorkflowRunner

from domain.events import CloudEvent
from service.publisher import is_with_us
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Sink
from tests.support.workers import Worker


@workflow.defn(name="Pinned")
class Pinned:
    """Ends at once."""

    @workflow.run
    async def run(self) -> None:
        """Nothing."""


async def _with_us(platform: Platform, queue: str) -> bool:
    handle = await platform.client.start_workflow(
        Pinned.run, id=f"pinned/{uuid.uuid4()}", task_queue=queue, request_eager_start=True
    )
    return is_with_us(handle)


async def test_the_sdk_says_whether_a_start_was_eager(platform: Platform) -> None:
    queue = f"pinned-{uuid.uuid4()}"
    async with Worker(
        platform.client, task_queue=queue, workflows=[Pinned], workflow_runner=UnsandboxedWorkflowRunner()
    ):
        assert await _with_us(platform, queue)
    assert not await _with_us(platform, queue)


async def test_an_event_with_a_head_start_arrives_once(platform: Platform, sink: Sink) -> None:
    name, event_type = unique_name("early"), unique_type("early")
    sink.script(Answer(503), Answer(200), path=f"/{name}")
    await platform.gateway.subscribers.add(name, sink.url(f"/{name}"), types=[event_type])
    events = [CloudEvent(id=f"{name}-{number}", source="/early", type=event_type) for number in range(20)]

    async def publish(event: CloudEvent) -> httpx.Response:
        headers = {"Content-Type": "application/cloudevents+json", "Idempotency-Key": event.id}
        return await platform.api.post("/api/v1/events", content=event.body, headers=headers)

    answers = await asyncio.gather(*(publish(event) for event in events))
    assert {answer.status_code for answer in answers} == {202}
    deliveries = [(await platform.ended(event.id))[name] for event in events]
    assert {delivery["state"] for delivery in deliveries} == {"delivered"}
    requests = [got.headers["ce-id"] for got in sink.received if got.path == f"/{name}"]
    assert sorted(set(requests)) == sorted(event.id for event in events)
    assert len(requests) == len(events) + 1  # the 503 alone was tried again
