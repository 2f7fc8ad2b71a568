"""Runs of workflows whose events and deliveries do not wait for the garbage collector."""

from temporalio.bridge.proto.workflow_activation import WorkflowActivation
from temporalio.bridge.proto.workflow_completion import WorkflowActivationCompletion
from temporalio.worker import UnsandboxedWorkflowRunner, WorkflowInstance, WorkflowInstanceDetails


class FreeingRunner(UnsandboxedWorkflowRunner):
    """Runs workflows outside the sandbox, and takes a run apart once it is evicted.

    What the SDK keeps of a run refers to itself in circles, with the events and deliveries of the workflow among it.
    Left to the collector, those of a few seconds stopped a busy process for 0.1 to 0.3 s (docs/performance.md). Of runs
    that are evicted while an activity is under way something is left to it all the same: their errors' tracebacks.
    """

    def create_instance(self, det: WorkflowInstanceDetails) -> WorkflowInstance:
        """A run that does nothing more after its eviction, which is the last that a worker asks of it."""
        run = super().create_instance(det)
        activate = run.activate

        def activate_or_evict(act: WorkflowActivation) -> WorkflowActivationCompletion:
            completion = activate(act)
            if any(job.HasField("remove_from_cache") for job in act.jobs):
                _take_apart(run, completion)
            return completion

        run.activate = activate_or_evict  # type: ignore[method-assign]
        return run


def _take_apart(run: WorkflowInstance, completion: WorkflowActivationCompletion) -> None:
    """Empty an evicted run; asked for the eviction again, as where it took the SDK too long, it says the same."""
    held = dict(vars(run))
    vars(run).clear()
    vars(run).update(
        activate=lambda _act: completion,
        call_exception_handler=lambda _context: None,  # it is its tasks' event loop: they tell it how they ended
    )
    held.clear()
