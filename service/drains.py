"""What waits for the end of a subscriber's pause, as visibility shows it, and the drains that release it."""

import asyncio
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from temporalio.client import Client, WorkflowExecution, WorkflowExecutionStatus
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.drains import DrainOrder, DrainProgress, DrainState, FoundWaiting, Release, Waiting
from domain.outcomes import DeliveryState
from service.accepted import when_accepted
from service.listing import instant
from service.owed import owing
from service.progress import read_states
from workflows import names, policies
from workflows.drain import DrainWorkflow
from workflows.event import EventWorkflow

# Found at once; some 100 bytes each in the history of a drain. There is no order but "the latest first" in a store on
# SQL, so the oldest are found by halving the time until so few are left.
OLDEST = 500
LONGEST_AGO = timedelta(days=3650)  # and as far ahead: this host's clock may have been set back
FINEST = timedelta(milliseconds=1)
QUERY_TIMEOUT = timedelta(seconds=3)


async def find_waiting(client: Client, subscriber: str, *, exactly: bool = False) -> FoundWaiting:
    """The oldest events that wait for a subscriber, 500 at most, and how many there are.

    Of more than 500 those whose workflows began first; they come in the order in which they were accepted.

    Args:
        client: of the namespace.
        subscriber: its name.
        exactly: ask workflows whose search attribute does not name whom they wait for; otherwise they count.
    """
    query = owing([subscriber])
    count = (await client.count_workflows(query)).count
    if count > OLDEST:
        query += f" AND StartTime <= {instant(await _until(client, query))}"
    shared = names.shared_workflow_id("")  # it hands over whatever waits
    runs = [run async for run in client.list_workflows(query)]
    coming = [run.start_time for run in runs if run.id.startswith(shared)]
    found = [(await when_accepted(run), run) for run in runs if not run.id.startswith(shared)]
    oldest = []
    for at, run in sorted(found, key=itemgetter(0))[:OLDEST]:
        if exactly and not await _waits(client, run, subscriber):
            count -= 1
        else:
            oldest.append(Waiting(workflow_id=run.id, emitted_at=at))
    since = min([*coming, *(each.emitted_at for each in oldest[:1])], default=None)
    return FoundWaiting(oldest=oldest, count=count, coming=bool(coming), since=since)


async def _waits(client: Client, run: WorkflowExecution, subscriber: str) -> bool:
    if f"waiting:{subscriber}" in run.typed_search_attributes.get(names.SUBSCRIBERS, []):
        return True
    states = await read_states(client, run)
    return any(each.get(subscriber) is DeliveryState.WAITING for each in states)


async def _until(client: Client, query: str) -> datetime:
    """The moment up to which some began, and no more than are wanted."""
    now = datetime.now(UTC)
    early, late = now - LONGEST_AGO, now + LONGEST_AGO
    while late - early > FINEST:
        middle = early + (late - early) / 2
        count = (await client.count_workflows(f"{query} AND StartTime <= {instant(middle)}")).count
        if 0 < count <= OLDEST:
            return middle
        early, late = (middle, late) if count == 0 else (early, middle)
    return late


async def drain_progress(client: Client, subscriber: str) -> DrainProgress | None:
    """How far the latest drain of a subscriber is; None when there is none, or no longer."""
    handle = client.get_workflow_handle_for(DrainWorkflow.run, names.drain_workflow_id(subscriber))
    try:
        return await handle.query(DrainWorkflow.progress, rpc_timeout=QUERY_TIMEOUT)
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return None
        raise


async def is_draining(client: Client, subscriber: str) -> bool:
    """Whether a drain runs for a subscriber."""
    try:
        described = await client.get_workflow_handle(names.drain_workflow_id(subscriber)).describe()
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            return False
        raise
    return described.status is WorkflowExecutionStatus.RUNNING


async def draining(client: Client) -> set[str]:
    """The subscribers for whom a drain runs, a second behind at most."""
    prefix = names.drain_workflow_id("")
    query = "WorkflowType = 'DrainWorkflow' AND ExecutionStatus = 'Running'"
    return {run.id.removeprefix(prefix) async for run in client.list_workflows(query)}


class Drains:
    """What the activities of drains need of Temporal."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def begin(self, order: DrainOrder) -> None:
        """Start a drain, or tell the one that runs."""
        await self._client.start_workflow(
            DrainWorkflow.run,
            DrainState(order=order),
            id=names.drain_workflow_id(order.subscriber),
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            start_signal="begin",
            start_signal_args=[order],
            static_summary=f"sends {order.subscriber} what waited",
        )

    async def find(self, subscriber: str) -> FoundWaiting:
        """What waits for a subscriber, the oldest first."""
        return await find_waiting(self._client, subscriber, exactly=True)

    async def release(self, release: Release, workflow_ids: list[str]) -> list[str]:
        """Tell workflows; gives those that have heard, which one that has ended cannot."""
        heard = await asyncio.gather(*(self._tell(release, each) for each in workflow_ids))
        return [each for each, told in zip(workflow_ids, heard, strict=True) if told]

    async def _tell(self, release: Release, workflow_id: str) -> bool:
        try:
            await self._client.get_workflow_handle(workflow_id).signal(EventWorkflow.resumed, release)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return False
            raise
        return True
