"""A worker that is lost while a fault of its machine lasts: of a real Temporal, as the one that skips time cannot."""

from datetime import timedelta
from pathlib import Path

import pytest
from temporalio import activity, workflow
from temporalio.client import Client, WorkflowFailureError
from temporalio.exceptions import ActivityError
from temporalio.exceptions import TimeoutError as ActivityTimeoutError
from temporalio.worker import UnsandboxedWorkflowRunner

from domain.tasks import DeliverRequest
from service.temporal import DATA_CONVERTER
from tests.support.platform import temporal_dev_server
from tests.support.workers import Worker
from workflows.policies import delivery_retry


@workflow.defn
class Lasting:
    @workflow.run
    async def run(self, fault: DeliverRequest) -> None:
        await workflow.execute_activity(
            "is_lost",
            start_to_close_timeout=timedelta(seconds=20),
            heartbeat_timeout=timedelta(seconds=1),
            retry_policy=delivery_retry(fault),
        )


async def test_it_is_counted_at_once(tmp_path: Path) -> None:
    """Else a delivery that kills its workers would have a thousand of them."""
    tries = 0
    fault = DeliverRequest(event_id="evt", subscriber="ops", unmade="no file descriptors", lasting=True)

    @activity.defn
    async def is_lost() -> None:
        nonlocal tries
        tries += 1
        activity.raise_complete_async()

    async with temporal_dev_server(tmp_path) as server:
        client = await Client.connect(server.address, data_converter=DATA_CONVERTER)
        runner = UnsandboxedWorkflowRunner()
        async with Worker(client, task_queue="lost", workflows=[Lasting], activities=[is_lost], workflow_runner=runner):
            with pytest.raises(WorkflowFailureError) as failed:
                await client.execute_workflow(Lasting.run, fault, id="lost", task_queue="lost")
    assert isinstance(failed.value.cause, ActivityError)
    assert isinstance(failed.value.cause.cause, ActivityTimeoutError)
    assert tries == 1
