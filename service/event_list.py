"""What ``im event list`` and ``GET /events`` find in Temporal's visibility store."""

import itertools
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from domain.explanations import RunKind
from domain.patterns import check_patterns, matches_any
from service.listing import check_limit, instant, latest, quoted
from service.progress import run_kind
from service.temporal import answered
from workflows import names
from workflows.details import HANDED_OVER

_SHARED = names.shared_workflow_id("")
MAX_SEARCHES = 20  # of one list: with a pattern, most of what the store gives may not be wanted


class EventRow(BaseModel):
    """One line of ``im event list``.

    Attributes:
        kind: a resend has a line of its own; ``rest`` is what goes on of an event that shared its first workflow.
        outcome: delivered, failed, retrying, pending, waiting, unmatched, cancelled, handed_over or refused.
        troubled: subscribers whose delivery is not done, or failed.
        subscribers: all that it is for, as many as 2 KiB hold; none of an event that shares its workflow.
    """

    event_id: str
    type: str
    source: str
    incident_id: str | None = None
    kind: RunKind = "original"
    outcome: str
    troubled: list[str] = []
    subscribers: list[str] = []
    emitted_at: datetime
    workflow_id: str


class EventPage(BaseModel):
    """A part of a list of events.

    Attributes:
        rows: the latest first. More than the limit only where a single workflow has more; it is never split.
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
        before: emitted before that.
    """

    failed: bool = False
    type: str | None = None
    incident: str | None = None
    subscriber: str | None = None
    since: datetime | None = None
    before: datetime | None = None
    limit: int = 100


async def find_events(client: Client, wanted: EventFilter) -> EventPage:
    """Events, the latest first (a second behind at most)."""
    check_limit(wanted.limit)
    patterns = check_patterns([wanted.type]) if wanted.type else None
    query, before = _query(wanted), wanted.before
    rows: list[EventRow] = []
    for _ in range(MAX_SEARCHES):
        async with answered(client):
            runs, older = await latest(client, query, before, wanted.limit)
        for at, together in itertools.groupby(runs, key=lambda run: run.start_time):
            found = [row for run in together async for row in rows_of(run) if _is_wanted(row, wanted, patterns)]
            if rows and len(rows) + len(found) > wanted.limit:
                return EventPage(rows=rows, older=before)
            rows, before = rows + found, at
        if older is None or len(rows) >= wanted.limit:
            return EventPage(rows=rows, older=older)
        before = older
    return EventPage(rows=rows, older=before, complete=False)


def _is_wanted(row: EventRow, wanted: EventFilter, patterns: Sequence[str] | None) -> bool:
    """What the query cannot tell: which event of several it is, and patterns."""
    if row.outcome == HANDED_OVER:  # the workflow that went on with it has a row of its own
        return False
    if wanted.failed and row.workflow_id.startswith(_SHARED) and row.outcome != "failed":
        return False
    return patterns is None or matches_any(patterns, row.type)


def _query(wanted: EventFilter) -> str:
    conditions = ["WorkflowType = 'EventWorkflow'"]
    if wanted.type and "*" not in wanted.type:
        conditions.append(f"{names.EVENT_TYPES.name} = {quoted(wanted.type)}")
    if wanted.incident:
        conditions.append(f"{names.INCIDENT.name} = {quoted(wanted.incident)}")
    if wanted.subscriber:
        keyword = f"failed:{wanted.subscriber}" if wanted.failed else wanted.subscriber
        conditions.append(f"{names.SUBSCRIBERS.name} = {quoted(keyword)}")
    elif wanted.failed:
        conditions.append(f"({names.SUBSCRIBERS.name} = '{names.ANY_FAILED}' OR {names.OUTCOME.name} = 'failed')")
    if wanted.since:
        conditions.append(f"StartTime >= {instant(wanted.since)}")
    return " AND ".join(conditions)


async def rows_of(run: WorkflowExecution) -> AsyncIterator[EventRow]:
    """A row for each event of a workflow."""
    attributes = run.typed_search_attributes
    keywords = attributes.get(names.SUBSCRIBERS, [])
    troubled = [word for word in keywords if ":" in word and word != names.ANY_FAILED]
    events = await run.memo_value(names.EVENTS_MEMO, [])
    outcome = attributes.get(names.OUTCOME, "pending")
    outcomes = await run.memo_value(names.OUTCOMES_MEMO, [outcome] * len(events))
    if run.status is WorkflowExecutionStatus.FAILED:
        outcomes = ["refused"] * len(events)
    for event, outcome in zip(events, outcomes, strict=False):
        yield EventRow(
            event_id=event["id"],
            type=event["type"],
            source=event["source"],
            incident_id=attributes.get(names.INCIDENT),
            kind=run_kind(run.id),
            outcome=outcome,
            troubled=troubled if outcome != "delivered" else [],
            subscribers=[word for word in keywords if ":" not in word] if len(events) == 1 else [],
            emitted_at=run.start_time,
            workflow_id=run.id,
        )
