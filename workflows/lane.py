"""LaneWorkflow: one subscriber is told of one subject's events one after the other."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.tasks import Ticket
    from workflows import policies


class LaneState(BaseModel):
    """Who is in line; the first one has the turn."""

    line: list[Ticket] = []


@workflow.defn(name="LaneWorkflow")
class LaneWorkflow:
    """Gives turns in the order in which places were taken.

    A turn ends when its event's workflow leaves, whatever became of the delivery, or when that workflow is gone.
    """

    @workflow.init
    def __init__(self, state: LaneState) -> None:
        self._line = list(state.line)
        self._told = self._first

    @workflow.run
    async def run(self, _state: LaneState) -> None:
        """Serve as long as somebody is in line, and a minute longer."""
        while not workflow.info().is_continue_as_new_suggested():
            try:
                await workflow.wait_condition(lambda: self._first != self._told, timeout=policies.LANE_CHECK)
            except TimeoutError:
                if not self._line:
                    break
            await self._give_turn()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._line:
            workflow.continue_as_new(LaneState(line=self._line))

    @workflow.update(name="enter")
    def enter(self, ticket: Ticket) -> bool:
        """Take a place, once; returns whether it is the first."""
        if ticket not in self._line:
            self._line.append(ticket)
        if self._first == ticket:
            self._told = ticket
        self._tell()
        return self._first == ticket

    @workflow.signal(name="leave")
    def leave(self, ticket: Ticket) -> None:
        """Give up a place, or end a turn."""
        self._drop(ticket)

    @workflow.query(name="line")
    def line(self) -> list[Ticket]:
        """Who is in line."""
        return self._line

    @property
    def _first(self) -> Ticket | None:
        return self._line[0] if self._line else None

    async def _give_turn(self) -> None:
        """Tell the first in line; one that is gone loses its place."""
        first = self._told = self._first
        if first is None:
            return
        try:
            await workflow.get_external_workflow_handle(first.workflow_id).signal("turn", first)
        except ApplicationError:
            self._drop(first)

    def _drop(self, ticket: Ticket) -> None:
        self._line = [other for other in self._line if other != ticket]
        self._tell()

    def _tell(self) -> None:
        waiting = "".join(f"\n- `{ticket.workflow_id}`" for ticket in self._line)
        workflow.set_current_details(f"{len(self._line)} in line; the first has the turn{waiting}")
