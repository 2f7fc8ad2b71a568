"""Heartbeats in the registry of sources: what may be changed of them, and what is no change."""

import uuid
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from temporalio.client import WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from domain.heartbeat_changes import HeartbeatChange
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from tests.support.builders import NOW
from tests.support.workers import Worker
from workflows.sources import SourcesState, SourcesWorkflow

Registry = WorkflowHandle[SourcesWorkflow, None]


def heartbeat(name: str, process: str | None = None) -> HeartbeatConfig:
    cluster = "prod" if process else None
    return HeartbeatConfig(
        name=name, every_seconds=60, grace_seconds=30, key_hash=name, cluster=cluster, zeebe_process=process,
        created_at=NOW,
    )  # fmt: skip


@pytest_asyncio.fixture(loop_scope="session")
async def registry(skipping: WorkflowEnvironment) -> AsyncIterator[Registry]:
    queue, client = str(uuid.uuid4()), skipping.client
    known = {each.name: each for each in (heartbeat("backup"), heartbeat("canary", "canary"))}
    cluster = ZeebeCluster(name="prod", created_at=NOW, updated_at=NOW)
    state = SourcesState(sources=Sources(clusters={"prod": cluster}, heartbeats=known))
    async with Worker(client, task_queue=queue, workflows=[SourcesWorkflow]):
        handle = await client.start_workflow(SourcesWorkflow.run, state, id=queue, task_queue=queue)
        yield client.get_workflow_handle_for(SourcesWorkflow.run, queue)
        await handle.terminate()


async def test_a_change_is_counted_and_no_change_is_not(registry: Registry) -> None:
    change = HeartbeatChange(name="backup", every_seconds=120)
    changed = await registry.execute_update(SourcesWorkflow.change_heartbeat, change)
    assert changed.updated_at is not None
    assert changed == heartbeat("backup").model_copy(update={"every_seconds": 120, "updated_at": changed.updated_at})
    assert await registry.execute_update(SourcesWorkflow.change_heartbeat, change) == changed
    found = await registry.query(SourcesWorkflow.snapshot, None)
    assert found.sources
    assert (found.version, found.sources.heartbeats["backup"]) == (1, changed)


@pytest.mark.parametrize(
    ("change", "code"),
    [
        (HeartbeatChange(name="nobody", every_seconds=5), "heartbeat_not_found"),
        (HeartbeatChange(name="backup", cluster="nowhere", zeebe_process="it"), "cluster_not_found"),
        (HeartbeatChange(name="backup", cluster="prod", zeebe_process="canary"), "invalid_request"),
        (HeartbeatChange(name="backup", cluster="prod"), "invalid_request"),
        (HeartbeatChange(name="canary", cluster=""), "invalid_request"),
    ],
)
async def test_a_change_that_cannot_be_is_refused(registry: Registry, change: HeartbeatChange, code: str) -> None:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await registry.execute_update(SourcesWorkflow.change_heartbeat, change)
    assert isinstance(failed.value.cause, ApplicationError)
    assert failed.value.cause.type == code
    assert (await registry.query(SourcesWorkflow.snapshot, None)).version == 0


async def test_a_canary_may_keep_its_process(registry: Registry) -> None:
    change = HeartbeatChange(name="canary", cluster="prod", zeebe_process="canary", grace_seconds=0)
    assert (await registry.execute_update(SourcesWorkflow.change_heartbeat, change)).grace_seconds == 0
