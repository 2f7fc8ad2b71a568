"""LaneWorkflow: one subscriber is told of one subject's events one after the other."""

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.lanes import LaneActivities
    from domain.lanes import EarlierEvents, Ticket, slim
    from workflows import policies

# Patch: who has yet to begin is waited for. A lane that an older worker touched goes on as if everybody had begun.
HELD_PLACES = "held-places"
# Patch: whoever is behind a workflow of several events is behind each of them.
BEHIND_PARTS = "behind-parts"
LEFT_KEPT = 100  # events that were here lately: whoever comes behind one of them need not ask for it


class LaneState(BaseModel):
    """Who is in line, and which events' workflows were here, or will not come."""

    line: list[Ticket] = []
    left: list[str] = []


@workflow.defn(name="LaneWorkflow")
class LaneWorkflow:
    """Gives turns, each event behind those before it, whichever of them came first.

    A turn ends when its event's workflow leaves, whatever became of the delivery, or when that workflow is gone.
    """

    @workflow.init
    def __init__(self, state: LaneState) -> None:
        self._line = list(state.line)
        self._left = list(state.left)
        self._told: Ticket | None = None
        self._over: set[str] = set()  # workflows of several events that have begun all they will

    @workflow.run
    async def run(self, _state: LaneState) -> None:
        """Serve as long as somebody is in line, and a minute longer."""
        self._line = [_understood(ticket) for ticket in self._line]
        while not workflow.info().is_continue_as_new_suggested():
            try:
                await workflow.wait_condition(lambda: self._first != self._told, timeout=policies.LANE_CHECK)
            except TimeoutError:
                if not self._line:
                    break
            await self._give_turn()
        await workflow.wait_condition(workflow.all_handlers_finished)
        if self._line:
            workflow.continue_as_new(LaneState(line=slim(self._line, self._left), left=self._left))

    @workflow.signal(name="enter")
    def enter(self, ticket: Ticket) -> None:
        """Take a place, once. It may be taken for a workflow that has yet to begin, which then says when it has."""
        ticket = _understood(ticket)
        held = next((place for place, other in enumerate(self._line) if other.is_of(ticket)), None)
        if held is None and not (ticket.begun_by and ticket.workflow_id in self._left):
            self._line.append(ticket)
        elif held is not None and self._line[held].begun_by and not ticket.begun_by:
            self._line[held] = ticket.begins(self._line[held])
        self._tell()

    @workflow.signal(name="leave")
    def leave(self, ticket: Ticket) -> None:
        """Give up a place, or end a turn."""
        self._drop(ticket)

    @workflow.query(name="line")
    def line(self) -> list[Ticket]:
        """Who is in line."""
        return slim(self._line, self._left)

    @property
    def _first(self) -> Ticket | None:
        """Whose turn it is, or will be next: the first in line that waits behind nobody here."""
        if self._told is not None and self._told in self._line:
            return self._told
        here = {name for ticket in self._line for name in (ticket.workflow_id, ticket.part_of)}
        return next((ticket for ticket in self._line if here.isdisjoint(ticket.behind)), None)

    async def _give_turn(self) -> None:
        """Tell the first in line; one that is gone loses its place."""
        first = self._first
        if first is None:
            self._told = None
            return
        if first.begun_by:
            await self._until_begun(first)
            return
        if first != self._told:
            await self._until_earlier_came(first)
        if self._first != first:
            return
        self._told = first
        try:
            await workflow.get_external_workflow_handle(first.workflow_id).signal("turn", first)
        except ApplicationError:
            self._drop(first)

    async def _until_begun(self, first: Ticket) -> None:
        """Wait until its workflow has begun; where that never will, it loses its place."""
        begun_by = first.begun_by or ""
        known = begun_by in self._over
        while self._first == first:
            if not known and await self._waited(first):
                return
            if await self._have_lined_up(begun_by, first.workflow_id) and self._first == first:
                self._over.add(begun_by)
                self._drop(first)
            known = False

    async def _waited(self, first: Ticket) -> bool:
        """Whether somebody else is first before it is time to ask."""
        try:
            await workflow.wait_condition(lambda: self._first != first, timeout=policies.LANE_CHECK)
        except TimeoutError:
            return False
        return True

    async def _until_earlier_came(self, first: Ticket) -> None:
        """Wait until the events before took their places, here or elsewhere, or will never take any."""
        pause = policies.LANE_FIRST_PAUSE
        while unknown := [each for each in first.behind if each not in self._left]:
            lined_up = await self._have_lined_up(*unknown, held_suffice=True)
            if self._first != first:
                return
            if lined_up:
                self._remember(*unknown)
                return
            try:
                await workflow.wait_condition(lambda: self._first != first, timeout=pause)
            except TimeoutError:
                pause = min(2 * pause, policies.LANE_LONGEST_PAUSE)
            else:
                return

    async def _have_lined_up(self, *workflow_ids: str, held_suffice: bool = False) -> bool:
        return await workflow.execute_activity_method(
            LaneActivities.lined_up,
            EarlierEvents(workflow_ids=list(workflow_ids), held_suffice=held_suffice),
            start_to_close_timeout=policies.LINE_UP_TIMEOUT,
            retry_policy=policies.LINE_UP_RETRY,
            summary="have the events before their places",
        )

    def _drop(self, ticket: Ticket) -> None:
        self._line = [other for other in self._line if not other.is_of(ticket)]
        self._remember(ticket.workflow_id)
        self._tell()

    def _remember(self, *workflow_ids: str) -> None:
        self._left = [*self._left, *workflow_ids][-LEFT_KEPT:]

    def _tell(self) -> None:
        waiting = "".join(f"\n- `{ticket.workflow_id}`" for ticket in self._line[:LEFT_KEPT])
        workflow.set_current_details(f"{len(self._line)} in line; the first has the turn{waiting}")


def _understood(ticket: Ticket) -> Ticket:
    """A ticket as the worker read it that the lane was with then."""
    if not ticket.begun_by:
        return ticket
    if not workflow.patched(HELD_PLACES):
        return ticket.model_copy(update={"begun_by": None})
    if not workflow.patched(BEHIND_PARTS):
        return ticket.model_copy(update={"behind": []})
    return ticket.model_copy(update={"part_of": ticket.begun_by})
