"""An event as a list of Temporal's visibility store has it: its outcome, and what its search attributes say of whom."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel, PrivateAttr
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from domain.explanations import RunKind
from domain.outcomes import DeliveryState
from domain.replays import replay_of
from service.accepted import when_accepted
from service.progress import run_kind
from workflows import names
from workflows.details import HANDED_OVER, worst

UNMATCHED = "unmatched"
_RANKS = {"retrying": 0, "pending": 0, "waiting": 1, "failed": 2, "delivered": 3, HANDED_OVER: 3, "cancelled": 4}
OPEN = frozenset({"retrying", "pending", "waiting"})


class EventRow(BaseModel):
    """One line of ``im event list``.

    Attributes:
        kind: of a delivery; a resend of an event and a replay have lines of their own, beneath its id. ``rest`` is what
            goes on of an event that shared its first workflow.
        replay: which one sent it, where ``kind`` is ``replay``.
        outcome: delivered, failed, retrying, pending, waiting, unmatched, cancelled, handed_over or refused; retrying
            is anything on the retry queue, as in ``troubled``: its workflow hears of retries only when they end.
        state: in a list of one subscriber's events, where the delivery to that one stands; null in other lists, and
            where it is not known: events that share a workflow are told together.
        troubled: subscribers whose delivery is not done, failed or was cancelled, each after its state and a colon.
        more_troubled: there are more of them than the 2 KiB hold that Temporal has for names.
        subscribers: all that it is for, as many as 2 KiB hold; none of an event that shares its workflow.
        more_subscribers: there may be more of them.
        emitted_at: when it was accepted; of a resend or a replay when that sent it again.
    """

    event_id: str
    type: str
    source: str
    incident_id: str | None = None
    kind: RunKind = "original"
    replay: str | None = None
    outcome: str
    state: str | None = None
    troubled: list[str] = []
    more_troubled: bool = False
    subscribers: list[str] = []
    more_subscribers: bool = False
    emitted_at: datetime
    workflow_id: str
    _words: frozenset[str] = PrivateAttr(default=frozenset())
    _kinds: int = PrivateAttr(default=0)  # of the events that share its workflow; 0 where it has one of its own

    def states_of(self, subscriber: str) -> list[str]:
        """Where it stands with one subscriber; none where it is not for that one, or does not name it.

        Several, the least fortunate first, where it is one of them and it is not known which: of events that share a
        workflow it is known together how they stand with whom. ``unmatched`` is among them where these events are of
        several types or severities: it may be another one of them that is for the subscriber.
        """
        words = self._words or {*self.troubled, *self.subscribers}
        own = [state.value for state in DeliveryState if f"{state}:{subscriber}" in words]
        if (own and self._kinds) or (subscriber in words and not own):
            own += ["waiting"] if names.waiting_mark(subscriber) in words else []
            own += ["delivered"]
        if not self._kinds:
            return own
        states = [state for state in own if _may_be(state, self.outcome)] if self.outcome != UNMATCHED else []
        states.sort(key=_RANKS.__getitem__)
        return [*states, UNMATCHED] if states and self._kinds > 1 else states

    def is_done_with(self, subscriber: str) -> bool:
        """Whether its workflow is for a subscriber, and has handed over nothing of that one's."""
        return subscriber in self._words and not self.has_open(subscriber)

    def has_open(self, subscriber: str) -> bool:
        """Whether something of a subscriber's is not done, or was not when its workflow ended."""
        marks = {names.waiting_mark(subscriber), *(f"{state}:{subscriber}" for state in OPEN)}
        return not self._words.isdisjoint(marks)

    def settled(self) -> Self:
        """The same, of a workflow that has ended: what it left open is nowhere, unless another one goes on with it."""
        kept = [word for word in self._words if not _is_open(word)]
        return self.model_copy().knowing(kept, self._kinds)

    def knowing(self, words: Sequence[str], kinds: int) -> Self:
        """The same, with what `states_of` reads: the words of its search attribute, and how many kinds share that."""
        self._words, self._kinds = frozenset(words), kinds
        return self

    def knowing_as(self, other: "EventRow") -> Self:
        """The same, with what another one knows in this way."""
        self._words, self._kinds = other._words, other._kinds  # noqa: SLF001 - of the same kind
        return self

    def about(self, subscriber: str) -> Self:
        """The same in a list of one subscriber's events."""
        states = self.states_of(subscriber)
        return self.model_copy(update={"state": states[0] if len(states) == 1 else None})


def _is_open(word: str) -> bool:
    """Whether a word of ``ImSubscribers`` says that a delivery is not done."""
    return word.partition(":")[0] in OPEN or word.startswith(names.MARKED_WAITING)


def _may_be(state: str, outcome: str) -> bool:
    """Whether a delivery may be in a state, where its event has an outcome: nobody fares worse than that says.

    Of a failed event whatever is not done goes on elsewhere.
    """
    return outcome == "failed" or _RANKS[state] >= _RANKS.get(outcome, 0)


def lack_trouble(keywords: Sequence[str]) -> bool:
    """Whether there are subscribers in trouble that ``ImSubscribers`` does not name."""
    return any(word == names.TROUBLE_LEFT_OUT or word.startswith(names.MARKED_WAITING) for word in keywords)


async def rows_of(run: WorkflowExecution) -> AsyncIterator[EventRow]:
    """A row for each event of a workflow."""
    attributes = run.typed_search_attributes
    words = attributes.get(names.SUBSCRIBERS, [])
    ended = run.status is WorkflowExecutionStatus.COMPLETED
    troubled = [word for word in words if ":" in word and word not in names.MARKS and not (ended and _is_open(word))]
    on_retry_queue = any(word.startswith("retrying:") for word in troubled)
    events, emitted_at = await run.memo_value(names.EVENTS_MEMO, []), await when_accepted(run)
    alone = len(events) == 1
    kinds = len({(event["type"], event.get("severity")) for event in events})  # by which subscribers choose
    of_all = attributes.get(names.INCIDENT) if not any("incident" in event for event in events) else None
    for event, outcome in zip(events, await outcomes_of(run), strict=False):
        shown = outcome != "delivered" or alone  # one may have been cancelled; of several it is not known which
        yield EventRow(
            event_id=event["id"],
            type=event["type"],
            source=event["source"],
            incident_id=event.get("incident", of_all),
            kind=run_kind(run.id),
            replay=replay_of(run.id),
            outcome="retrying" if outcome == "pending" and on_retry_queue else outcome,
            troubled=troubled if shown else [],
            more_troubled=shown and lack_trouble(words),
            subscribers=names.subscribers_named(words) if alone else [],
            more_subscribers=alone and names.NAMES_LEFT_OUT in words,
            emitted_at=emitted_at,
            workflow_id=run.id,
        ).knowing(words, 0 if alone else kinds)


async def outcomes_of(run: WorkflowExecution) -> Sequence[str]:
    """Where each event of a workflow stands.

    The workflow tells it for as long as they differ, and it stays as it was once they are all alike; the least
    fortunate one is told always.
    """
    count = len(await run.memo_value(names.EVENTS_MEMO, []))
    if run.status is WorkflowExecutionStatus.FAILED:
        return ["refused"] * count
    told, outcome = await run.memo_value(names.OUTCOMES_MEMO, []), run.typed_search_attributes.get(names.OUTCOME)
    return told if told and worst(told) == outcome else [outcome or "pending"] * count
