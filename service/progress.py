"""Where an event's deliveries stand: the workflow's own query, joined with the retries that Temporal has pending."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import cast

from pydantic import BaseModel
from temporalio.api.enums.v1 import PendingActivityState
from temporalio.api.workflow.v1 import PendingActivityInfo
from temporalio.client import (
    Client,
    WorkflowExecution,
    WorkflowExecutionDescription,
    WorkflowExecutionStatus,
    WorkflowHandle,
)

from domain.errors import ImError, NoWorkerError, TemporalUnavailableError, UnavailableError
from domain.explanations import RunKind
from domain.outcomes import FINAL_STATES, Attempt, Delivery, DeliveryState, Failure, outcome_of
from domain.replays import replay_of
from domain.tasks import EventProgress, EventResult
from service.accepted import when_accepted
from service.temporal import answered
from workflows.details import HANDED_OVER
from workflows.event import EventWorkflow
from workflows.names import EVENTS_QUEUE, continued_from, delivery_subscriber

# What follows the event's own part of a workflow id, which ends in a hash: an event may be named resend-1 itself.
_KIND = re.compile(r"event/.+@[0-9a-f]{8}/(resend|rest)-[0-9a-f]+", re.DOTALL)


class RunView(BaseModel):
    """One workflow that carries an event: the original, a resend, a replay's, or the rest of a shared one.

    Attributes:
        kind: ``original``, ``resend``, ``replay`` or ``rest``.
        accepted_at: when the event was; of a resend or a replay when that sent it again. Of a rest that is before it
            began.
        only: the subscribers that it is restricted to; None for all that want the event.
        complete: False when the workflow did not answer, and only its result is known.
    """

    workflow_id: str
    run_id: str
    kind: RunKind
    outcome: str
    accepted_at: datetime
    started_at: datetime
    ended_at: datetime | None = None
    only: list[str] | None = None
    complete: bool = True
    deliveries: list[Delivery] = []


async def read_run(client: Client, workflow_id: str, place: int) -> RunView:
    """One workflow's part in the deliveries of an event, which is named by its place among the workflow's events."""
    handle = client.get_workflow_handle_for(EventWorkflow.run, workflow_id)
    async with answered(client):
        described = await handle.describe()
    view = RunView(
        workflow_id=workflow_id,
        run_id=described.run_id,
        kind=run_kind(workflow_id),
        outcome="pending",
        accepted_at=await when_accepted(described),
        started_at=described.start_time,
        ended_at=described.close_time,
    )
    if described.status is WorkflowExecutionStatus.FAILED:  # before it had asked for anybody: nothing else fails it
        return view.model_copy(update={"outcome": "refused"})
    try:
        progress = await _progress(client, handle, place)
    except ImError:
        return await _from_result(client, described, view, place)
    return _joined(view, progress, await _pending(client, described))


async def _progress(client: Client, handle: WorkflowHandle[EventWorkflow, EventResult], place: int) -> EventProgress:
    try:
        async with answered(client, EVENTS_QUEUE):
            return await handle.query(EventWorkflow.event_deliveries, place)
    except (NoWorkerError, TemporalUnavailableError):
        raise
    except UnavailableError:  # an older worker has no such query
        async with answered(client, EVENTS_QUEUE):
            return (await handle.query(EventWorkflow.deliveries))[place]


def without_gone_on(runs: Sequence[RunView]) -> list[RunView]:
    """The same runs of an event, without what goes on in a workflow of its own already.

    The shared workflow says so once all were started that it hands over together; until then, what it says is old.
    """
    return [
        _gone_on(run) if any(rest.workflow_id.endswith(continued_from(run.run_id)) for rest in runs) else run
        for run in runs
    ]


def _gone_on(run: RunView) -> RunView:
    ended = [delivery for delivery in run.deliveries if delivery.state in FINAL_STATES]
    failed = any(delivery.state is DeliveryState.FAILED for delivery in ended)
    return run.model_copy(update={"outcome": "failed" if failed else HANDED_OVER, "deliveries": ended})


async def read_states(client: Client, run: WorkflowExecution) -> list[dict[str, DeliveryState]]:
    """The states of a workflow's deliveries, by subscriber, for each of its events in order; empty if unknown."""
    handle = client.get_workflow_handle_for(EventWorkflow.run, run.id, run_id=run.run_id)
    if run.status is WorkflowExecutionStatus.RUNNING:
        async with answered(client, EVENTS_QUEUE):
            progress = await handle.query(EventWorkflow.deliveries)
        return [{each.subscriber: each.state for each in event.deliveries} for event in progress]
    if run.status is not WorkflowExecutionStatus.COMPLETED:
        return []
    async with answered(client):
        result: EventResult = await handle.result()
    return [{each.subscriber: each.state for each in event.deliveries} for event in result.events]


def run_kind(workflow_id: str) -> RunKind:
    """Whether a workflow is an event's first, a resend, a replay's, or the rest of one that it shared with others."""
    if replay_of(workflow_id):
        return "replay"
    found = _KIND.fullmatch(workflow_id)
    return cast("RunKind", found[1]) if found else "original"


def _joined(view: RunView, mine: EventProgress, pending: dict[str, Delivery]) -> RunView:
    deliveries = [
        _later(delivery, pending.get(delivery.subscriber))
        if delivery.state in {DeliveryState.PENDING, DeliveryState.RETRYING}
        else delivery
        for delivery in mine.deliveries
        # What a workflow that has ended left open is told by the one that went on with it.
        if view.ended_at is None or delivery.state in FINAL_STATES
    ]
    outcome = outcome_of([delivery.state for delivery in deliveries]) if deliveries else mine.outcome
    handed_over = mine.outcome == HANDED_OVER
    return view.model_copy(update={"outcome": mine.outcome if handed_over else outcome, "deliveries": deliveries})


def _later(delivery: Delivery, pending: Delivery | None) -> Delivery:
    """What Temporal knows of the retries, which the workflow hears of only when they end."""
    if pending is None or len(pending.attempts) < len(delivery.attempts):
        return delivery if pending is None else delivery.model_copy(update={"next_retry_at": pending.next_retry_at})
    if pending.error is None:  # no request so far: the workflow may know what it waits for
        return pending.model_copy(update={"error": delivery.error})
    return pending.model_copy(update={"error": pending.error or None})


async def _pending(client: Client, described: WorkflowExecutionDescription) -> dict[str, Delivery]:
    found = {}
    for info in described.raw_description.pending_activities:
        subscriber = delivery_subscriber(info.activity_id)
        if subscriber:
            found[subscriber] = await _retried(client, subscriber, info)
    return found


async def _retried(client: Client, subscriber: str, info: PendingActivityInfo) -> Delivery:
    known = await client.data_converter.decode(info.heartbeat_details.payloads)
    attempts = [Attempt.model_validate(attempt) for attempt in known]
    under_way = info.state == PendingActivityState.PENDING_ACTIVITY_STATE_STARTED
    if under_way:
        attempts = [each for each in attempts if each.failure is not Failure.UNKNOWN_OUTCOME]  # announced, under way
    due = info.next_attempt_schedule_time.ToDatetime(UTC) if info.HasField("next_attempt_schedule_time") else None
    return Delivery(
        subscriber=subscriber,
        state=DeliveryState.RETRYING if attempts else DeliveryState.PENDING,
        attempts=attempts,
        error=info.last_failure.message or ("" if under_way else None),
        next_retry_at=due,
    )


async def _from_result(client: Client, described: WorkflowExecutionDescription, view: RunView, place: int) -> RunView:
    """The compact rows of a finished workflow's result, when no worker is there to tell the whole story."""
    incomplete = view.model_copy(update={"complete": False})
    if described.status is not WorkflowExecutionStatus.COMPLETED:
        return incomplete
    async with answered(client):
        result: EventResult = await client.get_workflow_handle_for(EventWorkflow.run, described.id).result()
    mine = result.events[place]
    deliveries = [Delivery(subscriber=row.subscriber, state=row.state, error=row.error) for row in mine.deliveries]
    return incomplete.model_copy(update={"outcome": mine.outcome, "deliveries": deliveries})
