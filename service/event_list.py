"""What ``im event list`` and ``GET /events`` find in Temporal's visibility store."""

import itertools
from collections.abc import AsyncIterator, Container, Sequence
from datetime import datetime

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from domain.explanations import RunKind
from domain.naming import given_as
from domain.outcomes import DeliveryState
from domain.patterns import check_patterns, matches_any
from domain.replays import replay_of
from service.accepted import when_accepted
from service.listing import check_limit, instant, latest, quoted
from service.progress import run_kind
from service.reachability import searched
from workflows import names
from workflows.details import HANDED_OVER, worst

_OPEN = {"retrying", "pending", "waiting"}
_SHARED = names.shared_workflow_id("")
MARKED_LOOKED_AT = 100
MAX_SEARCHES = 20  # of one list: with a pattern, most of what the store gives may not be wanted


class EventRow(BaseModel):
    """One line of ``im event list``.

    Attributes:
        kind: of a delivery; a resend of an event and a replay have lines of their own, beneath its id. ``rest`` is what
            goes on of an event that shared its first workflow.
        replay: which one sent it, where ``kind`` is ``replay``.
        outcome: delivered, failed, retrying, pending, waiting, unmatched, cancelled, handed_over or refused; retrying
            is anything on the retry queue, as in ``troubled``: its workflow hears of retries only when they end.
        troubled: subscribers whose delivery is not done, failed or was cancelled, each after its state and a colon.
        subscribers: all that it is for, as many as 2 KiB hold; none of an event that shares its workflow.
        emitted_at: when it was accepted; of a resend or a replay when that sent it again.
    """

    event_id: str
    type: str
    source: str
    incident_id: str | None = None
    kind: RunKind = "original"
    replay: str | None = None
    outcome: str
    troubled: list[str] = []
    subscribers: list[str] = []
    emitted_at: datetime
    workflow_id: str

    def state_of(self, subscriber: str) -> str:
        """Where it stands with one subscriber. Of events that share a workflow, only the outcome of each is known."""
        states = (word.partition(":") for word in self.troubled)
        return next((state for state, _, name in states if name == subscriber), self.outcome)


class EventPage(BaseModel):
    """A part of a list of events.

    Attributes:
        rows: by the start of their workflows, the latest first. More than the limit only where a single workflow has
            more; it is never split.
        older: what to look ``before`` for the next part; None when this is the last one.
        complete: False when the search was given up, having looked at very many events that were not wanted.
    """

    rows: list[EventRow]
    older: datetime | None = None
    complete: bool = True


class EventFilter(BaseModel):
    """What ``im event list`` shows; every condition given must hold.

    Attributes:
        failed: with a delivery that failed for good (to ``subscriber``, if given), whatever became of the others.
        undelivered: with one that failed for good or was cancelled, likewise.
        since: accepted since then; of a resend or a replay, sent again since then.
        before: only workflows that began before that: where the part before ended.
    """

    failed: bool = False
    undelivered: bool = False
    type: str | None = None
    incident: str | None = None
    subscriber: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 100


async def may_lack(client: Client, wanted: EventFilter) -> bool:
    """Whether there are events that a list of one subscriber's may lack: told to more of them than can be named.

    Of very many such events only the latest 100 are looked at, and the others taken to be lacking.
    """
    mark = names.TROUBLE_LEFT_OUT if wanted.failed or wanted.undelivered else names.NAMES_LEFT_OUT
    everybody = wanted.model_copy(update={"subscriber": None, "failed": False, "undelivered": False})
    query = f"{_query(everybody)} AND {names.SUBSCRIBERS.name} = '{mark}'"
    async with searched(client):
        runs, older = await latest(client, query, wanted.before, MARKED_LOOKED_AT)
    return older is not None or not all(_names(run, wanted.subscriber) for run in runs)


def _names(run: WorkflowExecution, subscriber: str | None) -> bool:
    words = run.typed_search_attributes.get(names.SUBSCRIBERS, [])
    return any(word.rpartition(":")[2] == subscriber for word in words if word not in names.MARKS)


async def find_events(client: Client, wanted: EventFilter) -> EventPage:
    """Events, the latest first (a second behind at most)."""
    check_limit(wanted.limit)
    with given_as("type"):
        patterns = check_patterns([wanted.type]) if wanted.type else None
    query, before = _query(wanted), wanted.before
    rows: list[EventRow] = []
    seen: set[str] = set()
    for _ in range(MAX_SEARCHES):
        async with searched(client):
            runs, older = await latest(client, query, before, wanted.limit)
        seen.update(run.id for run in runs)
        for at, together in itertools.groupby(runs, key=lambda run: run.start_time):
            each = [(run, row) for run in together async for row in rows_of(run) if _is_wanted(row, wanted, patterns)]
            found = [row for run, row in each if not _goes_on(row, run, seen)]
            if rows and len(rows) + len(found) > wanted.limit:
                return EventPage(rows=rows, older=before)
            rows, before = rows + found, at
        if older is None or len(rows) >= wanted.limit:
            return EventPage(rows=rows, older=older)
        before = older
    return EventPage(rows=rows, older=before, complete=False)


def _is_wanted(row: EventRow, wanted: EventFilter, patterns: Sequence[str] | None) -> bool:
    """What the query cannot tell: which event of several it is, when it was accepted, and patterns."""
    if row.outcome == HANDED_OVER:  # the workflow that went on with it has a row of its own
        return False
    if wanted.since and row.emitted_at < wanted.since:  # what goes on of it may have begun after that
        return False
    if (wanted.failed or wanted.undelivered) and row.workflow_id.startswith(_SHARED):
        ends = {"failed", "cancelled"} if wanted.undelivered else {"failed"}
        if row.outcome not in ends:
            return False
    return patterns is None or matches_any(patterns, row.type)


def _goes_on(row: EventRow, run: WorkflowExecution, seen: Container[str]) -> bool:
    """Whether an event of several goes on in a workflow that was seen, and this one only does not say so yet."""
    if row.outcome not in _OPEN or not run.id.startswith(_SHARED):
        return False
    return names.event_workflow_id_of(row.event_id, row.source) + names.continued_from(run.run_id) in seen


def _query(wanted: EventFilter) -> str:
    conditions = ["WorkflowType = 'EventWorkflow'"]
    if wanted.type and "*" not in wanted.type:
        conditions.append(f"{names.EVENT_TYPES.name} = {quoted(wanted.type)}")
    if wanted.incident:
        conditions.append(f"{names.INCIDENT.name} = {quoted(wanted.incident)}")
    if wanted.subscriber:
        conditions.append(sent_to(wanted.subscriber, failed=wanted.failed, undelivered=wanted.undelivered))
    elif wanted.undelivered:
        marks = f"'{names.ANY_FAILED}', '{names.ANY_CANCELLED}'"
        conditions.append(f"({names.SUBSCRIBERS.name} IN ({marks}) OR {names.OUTCOME.name} IN ('failed', 'cancelled'))")
    elif wanted.failed:
        conditions.append(f"({names.SUBSCRIBERS.name} = '{names.ANY_FAILED}' OR {names.OUTCOME.name} = 'failed')")
    if wanted.since:
        conditions.append(f"StartTime >= {instant(wanted.since)}")
    return " AND ".join(conditions)


def sent_to(subscriber: str, *, failed: bool, undelivered: bool) -> str:
    """The condition that an event is for a subscriber; that it failed for it; that it failed or was cancelled.

    Where not all words of an event fit, those of trouble do before the names.
    """
    if failed or undelivered:
        keywords = [f"{state}:{subscriber}" for state in (("failed", "cancelled") if undelivered else ("failed",))]
    else:
        keywords = [subscriber, *(f"{state}:{subscriber}" for state in DeliveryState if state != "delivered")]
    return f"{names.SUBSCRIBERS.name} IN ({', '.join(map(quoted, keywords))})"


async def rows_of(run: WorkflowExecution) -> AsyncIterator[EventRow]:
    """A row for each event of a workflow."""
    attributes = run.typed_search_attributes
    keywords = attributes.get(names.SUBSCRIBERS, [])
    troubled = [word for word in keywords if ":" in word and word not in names.MARKS]
    on_retry_queue = any(word.startswith("retrying:") for word in troubled)
    events, emitted_at = await run.memo_value(names.EVENTS_MEMO, []), await when_accepted(run)
    for event, outcome in zip(events, await outcomes_of(run), strict=False):
        yield EventRow(
            event_id=event["id"],
            type=event["type"],
            source=event["source"],
            incident_id=attributes.get(names.INCIDENT),
            kind=run_kind(run.id),
            replay=replay_of(run.id),
            outcome="retrying" if outcome == "pending" and on_retry_queue else outcome,
            # one may have been cancelled where the others were told; of several events it is not known which
            troubled=troubled if outcome != "delivered" or len(events) == 1 else [],
            subscribers=names.subscribers_named(keywords) if len(events) == 1 else [],
            emitted_at=emitted_at,
            workflow_id=run.id,
        )


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
