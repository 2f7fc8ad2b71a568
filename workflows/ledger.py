"""DeliveryLedgerWorkflow: counts outcomes by subscriber, emits changes of health, has failing subscribers paused."""

from contextlib import suppress

from temporalio import workflow
from temporalio.exceptions import ApplicationError

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.events import CloudEvent
    from domain.health import Counters, LedgerBatch
    from domain.health_watch import HealthWatch, pause_due
    from domain.pauses import PauseOrder
    from workflows import names
    from workflows.outbox import TELL, Outbox, telling_until


class LedgerState(BaseModel):
    """What the ledger carries from run to run."""

    counters: dict[str, Counters] = {}
    watch: HealthWatch = HealthWatch()
    outbox: list[CloudEvent] = []


@workflow.defn(name="DeliveryLedgerWorkflow")
class DeliveryLedgerWorkflow:
    """Counters fed by signals.

    Continues as new when the server suggests it: under constant signals a small limit of our own would only make
    workflow tasks fail, each new signal arriving before the old run can close.
    """

    @workflow.init
    def __init__(self, state: LedgerState) -> None:
        self._counters = dict(state.counters)
        self._watch = state.watch
        self._outbox = Outbox(state.outbox)
        self._orders: dict[str, PauseOrder] = {}

    @workflow.run
    async def run(self, _state: LedgerState) -> None:
        """Count until the history is long, then go on in a new run."""
        await telling_until(lambda: workflow.info().is_continue_as_new_suggested(), self._tell())
        await workflow.wait_condition(workflow.all_handlers_finished)
        state = LedgerState(counters=self._counters, watch=self._watch, outbox=self._outbox.waiting)
        workflow.continue_as_new(state)

    @workflow.signal(name="record")
    def record(self, batch: LedgerBatch) -> None:
        """Count a group commit."""
        for entry in batch.entries:
            self._counters.setdefault(entry.subscriber, Counters()).apply(entry)
        for subscriber, later in batch.sums.items():
            self._counters.setdefault(subscriber, Counters()).add(later)
        for subscriber in dict.fromkeys([*(entry.subscriber for entry in batch.entries), *batch.sums]):
            self._look_at(subscriber)
        for subscriber, patience in batch.patience.items():
            if order := pause_due(subscriber, self._counters[subscriber], patience):
                self._orders[subscriber] = order

    @workflow.signal(name="forget")
    def forget(self, subscriber: str) -> None:
        """Drop the counters of a removed subscriber; one added again under the name starts from nothing."""
        self._counters.pop(subscriber, None)
        self._watch.forget(subscriber)

    @workflow.query(name="health")
    def health(self, subscriber: str | None) -> dict[str, Counters]:
        """The counters of one subscriber, or of all."""
        if subscriber is None:
            return self._counters
        return {subscriber: self._counters[subscriber]} if subscriber in self._counters else {}

    def _look_at(self, subscriber: str) -> None:
        if event := self._watch.see(subscriber, self._counters[subscriber], workflow.now()):
            self._outbox.put(event)

    async def _tell(self) -> None:
        """Have subscribers paused, and emit what is to be told; begins nothing as long as there is neither."""
        await workflow.wait_condition(lambda: self._is_asked() or self._watch.next_release() is not None)
        if not workflow.patched(TELL):
            return
        while True:
            if self._orders:
                await self._pause(self._orders.pop(next(iter(self._orders))))
            elif self._outbox.waiting:
                await self._outbox.emit_next()
            else:
                await self._release()

    async def _pause(self, order: PauseOrder) -> None:
        directory = workflow.get_external_workflow_handle(names.DIRECTORY_ID)
        with suppress(ApplicationError):  # there is none: nobody to pause
            await directory.signal("pause", order)

    async def _release(self) -> None:
        """Wait until there is something to tell, or the next held change may be told."""
        release = self._watch.next_release()
        wait = None if release is None else release - workflow.now()
        with suppress(TimeoutError):
            await workflow.wait_condition(
                lambda: self._is_asked() or self._watch.next_release() != release, timeout=wait
            )
        for subscriber in self._watch.due(workflow.now()):
            self._look_at(subscriber)

    def _is_asked(self) -> bool:
        return bool(self._orders or self._outbox.waiting)
