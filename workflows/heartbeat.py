"""HeartbeatWorkflow: watches one heartbeat. Its deadline is a durable timer; what follows from it is done by chores."""

import asyncio
from contextlib import suppress

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.heartbeat_rules import Heartbeat, clock
    from domain.heartbeats import Beat, HeartbeatState
    from domain.resealing import Renewals, Resealing
    from domain.sources import HeartbeatConfig
    from domain.timing import in_short
    from workflows import policies
    from workflows.heartbeat_chores import Chores, attest


SET_BACK_COUNTS = "set-back-counts"


class HeartbeatInput(BaseModel):
    """Starts the watch over a heartbeat, or a further run of it (then ``state`` has what is known)."""

    config: HeartbeatConfig
    state: HeartbeatState = HeartbeatState()
    renewals: Renewals = Renewals()


@workflow.defn(name="HeartbeatWorkflow")
class HeartbeatWorkflow:
    """Beats are signals, so they wait in Temporal while no worker is there, and each carries its own time.

    Signals of a workflow task are handled before its timers: what was beaten in time is never judged as missed.
    """

    @workflow.init
    def __init__(self, request: HeartbeatInput) -> None:
        self._heartbeat = Heartbeat(request.config, request.state)
        self._chores = Chores(self._heartbeat, self._tell)
        self._tasks: list[asyncio.Task[None]] = []  # the watch, then the chores
        self._asleep = False
        self._renewals = request.renewals  # a change may be told later than its ping URL was sealed anew

    @workflow.run
    async def run(self, _request: HeartbeatInput) -> None:
        """Watch until the heartbeat is removed and its incident resolved; go on in a new run when history is long.

        What is under way then is begun again there: declaring, resolving and telling are idempotent.
        """
        self._tell()
        self._tasks = [asyncio.create_task(work()) for work in (self._watch, *self._chores.all)]
        await workflow.wait_condition(lambda: self._may_end() or any(task.done() for task in self._tasks))
        for task in self._tasks:
            if task.done():
                task.result()  # none of them ends by itself: raise what it met
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._heartbeat.state.removed or self._heartbeat.state.outages:
            watched = self._heartbeat
            workflow.continue_as_new(
                HeartbeatInput(config=watched.config, state=watched.state, renewals=self._renewals)
            )

    @workflow.signal(name="beat")
    def beat(self, beat: Beat) -> None:
        """Take a beat; one of a clock that was set back as it comes, because that clock's silence would page."""
        if self._heartbeat.is_set_back(beat) and workflow.patched(SET_BACK_COUNTS):
            beat = beat.model_copy(update={"at": workflow.now()})
        self._heartbeat.hear(beat, workflow.now())
        self._tell()

    @workflow.signal(name="remove")
    def remove(self) -> None:
        """Watch no more."""
        self._heartbeat.remove()
        self._tell()

    @workflow.signal(name="reseal_values")
    def reseal_values(self, request: Resealing) -> None:
        """Take the same ping URL sealed with another key; a heartbeat added anew meanwhile has another one."""
        self._renewals = self._renewals.followed_by(request.values)
        self._heartbeat.config = self._renewals.applied(self._heartbeat.config)

    @workflow.signal(name="reseal")
    def reseal(self, sealed_ping_url: str) -> None:
        """As older processes ask for it."""
        config = self._heartbeat.config
        self._heartbeat.config = config.model_copy(update={"sealed_ping_url": sealed_ping_url})

    @workflow.update(name="change")
    def change(self, config: HeartbeatConfig) -> HeartbeatState:
        """Go by another set-up from now on."""
        renewed = self._renewals.applied(config)
        self._renewals = self._renewals.of(renewed)
        if self._heartbeat.change(renewed, workflow.now()) and self._asleep:
            self._tasks[0].cancel()  # its timer is of the former times
            self._tasks[0] = asyncio.create_task(self._watch())
        self._tell()
        return self._heartbeat.state

    @workflow.update(name="pause")
    def pause(self) -> HeartbeatState:
        """Expect nothing until resumed."""
        self._heartbeat.pause(workflow.now())
        self._tell()
        return self._heartbeat.state

    @workflow.update(name="resume")
    def resume(self) -> HeartbeatState:
        """Expect beats again, counted from now."""
        self._heartbeat.resume(workflow.now())
        self._tell()
        return self._heartbeat.state

    @workflow.query(name="state")
    def state(self) -> HeartbeatState:
        """Where the heartbeat stands."""
        return self._heartbeat.state

    async def _watch(self) -> None:
        """Judge the silence when a deadline passes.

        Beats put the deadline off; the timer is left as it is, because a new one each beat would double the history.
        """
        while True:
            await workflow.wait_condition(lambda: self._heartbeat.state.deadline is not None)
            remaining = (self._heartbeat.state.deadline or workflow.now()) - workflow.now()
            if remaining.total_seconds() > 0:
                self._asleep = True
                await workflow.sleep(remaining)
                self._asleep = False
            if self._overdue():
                await self._judge()

    async def _judge(self) -> None:
        """Ask since when the door has been open, until somebody answers or a beat comes."""
        pause = policies.ATTEST_FIRST_PAUSE
        while self._overdue():
            clear_since = await attest(self._heartbeat.config.name)
            if not self._overdue():
                return
            self._heartbeat.judge(clear_since, workflow.now())
            self._tell()
            if clear_since is None:
                with suppress(TimeoutError):
                    await workflow.wait_condition(lambda: not self._overdue(), timeout=pause)
                pause = min(2 * pause, policies.ATTEST_LONGEST_PAUSE)

    def _overdue(self) -> bool:
        return self._heartbeat.overdue(workflow.now())

    def _may_end(self) -> bool:
        state = self._heartbeat.state
        return (state.removed and not state.outages) or workflow.info().is_continue_as_new_suggested()

    def _tell(self) -> None:
        """Show in the Web UI where the heartbeat stands."""
        state, config, now = self._heartbeat.state, self._heartbeat.config, workflow.now()
        times = f"every {in_short(config.every_seconds)}, grace {in_short(config.grace_seconds)}"
        beat = f"last beat {clock(state.last_beat_at, now)}" if state.last_beat_at else "no beat yet"
        deadline = f", deadline {clock(state.deadline, now)}" if state.deadline else ""
        incident = f", incident {state.incident_id}" if state.incident_id else ""
        workflow.set_current_details(f"**{state.status}** {beat}{deadline}{incident}; {times}")
