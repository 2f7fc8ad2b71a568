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
from temporalio.worker import Worker, WorkflowInstance

from service import runs
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
        skipping.client,
        task_queue=queue,
        workflows=[Waiting, Asking],
        workflow_runner=runner,
        max_cached_workflows=kept,
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


async def test_a_run_is_evicted_in_silence_and_as_often_as_is_asked(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[object] = []
    again: list[object] = []  # what evictions came to that were asked for a second time
    take_apart = runs._take_apart

    def asked_twice(run: WorkflowInstance, completion: WorkflowActivationCompletion) -> None:
        take_apart(run, completion)
        eviction = WorkflowActivation()
        eviction.jobs.add().remove_from_cache.SetInParent()
        try:
            again.append(run.activate(eviction))
        except Exception as error:  # noqa: BLE001 - the SDK would try for ever
            again.append(error)

    monkeypatch.setattr(runs, "_take_apart", asked_twice)
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    queue = f"freed-{uuid.uuid4()}"
    async with _worker(skipping, queue, kept=0):
        handle = await skipping.client.start_workflow("Asking", id=queue, task_queue=queue)
        await eventually(lambda: again)
        await handle.terminate()
    gc.collect()
    assert said == []
    assert all(isinstance(each, WorkflowActivationCompletion) for each in again), again
