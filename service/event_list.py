"""What ``im event list`` and ``GET /events`` find in Temporal's visibility store."""

import itertools
from collections.abc import Container, Sequence
from datetime import datetime

from pydantic import BaseModel
from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus

from domain.naming import given_as
from domain.outcomes import DeliveryState
from domain.patterns import check_patterns, matches_any
from service.event_rows import OPEN, EventRow, rows_of
from service.listing import check_limit, instant, latest, quoted
from service.reachability import searched
from workflows import names
from workflows.details import HANDED_OVER
from workflows.listed import incident_mark

Listed = tuple[WorkflowExecution, EventRow]

_SHARED = names.shared_workflow_id("")
MARKED_LOOKED_AT = 100
IDS_ASKED_FOR = 100  # in one question
MAX_SEARCHES = 20  # of one list: with a pattern, most of what the store gives may not be wanted


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


async def lacking(client: Client, wanted: EventFilter) -> list[EventRow] | None:
    """The events that a list of one subscriber's may lack: told to more of them than can be named.

    None where there are too many of them: the latest 100 alone are looked at.
    """
    mark = names.TROUBLE_LEFT_OUT if wanted.failed or wanted.undelivered else names.NAMES_LEFT_OUT
    everybody = wanted.model_copy(update={"subscriber": None, "failed": False, "undelivered": False})
    patterns = check_patterns([wanted.type]) if wanted.type else None
    query = f"{_query(everybody)} AND {names.SUBSCRIBERS.name} = '{mark}'"
    async with searched(client):
        runs, older = await latest(client, query, wanted.before, MARKED_LOOKED_AT)
    words = [(run, run.typed_search_attributes.get(names.SUBSCRIBERS, [])) for run in runs]
    nameless = [run for run, said in words if wanted.subscriber not in names.subscribers_named(said)]
    rows = [row for run in nameless async for row in rows_of(run)]
    return None if older else [row for row in rows if _is_of(row, wanted, patterns)]


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
        pairs = await _settled(client, [(run, row) for run in runs async for row in rows_of(run)], wanted.subscriber)
        for at, together in itertools.groupby(pairs, key=lambda pair: pair[0].start_time):
            each = [(run, row) for run, row in together if _is_wanted(row, wanted, patterns)]
            found = [_shown(row, wanted) for run, row in each if not _goes_on(row, run, seen)]
            if rows and len(rows) + len(found) > wanted.limit:
                return EventPage(rows=rows, older=before)
            rows, before = rows + found, at
        if older is None or len(rows) >= wanted.limit:
            return EventPage(rows=rows, older=older)
        before = older
    return EventPage(rows=rows, older=before, complete=False)


async def _settled(client: Client, pairs: list[Listed], subscriber: str | None) -> list[Listed]:
    """Rows of one subscriber's, with what bursts that have ended left open of its: elsewhere, or it is done.

    Temporal knows of a burst together how its events stand with whom, so the workflows are asked for that go on.
    """
    if subscriber is None:
        return pairs
    left = [_rest_of(run, row) for run, row in pairs if _left_open(run, row, subscriber)]
    if not left:
        return pairs
    marked = f"{names.SUBSCRIBERS.name} = '{names.NAMES_LEFT_OUT}'"  # one of these may be for it, too
    wanted = f"({sent_to(subscriber, failed=False, undelivered=False)} OR {marked})"
    elsewhere: set[str] = set()
    for place in range(0, len(left), IDS_ASKED_FOR):
        query = f"WorkflowId IN ({', '.join(map(quoted, left[place : place + IDS_ASKED_FOR]))}) AND {wanted}"
        async with searched(client):
            elsewhere |= {run.id async for run in client.list_workflows(query)}
    kept = [(run, row) for run, row in pairs if _rest_of(run, row) not in elsewhere]
    return [(run, row.settled() if _left_open(run, row, subscriber) else row) for run, row in kept]


def _left_open(run: WorkflowExecution, row: EventRow, subscriber: str) -> bool:
    """Whether a burst has ended with something of a subscriber's that is not done."""
    ended = run.status is WorkflowExecutionStatus.COMPLETED and run.id.startswith(_SHARED)
    return ended and row.has_open(subscriber)


def _rest_of(run: WorkflowExecution, row: EventRow) -> str:
    """The id of the workflow that goes on with an event of a burst, where one does."""
    return names.event_workflow_id_of(row.event_id, row.source) + names.continued_from(run.run_id)


def _is_wanted(row: EventRow, wanted: EventFilter, patterns: Sequence[str] | None) -> bool:
    """What the query cannot tell: which event of several it is, when it was accepted, and patterns."""
    if not _is_of(row, wanted, patterns):
        return False
    if row.outcome == HANDED_OVER and not (wanted.subscriber and row.is_done_with(wanted.subscriber)):
        return False  # it goes on in a workflow that has a row of its own
    if wanted.since and row.emitted_at < wanted.since:  # what goes on of it may have begun after that
        return False
    ends = {"failed", "cancelled"} if wanted.undelivered else {"failed"} if wanted.failed else None
    if ends and row.workflow_id.startswith(_SHARED) and row.outcome not in ends:
        return False
    if wanted.subscriber:
        states = row.states_of(wanted.subscriber)
        return bool(states) and (not ends or not ends.isdisjoint(states))
    return True


def _is_of(row: EventRow, wanted: EventFilter, patterns: Sequence[str] | None) -> bool:
    """Whether a row is of the incident and the type that are wanted; others may share its workflow."""
    if wanted.incident is not None and row.incident_id != wanted.incident:
        return False
    return patterns is None or matches_any(patterns, row.type)


def _shown(row: EventRow, wanted: EventFilter) -> EventRow:
    return row.about(wanted.subscriber) if wanted.subscriber else row


def _goes_on(row: EventRow, run: WorkflowExecution, seen: Container[str]) -> bool:
    """Whether an event of several goes on in a workflow that was seen, and this one only does not say so yet."""
    if row.outcome not in OPEN or not run.id.startswith(_SHARED):
        return False
    return _rest_of(run, row) in seen


def _query(wanted: EventFilter) -> str:
    conditions = ["WorkflowType = 'EventWorkflow'"]
    if wanted.type and "*" not in wanted.type:
        conditions.append(f"{names.EVENT_TYPES.name} = {quoted(wanted.type)}")
    if wanted.incident:
        mark = quoted(incident_mark(wanted.incident))  # of several events that belong to several incidents
        own = f"{names.INCIDENT.name} = {quoted(wanted.incident)}"
        conditions.append(f"({own} OR {names.EVENT_TYPES.name} = {mark})")
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
