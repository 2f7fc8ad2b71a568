"""A workflow that computes for longer than the SDK would let it, as on a loaded machine, goes on all the same."""

import time
import uuid

from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from service.queues import patient


@workflow.defn(name="Computing")
class Computing:
    """Takes its time with its first task, and with each signal."""

    def __init__(self) -> None:
        self._counted = 0

    @workflow.run
    async def run(self) -> int:
        """Wait for three signals."""
        await workflow.wait_condition(lambda: self._counted == 3)
        return self._counted

    @workflow.signal(name="count")
    def count(self) -> None:
        """Compute."""
        time.sleep(1)  # of this thread: nothing yields meanwhile
        self._counted += 1


async def test_what_takes_longer_than_two_seconds_is_no_deadlock(skipping: WorkflowEnvironment) -> None:
    queue = f"computing-{uuid.uuid4()}"
    handle = await skipping.client.start_workflow("Computing", id=queue, task_queue=queue)
    for _ in range(3):
        await handle.signal("count")
    worker = Worker(
        skipping.client, task_queue=queue, workflows=[Computing], workflow_runner=UnsandboxedWorkflowRunner()
    )
    async with patient(worker):
        assert await handle.result() == 3
    history = await handle.fetch_history()
    failed = [event for event in history.events if event.HasField("workflow_task_failed_event_attributes")]
    assert failed == []
