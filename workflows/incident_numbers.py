"""IncidentNumbersWorkflow: hands out incident numbers, 1 upwards, never one twice."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from workflows import policies

KEYS_KEPT = 1000  # some 45 KB; a client that repeats a declaration does so within minutes


class NumbersState(BaseModel):
    """What the counter carries from run to run: the last number, and the number each recent key was given."""

    last: int = 0
    given: dict[str, int] = {}


@workflow.defn(name="IncidentNumbersWorkflow")
class IncidentNumbersWorkflow:
    """A durable counter. A number whose declaration then fails stays unused, unless its key comes again."""

    @workflow.init
    def __init__(self, state: NumbersState) -> None:
        self._last = state.last
        self._given = dict(state.given)
        self._updates = 0

    @workflow.run
    async def run(self, _state: NumbersState) -> None:
        """Count until the history is long, then go on in a new run."""
        await workflow.wait_condition(
            lambda: workflow.info().is_continue_as_new_suggested() or self._updates >= policies.MAX_UPDATES_PER_RUN
        )
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(NumbersState(last=self._last, given=self._given))

    @workflow.query(name="last")
    def last(self) -> int:
        """The last number that was handed out; 0 before the first."""
        return self._last

    @workflow.update(name="next")
    def next(self, key: str) -> int:
        """The next number; for a key that was given one lately, the same again."""
        self._updates += 1
        if key not in self._given:
            self._last += 1
            self._given[key] = self._last
            if len(self._given) > KEYS_KEPT:
                del self._given[next(iter(self._given))]
            workflow.set_current_details(f"last incident: INC-{self._last}")
        return self._given[key]
