"""A worker of an earlier version is asked what it knows to answer."""

import uuid

from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner

from domain.outcomes import Delivery, DeliveryState
from domain.tasks import EventInput, EventOutcome, EventProgress, EventResult
from service.progress import read_run
from tests.support.builders import make_event
from tests.support.workers import Worker


@workflow.defn(name="EventWorkflow")
class EarlierEventWorkflow:
    """It has no query for one of its events."""

    @workflow.run
    async def run(self, request: EventInput) -> EventResult:
        return EventResult(events=[EventOutcome(event_id=event.id, outcome="failed") for event in request.events])

    @workflow.query(name="deliveries")
    def deliveries(self) -> list[EventProgress]:
        names = ("first", "second")
        failed = [[Delivery(subscriber=name, state=DeliveryState.FAILED, error="HTTP 404")] for name in names]
        return [EventProgress(event_id=each[0].subscriber, outcome="failed", deliveries=each) for each in failed]


async def test_an_event_of_an_older_workers_is_shown(skipping: WorkflowEnvironment) -> None:
    queue, workflow_id = f"events-{uuid.uuid4()}", f"events/{uuid.uuid4()}"
    runner, client = UnsandboxedWorkflowRunner(), skipping.client
    async with Worker(client, task_queue=queue, workflows=[EarlierEventWorkflow], workflow_runner=runner):
        request = EventInput(events=[make_event(id="first"), make_event(id="second")])
        await client.execute_workflow(EarlierEventWorkflow.run, request, id=workflow_id, task_queue=queue)
        view = await read_run(client, workflow_id, 1)
    assert view.complete
    assert [(each.subscriber, each.error) for each in view.deliveries] == [("second", "HTTP 404")]
