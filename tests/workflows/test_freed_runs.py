"""A run that was evicted is gone, with all its events: nothing waits for the garbage collector."""

import gc
import uuid
import weakref
from collections.abc import Iterator

import pytest
from temporalio import workflow
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import Worker

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
