"""A run that was evicted is gone, with all its events: nothing waits for the garbage collector."""

import asyncio
import gc
import sys
import uuid
import weakref
from collections.abc import Iterator
from datetime import timedelta

import pytest
from temporalio import workflow
from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker, WorkflowInstance, WorkflowInstanceDetails

from service.runs import FreeingRunner
from tests.support.eventually import eventually

_RUNS: list[weakref.ref["Waiting"]] = []


@workflow.defn(name="Waiting")
class Waiting:
    """Waits for a word, and answers questions."""

    def __init__(self) -> None:
        self._told = False
        _RUNS.append(weakref.ref(self))

    @workflow.run
    async def run(self) -> str:
        """Wait for it."""
        await workflow.wait_condition(lambda: self._told)
        return "told"

    @workflow.signal(name="tell")
    def tell(self) -> None:
        """Say it."""
        self._told = True

    @workflow.query(name="told")
    def told(self) -> bool:
        """Whether it was said."""
        return self._told


@pytest.fixture(autouse=True)
def without_a_collector() -> Iterator[None]:
    """What is freed is freed by its count of references."""
    _RUNS.clear()
    gc.disable()
    yield
    gc.enable()


def _worker(skipping: WorkflowEnvironment, queue: str, kept: int) -> Worker:
    runner = FreeingRunner()
    return Worker(
        skipping.client, task_queue=queue, workflows=[Waiting], workflow_runner=runner, max_cached_workflows=kept
    )


async def _freed(count: int) -> None:
    await eventually(lambda: sum(run() is None for run in _RUNS) >= count)


async def test_a_run_that_has_ended_is_freed(skipping: WorkflowEnvironment) -> None:
    queue = f"freed-{uuid.uuid4()}"
    async with _worker(skipping, queue, kept=100):
        handle = await skipping.client.start_workflow("Waiting", id=queue, task_queue=queue)
        assert await handle.query("told") is False
        await handle.signal("tell")
        assert await handle.result() == "told"
        await _freed(1)
        assert await handle.query("told") is True, "it is run again for that"


async def test_a_run_that_was_evicted_goes_on_in_another(skipping: WorkflowEnvironment) -> None:
    queue = f"freed-{uuid.uuid4()}"
    async with _worker(skipping, queue, kept=0):
        handle = await skipping.client.start_workflow("Waiting", id=queue, task_queue=queue)
        assert await handle.query("told") is False
        await _freed(1)
        await handle.signal("tell")
        assert await handle.result() == "told"
        assert len(_RUNS) > 1


@workflow.defn(name="Asking")
class Asking:
    """Waits for an activity that nobody does."""

    @workflow.run
    async def run(self) -> None:
        """Ask for it."""
        await asyncio.gather(workflow.execute_activity("nobody", start_to_close_timeout=timedelta(hours=1)))


class Watched(FreeingRunner):
    """Has every eviction asked for twice, as the SDK does with one that took it too long."""

    def __init__(self) -> None:
        self.again: list[object] = []  # what the second time came to

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A run of that kind."""
        run = super().create_instance(det)
        activate = run.activate

        def twice(act: WorkflowActivation) -> WorkflowActivationCompletion:
            completion = activate(act)
            if any(job.HasField("remove_from_cache") for job in act.jobs):
                try:
                    self.again.append(run.activate(act))
                except Exception as error:  # noqa: BLE001 - the SDK would try for ever
                    self.again.append(error)
            return completion

        run.activate = twice  # type: ignore[method-assign]
        return run


async def test_a_run_is_evicted_in_silence_and_as_often_as_is_asked(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    queue, runner = f"freed-{uuid.uuid4()}", Watched()
    async with Worker(
        skipping.client, task_queue=queue, workflows=[Asking], workflow_runner=runner, max_cached_workflows=0
    ):
        handle = await skipping.client.start_workflow("Asking", id=queue, task_queue=queue)
        await eventually(lambda: runner.again)
        await handle.terminate()
    gc.collect()
    assert said == []
    assert all(isinstance(again, WorkflowActivationCompletion) for again in runner.again), runner.again
