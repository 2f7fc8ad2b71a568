"""ReplayWorkflow: sends what is retained again, at a rate, until all of it is sent or somebody cancels."""

import contextlib
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.replays import ReplayActivities
    from domain.errors import PublishingDisabledError
    from domain.replays import (
        RECENT_KEPT,
        Found,
        Listed,
        PageRequest,
        Portion,
        Replayed,
        ReplayState,
        Stage,
        SurveyRequest,
    )
    from workflows import names, policies


@workflow.defn(name="ReplayWorkflow")
class ReplayWorkflow:
    """Counts, then goes from page to page; each page is sent in portions, between which it may be cancelled."""

    @workflow.init
    def __init__(self, state: ReplayState) -> None:
        self._state = state
        self._cancelled = False

    @workflow.run
    async def run(self, _state: ReplayState) -> ReplayState:
        """Replay; ends with how far it came."""
        if self._state.stage is Stage.COUNTING:
            self._counted(await self._survey())
        while self._state.stage is Stage.SENDING:
            if workflow.info().is_continue_as_new_suggested():
                workflow.continue_as_new(self._state)
            await self._send_page(await self._next_page())
        self._tell()
        return self._state

    @workflow.signal(name="cancel")
    def cancel(self) -> None:
        """Stop before the next portion; what was sent is delivered."""
        self._cancelled = True

    @workflow.query(name="replay")
    def replay(self) -> ReplayState:
        """Where it stands."""
        return self._state

    def _counted(self, found: Found) -> None:
        state = self._state
        state.matched, state.skipped = found.survey.matched, found.survey.skipped
        if not found.publishing:
            self._end(Stage.STOPPED, str(PublishingDisabledError()))
        elif found.refused:
            self._end(Stage.STOPPED, found.refused)
        elif self._cancelled or not state.matched:
            self._end(Stage.CANCELLED if self._cancelled else Stage.DONE)
        else:
            state.stage = Stage.SENDING
            self._tell()

    async def _send_page(self, listed: Listed) -> None:
        state = self._state
        state.reason = listed.refused
        if listed.paused:
            await self._wait(policies.REPLAY_PAUSED)
        elif listed.refused:
            self._end(Stage.STOPPED, listed.refused)
        else:
            for begin in range(0, len(listed.page.found), state.portion):
                if not self._cancelled and state.stage is Stage.SENDING:
                    await self._send(listed.page.found[begin : begin + state.portion])
            state.cursor = listed.page.cursor or state.cursor
        if state.stage is not Stage.SENDING:
            return
        if self._cancelled:
            self._end(Stage.CANCELLED)
        elif not listed.refused and listed.page.cursor is None:
            self._end(Stage.DONE)

    async def _send(self, events: list[Replayed]) -> None:
        """Send a portion, and wait until the next one is due."""
        state, began = self._state, workflow.now()
        request = Portion(
            replay=state.id, to=state.selection.to, events=events, interval=state.interval, recent=state.recent
        )
        sent = await workflow.execute_activity_method(
            ReplayActivities.send,
            request,
            start_to_close_timeout=policies.PORTION_TIMEOUT,
            heartbeat_timeout=policies.REPLAY_HEARTBEAT,
            retry_policy=policies.REPLAY_RETRY,
            summary=f"{len(events)} of {state.matched}",
        )
        state.sent, state.gone = state.sent + sent.sent, state.gone + sent.gone
        state.recent = [*state.recent, *sent.recent][-RECENT_KEPT:]
        if sent.refused:
            self._end(Stage.STOPPED, sent.refused)
            return
        self._tell()
        await self._wait(began + sent.sent * timedelta(seconds=state.interval) - workflow.now())

    async def _survey(self) -> Found:
        return await workflow.execute_activity_method(
            ReplayActivities.survey,
            SurveyRequest(selection=self._state.selection),
            start_to_close_timeout=policies.SURVEY_TIMEOUT,
            heartbeat_timeout=policies.SEARCH_TIMEOUT,
            retry_policy=policies.REPLAY_RETRY,
            summary="count what matches",
        )

    async def _next_page(self) -> Listed:
        return await workflow.execute_activity_method(
            ReplayActivities.page,
            PageRequest(selection=self._state.selection, cursor=self._state.cursor),
            start_to_close_timeout=policies.SEARCH_TIMEOUT,
            retry_policy=policies.REPLAY_RETRY,
            summary="the next events",
        )

    async def _wait(self, time: timedelta) -> None:
        """Wait for so long, or until it is cancelled."""
        if time > timedelta():
            with contextlib.suppress(TimeoutError):
                await workflow.wait_condition(lambda: self._cancelled, timeout=time)

    def _end(self, stage: Stage, reason: str | None = None) -> None:
        self._state.stage, self._state.reason, self._state.ended_at = stage, reason, workflow.now()

    def _tell(self) -> None:
        """Show in the Web UI and in lists where it stands."""
        state = self._state
        workflow.set_current_details(f"{state.stage}: {state.sent} of {state.matched} sent to {state.selection.to}")
        workflow.upsert_memo({names.REPLAY_MEMO: state.model_dump(mode="json", exclude={"recent", "cursor"})})
