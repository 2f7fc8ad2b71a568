"""DrainWorkflow: what waited for the end of a subscriber's pause is sent, as fast as the subscriber takes it."""

import contextlib
from datetime import datetime, timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.drains import DrainActivities
    from domain.drains import (
        Became,
        DrainOrder,
        DrainProgress,
        DrainState,
        FindWaiting,
        Pace,
        Release,
        ReleaseMany,
        Told,
        Waiting,
    )
    from workflows import policies

RECENT_KEPT = 1000  # released lately: visibility may still show them as waiting
LOOKS_TO_BE_SURE = 2  # two seconds apart, which visibility is not behind
# Patches: a drain that an older worker began goes on as that did.
PROBES_ANEW = "probes-anew"  # asked for again, it begins with one at once, however long it would have waited
IN_LINE = "in-line"  # older ones do not know the signal
SILENCE_IS_NO_FAILURE = "silence-is-no-failure"


@workflow.defn(name="DrainWorkflow")
class DrainWorkflow:
    """Releases the oldest first, as many at a time as the subscriber's answers suggest (`domain.drains.Pace`).

    Ends when nothing waits any more, or when the subscriber is paused again.
    """

    @workflow.init
    def __init__(self, state: DrainState) -> None:
        self._state = state
        self._queue: list[Waiting] = []
        self._stopped = False
        self._begun_at = state.begun_at or workflow.now()
        subscriber = state.order.subscriber
        self._progress = state.progress or DrainProgress(subscriber=subscriber, began_at=workflow.now())

    @workflow.run
    async def run(self, state: DrainState) -> DrainProgress:
        """Look, release, listen, and look again."""
        if state.progress is None:
            await workflow.sleep(policies.DRAIN_BEGINS_AFTER)
        while not workflow.info().is_continue_as_new_suggested():
            if not self._queue and not await self._look():
                self._progress.ended = True
                break
            if self._queue:
                await (self._release() if self._room else self._until_room())
        await workflow.wait_condition(workflow.all_handlers_finished)
        if not self._progress.ended:
            carried = {"progress": self._progress, "begun_at": self._begun_at}
            workflow.continue_as_new(self._state.model_copy(update=carried))
        return self._progress

    @workflow.signal(name="begin")
    def begin(self, order: DrainOrder) -> None:
        """The pause has ended, perhaps again. The latest order replaces earlier ones, even if those dropped deliveries.

        Whoever resumes has reason to think that the subscriber is well, so the next request is made without a wait.

        If all deliveries of the resume before were dealt with, the counts begin anew.
        """
        if self._done:
            self._progress = DrainProgress(subscriber=order.subscriber, began_at=workflow.now())
        self._state.order, self._queue = order, []  # what was found may be dropped now
        self._state.looks, self._begun_at = 0, workflow.now()
        self._progress.counted = False
        if workflow.patched(PROBES_ANEW):
            self._state.pace = Pace()

    @workflow.signal(name="told")
    def told(self, told: Told) -> None:
        """What became of a delivery that was released."""
        if told.workflow_id in self._state.under_way:
            self._state.under_way.remove(told.workflow_id)
        self._count(told)
        if told.became in {Became.FAILED, Became.WAITING}:
            asked = timedelta(seconds=told.retry_after_seconds) if told.retry_after_seconds else None
            self._state.pace.failed(workflow.now(), asked)
        elif told.became is not Became.DROPPED:
            self._state.pace.went_well()

    @workflow.signal(name="in_line")
    def in_line(self, workflow_id: str) -> None:
        """A delivery that was released goes on with its turn, and is not waited for."""
        if workflow_id in self._state.under_way and workflow.patched(IN_LINE):
            self._state.under_way.remove(workflow_id)
            self._progress.in_line += 1

    @workflow.query(name="progress")
    def progress(self) -> DrainProgress:
        """How far it is."""
        pace = self._state.pace
        holds = pace.holds_until if pace.streak else None
        told = {"asked_at": self._begun_at, "at_once": pace.allowed, "holds_until": holds, "done": self._done}
        return self._progress.model_copy(update=told)

    @property
    def _done(self) -> bool:
        """Whether nothing was found any more, as far as can be said so soon."""
        return self._progress.ended or (self._state.looks >= LOOKS_TO_BE_SURE and not self._state.under_way)

    async def _look(self) -> bool:
        """Find what waits; whether to go on: having found nothing so often, or being stopped, it is over.

        While more is to come it looks on.
        """
        while not self._stopped:
            found = await workflow.execute_activity_method(
                DrainActivities.find_waiting,
                FindWaiting(subscriber=self._state.order.subscriber),
                start_to_close_timeout=policies.DRAIN_TIMEOUT,
                retry_policy=policies.DRAIN_RETRY,
                summary="what waits",
            )
            self._progress.counted = True
            known = {*self._state.recent, *self._state.under_way}
            self._queue = [each for each in found.oldest if each.workflow_id not in known]
            if self._queue:
                self._state.looks = 0
                self._progress.left = max(found.count - (len(found.oldest) - len(self._queue)), 0)
                return True
            self._progress.left = 0
            if found.coming:
                await self._await_more()
                return not self._stopped
            if not await self._linger():
                return False
        return False

    async def _await_more(self) -> None:
        """Wait for what a shared workflow has yet to hand over: behind other bursts, that may take minutes."""
        self._state.looks = 0
        await workflow.sleep(policies.DRAIN_AWAITS)
        self._state.recent = []

    async def _linger(self) -> bool:
        """Wait before looking again; False when there is nothing to wait for."""
        looks, self._state.looks = self._state.looks, self._state.looks + 1
        if looks >= len(policies.DRAIN_LINGERS):
            return False
        await self._wait(policies.DRAIN_LINGERS[looks])
        # What was released then has begun, or is found once more: it never heard of it.
        self._state.recent = self._state.recent[-RECENT_KEPT:] if looks == 0 else []
        return True

    @property
    def _dropping(self) -> bool:
        """Whether the next ones end without a request."""
        before = self._state.order.drop_before
        return before is not None and bool(self._queue) and self._queue[0].emitted_at < before

    @property
    def _room(self) -> int:
        """How many may be released now; half of what is allowed at least, so that few activities release many."""
        if self._dropping:
            return policies.DRAIN_TOGETHER
        pace = self._state.pace
        room = pace.allowed - len(self._state.under_way)
        return 0 if pace.holds(workflow.now()) or 2 * room < pace.allowed else room

    async def _release(self) -> None:
        drop, before = self._dropping, self._state.order.drop_before
        chosen = [each for each in self._queue if not drop or (before and each.emitted_at < before)][: self._room]
        ids = [each.workflow_id for each in chosen]
        self._queue = self._queue[len(ids) :]
        if not drop:
            self._state.under_way += ids  # before they are told: they may answer before the activity does
        drain, asked_at = workflow.info().workflow_id, workflow.now()
        released = await workflow.execute_activity_method(
            DrainActivities.release_waiting,
            ReleaseMany(
                release=Release(subscriber=self._state.order.subscriber, drain=drain, drop=drop), waiting=chosen
            ),
            start_to_close_timeout=policies.DRAIN_TIMEOUT,
            retry_policy=policies.DRAIN_RETRY,
            summary=f"{'drop' if drop else 'release'} {len(ids)}",
        )
        self._state.recent = [*self._state.recent, *released.workflow_ids][-RECENT_KEPT:]
        gone = set(ids) - set(released.workflow_ids)
        self._state.under_way = [each for each in self._state.under_way if each not in gone]
        self._progress.left = max(self._progress.left - len(ids), 0)
        self._tell()
        if released.paused:
            await self._heed_pause(asked_at)

    async def _heed_pause(self, asked_at: datetime) -> None:
        """Stop, unless it was told to begin since the release was asked for, or shortly before.

        The pause that was seen may then be the one that has ended since: it is looked at again.
        """
        self._queue = []
        if asked_at < self._begun_at + policies.DRAIN_BEGINS_AFTER:
            await workflow.sleep(policies.DRAIN_BEGINS_AFTER)
        else:
            self._stopped = True

    async def _until_room(self) -> None:
        """Wait for answers, or for the end of a wait after failures."""
        now, pace = workflow.now(), self._state.pace
        if pace.holds_until and pace.holds(now):
            await self._wait(pace.holds_until - now)
            return
        try:
            await workflow.wait_condition(
                lambda: self._room > 0 or self._state.pace.holds(workflow.now()), timeout=policies.DRAIN_SILENCE
            )
        except TimeoutError:
            self._state.under_way = []
            if not workflow.patched(SILENCE_IS_NO_FAILURE):
                pace.failed(workflow.now())

    async def _wait(self, at_most: timedelta) -> None:
        """Until the time is up, or until it is asked for again."""
        pace = self._state.pace
        with contextlib.suppress(TimeoutError):
            await workflow.wait_condition(lambda: self._state.pace is not pace, timeout=at_most)

    def _count(self, told: Told) -> None:
        progress, became = self._progress, told.became
        progress.delivered += became is Became.DELIVERED
        progress.retried += told.retried
        progress.failed += became in {Became.FAILED, Became.REFUSED} and not told.retried
        progress.cancelled += became is Became.CANCELLED
        progress.dropped += became is Became.DROPPED

    def _tell(self) -> None:
        progress = self._progress
        workflow.set_current_details(
            f"{progress.left} left; {progress.delivered} delivered, {progress.retried} retried, "
            f"{progress.failed} failed, "
            f"{progress.dropped} dropped, {progress.cancelled} cancelled; {self._state.pace.allowed} at once"
        )
