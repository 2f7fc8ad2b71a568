"""Which worker processes there are, and what they tell of themselves."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from temporalio.api.enums.v1 import TaskQueueType, WorkerStatus
from temporalio.api.taskqueue.v1 import PollerInfo, TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueRequest,
    DescribeTaskQueueResponse,
    ListWorkersRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from activities.presence import Presence, read_presence
from service.temporal import answered
from workflows.names import CONTROL_QUEUE, PRESENCE_QUEUE

# A poll lasts a minute at most, so a worker that polled longer ago than this is gone.
POLLER_FRESH = timedelta(seconds=75)
# Temporal forgets after five minutes who polled: what seems to be older is so by a clock of ours that is ahead.
POLLER_FORGOTTEN = timedelta(minutes=6)
MAX_LISTED = 1000

WORKFLOWS = TaskQueueType.TASK_QUEUE_TYPE_WORKFLOW
ACTIVITIES = TaskQueueType.TASK_QUEUE_TYPE_ACTIVITY


async def described(client: Client, queue: str, kind: TaskQueueType.ValueType) -> DescribeTaskQueueResponse:
    """A task queue, with its pollers and its backlog."""
    async with answered(client):
        return await client.workflow_service.describe_task_queue(
            DescribeTaskQueueRequest(
                namespace=client.namespace, task_queue=TaskQueue(name=queue), task_queue_type=kind, report_stats=True
            ),
            retry=True,
        )


def fresh_pollers(pollers: Iterable[PollerInfo]) -> set[str]:
    """The identities of those that polled a moment ago."""
    now, polled = datetime.now(UTC), [(each.identity, each.last_access_time.ToDatetime(UTC)) for each in pollers]
    latest = max((at for _, at in polled), default=now)
    oldest = (latest if now - latest > POLLER_FORGOTTEN else now) - POLLER_FRESH
    return {identity for identity, at in polled if at > oldest}


async def present_workers(client: Client) -> list[Presence]:
    """Every worker process that polled within 75 s and has not told since that it stops.

    One of a version before this told nothing of itself: it is known by its polls of the control queue alone.
    """
    telling, polling, stopped = await asyncio.gather(
        described(client, PRESENCE_QUEUE, ACTIVITIES),
        described(client, CONTROL_QUEUE, WORKFLOWS),
        stopped_workers(client),
    )
    told = {each.process: each for each in map(read_presence, fresh_pollers(telling.pollers) - stopped)}
    gone = {read_presence(identity).process for identity in stopped} - set(told)
    silent = fresh_pollers(polling.pollers) - set(told) - gone
    return [*told.values(), *(Presence(process) for process in sorted(silent))]


async def stopped_workers(client: Client) -> set[str]:
    """The identities under which nobody works any more, where the server (1.30 or later) keeps account of that."""
    try:
        async with answered(client):
            listed = await client.workflow_service.list_workers(
                ListWorkersRequest(namespace=client.namespace, page_size=MAX_LISTED), retry=True
            )
    except RPCError as error:
        if error.status is RPCStatusCode.UNIMPLEMENTED:
            return set()
        raise
    running = {each.worker_identity for each in listed.workers if each.status == WorkerStatus.WORKER_STATUS_RUNNING}
    return {each.worker_identity for each in listed.workers} - running
