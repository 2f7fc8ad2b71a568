"""IncidentNumbersWorkflow: hands out incident numbers, 1 upwards, never one twice."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from workflows import policies


class NumbersState(BaseModel):
    """What the counter carries from run to run."""

    last: int = 0


@workflow.defn(name="IncidentNumbersWorkflow")
class IncidentNumbersWorkflow:
    """A durable counter. A number whose declaration then fails stays unused."""

    @workflow.init
    def __init__(self, state: NumbersState) -> None:
        self._last = state.last
        self._updates = 0

    @workflow.run
    async def run(self, _state: NumbersState) -> None:
        """Count until the history is long, then go on in a new run."""
        await workflow.wait_condition(
            lambda: workflow.info().is_continue_as_new_suggested() or self._updates >= policies.MAX_UPDATES_PER_RUN
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(NumbersState(last=self._last))

    @workflow.update(name="next")
    def next(self) -> int:
        """The next number."""
        self._last += 1
        self._updates += 1
        workflow.set_current_details(f"last incident: INC-{self._last}")
        return self._last
