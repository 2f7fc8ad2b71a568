"""The gateway to events: publish, find, explain, send again."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime

from pydantic import BaseModel
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from domain.errors import EventNotFoundError, InvalidRequestError, PublishingDisabledError
from domain.events import CloudEvent
from domain.patterns import check_patterns, matches_any
from domain.tasks import EventInput, PublishReceipt
from service.connection import Connection
from service.history import EventSource
from service.progress import RunView, read_run
from service.publisher import Publisher
from service.subscribers import SubscriberGateway
from service.temporal import answered
from workflows import names
from workflows.details import HANDED_OVER

MAX_LISTED = 1000
# started, task scheduled, task started, task completed: a longer history means that its worker went on with it.
CONFIRM_AFTER = 4


class EventRow(BaseModel):
    """One line of ``im event list``.

    Attributes:
        outcome: delivered, failed, retrying, pending, unmatched, cancelled, handed_over or refused.
        troubled: subscribers whose delivery is not done, or failed.
    """

    event_id: str
    type: str
    source: str
    incident_id: str | None = None
    outcome: str
    troubled: list[str] = []
    emitted_at: datetime
    workflow_id: str


class EventView(BaseModel):
    """An event and everything known of its deliveries, oldest run first."""

    event: CloudEvent
    runs: list[RunView]


class EventFilter(BaseModel):
    """What ``im event list`` shows; every condition given must hold."""

    failed: bool = False
    outcome: str | None = None
    type: str | None = None
    incident: str | None = None
    subscriber: str | None = None
    since: datetime | None = None
    limit: int = 100


class EventGateway:
    """Everything that can be done with events. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, publisher: Publisher, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._publisher = publisher
        self._subscribers = subscribers
        self._source = EventSource(connection.client)

    async def publish(self, event: CloudEvent, *, alone: bool = False) -> PublishReceipt:
        """Accept an event in this process, by its own setting; ``alone`` makes it share no workflow."""
        return await self._publisher.publish(event, alone=alone)

    async def publish_batch(self, events: Sequence[CloudEvent]) -> list[PublishReceipt]:
        """Accept a batch in this process, by its own setting."""
        return await self._publisher.publish_batch(events)

    async def emit(self, event: CloudEvent) -> PublishReceipt:
        """Hand an event to whichever worker is there, and ask it whether publishing is on.

        Raises:
            PublishingDisabledError: it is off there; nothing was emitted, and the event may be emitted again.
        """
        return await self._start_asking(event, names.event_workflow_id(event))

    async def _start_asking(self, event: CloudEvent, workflow_id: str, only: str | None = None) -> PublishReceipt:
        """Start an event's workflow and wait until its worker has said that publishing is on."""
        await self._connection.require_worker(names.EVENTS_QUEUE)
        request = EventInput(events=[event], only=[only] if only else None, ask_publishing=True)
        receipt = await self._publisher.start(event, request, workflow_id)
        handle = self._connection.client.get_workflow_handle(workflow_id)
        async with answered(self._connection.client, names.EVENTS_QUEUE):
            while True:
                described = await handle.describe()
                if described.status is WorkflowExecutionStatus.FAILED:
                    raise PublishingDisabledError
                if described.status is not WorkflowExecutionStatus.RUNNING or described.history_length > CONFIRM_AFTER:
                    return receipt
                await asyncio.sleep(0.05)

    async def find(self, wanted: EventFilter) -> list[EventRow]:
        """Events, the latest first, from Temporal's visibility store (a second behind at most)."""
        if not 1 <= wanted.limit <= MAX_LISTED:
            raise InvalidRequestError(reason=f"the limit must be 1 to {MAX_LISTED}")
        patterns = check_patterns([wanted.type]) if wanted.type else None
        rows: list[EventRow] = []
        async with answered(self._connection.client):
            async for run in self._connection.client.list_workflows(_query(wanted)):
                rows += [row async for row in _rows(run) if _is_wanted(row, wanted, patterns)]
                if len(rows) >= wanted.limit:
                    break
        return rows[: wanted.limit]

    async def get(self, event_id: str) -> EventView:
        """An event with every delivery and every known attempt."""
        runs = await self._runs(event_id)
        first = runs[0]
        async with answered(self._connection.client):
            request = await self._source.load_input(first.id, first.run_id)
        event = next(event for event in request.events if event.id == event_id)
        views = await asyncio.gather(*(read_run(self._connection.client, run.id, event_id) for run in runs))
        return EventView(event=event, runs=list(views))

    async def resend(self, event_id: str, subscriber: str | None = None) -> PublishReceipt:
        """Deliver a known event afresh, under the same id, to all that want it now or to one of them.

        Raises:
            PublishingDisabledError: publishing is off in the worker's process.
        """
        runs = await self._runs(event_id)
        if subscriber is not None:
            found = await self._subscribers.get(subscriber)
            if not found.enabled:
                raise InvalidRequestError(
                    reason=f"{subscriber} is disabled; enable it first: im subscriber update {subscriber} --enabled"
                )
        async with answered(self._connection.client):
            request = await self._source.load_input(runs[0].id, runs[0].run_id)
        event = next(event for event in request.events if event.id == event_id)
        workflow_id = names.resend_workflow_id(event, secrets.token_hex(4))
        return await self._start_asking(event, workflow_id, subscriber)

    async def _runs(self, event_id: str) -> list[WorkflowExecution]:
        query = f"WorkflowType = 'EventWorkflow' AND {names.EVENT_IDS.name} = '{names.event_id_hash(event_id)}'"
        async with answered(self._connection.client):
            runs = [run async for run in self._connection.client.list_workflows(query)]
        if not runs:
            raise EventNotFoundError(event_id=event_id)
        return sorted(runs, key=lambda run: run.start_time)


def _is_wanted(row: EventRow, wanted: EventFilter, patterns: Sequence[str] | None) -> bool:
    """What the query cannot tell: the outcome of one event of several, and patterns."""
    if row.outcome == HANDED_OVER:  # the workflow that went on with it has a row of its own
        return False
    if wanted.failed and row.outcome != "failed":
        return False
    return patterns is None or matches_any(patterns, row.type)


def _query(wanted: EventFilter) -> str:
    conditions = ["WorkflowType = 'EventWorkflow'"]
    outcome = "failed" if wanted.failed else wanted.outcome
    if outcome:
        conditions.append(f"{names.OUTCOME.name} = {_quoted(outcome)}")
    if wanted.type and "*" not in wanted.type:
        conditions.append(f"{names.EVENT_TYPES.name} = {_quoted(wanted.type)}")
    if wanted.incident:
        conditions.append(f"{names.INCIDENT.name} = {_quoted(wanted.incident)}")
    if wanted.subscriber:
        conditions.append(f"{names.SUBSCRIBERS.name} = {_quoted(wanted.subscriber)}")
    if wanted.since:
        conditions.append(f"StartTime >= '{wanted.since.astimezone(UTC).isoformat()}'")
    return " AND ".join(conditions)


def _quoted(value: str) -> str:
    """A literal of Temporal's list filter, which has no escape that all stores agree on."""
    if not value.isprintable() or any(char in value for char in "'\"\\`"):
        raise InvalidRequestError(reason=f"{value!r} cannot be looked for: it has quotes or backslashes")
    return f"'{value}'"


async def _rows(run: WorkflowExecution) -> AsyncIterator[EventRow]:
    attributes = run.typed_search_attributes
    keywords = attributes.get(names.SUBSCRIBERS, [])
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
            outcome=outcome,
            troubled=[keyword for keyword in keywords if ":" in keyword and outcome != "delivered"],
            emitted_at=run.start_time,
            workflow_id=run.id,
        )
