"""DeliveryLedgerWorkflow: counts what became of deliveries, by subscriber."""

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from domain.health import Counters, LedgerBatch


class LedgerState(BaseModel):
    """What the ledger carries from run to run."""

    counters: dict[str, Counters] = {}


@workflow.defn(name="DeliveryLedgerWorkflow")
class DeliveryLedgerWorkflow:
    """Counters fed by signals.

    Continues as new when the server suggests it: under constant signals a small limit of our own would only make
    workflow tasks fail, each new signal arriving before the old run can close.
    """

    @workflow.init
    def __init__(self, state: LedgerState) -> None:
        self._counters = dict(state.counters)

    @workflow.run
    async def run(self, _state: LedgerState) -> None:
        """Count until the history is long, then go on in a new run."""
        await workflow.wait_condition(lambda: workflow.info().is_continue_as_new_suggested())
        await workflow.wait_condition(workflow.all_handlers_finished)
        workflow.continue_as_new(LedgerState(counters=self._counters))

    @workflow.signal(name="record")
    def record(self, batch: LedgerBatch) -> None:
        """Count a group commit."""
        for entry in batch.entries:
            self._counters.setdefault(entry.subscriber, Counters()).apply(entry)
        for subscriber, later in batch.sums.items():
            self._counters.setdefault(subscriber, Counters()).add(later)

    @workflow.signal(name="forget")
    def forget(self, subscriber: str) -> None:
        """Drop the counters of a removed subscriber; one added again under the name starts from nothing."""
        self._counters.pop(subscriber, None)

    @workflow.query(name="health")
    def health(self, subscriber: str | None) -> dict[str, Counters]:
        """The counters of one subscriber, or of all."""
        if subscriber is None:
            return self._counters
        return {subscriber: self._counters[subscriber]} if subscriber in self._counters else {}
