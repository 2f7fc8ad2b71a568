"""The workflows that live as long as the deployment: that they run, and what activities need of them."""

from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta

from pydantic import BaseModel
from temporalio.client import Client
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from activities.logger import Logger
from domain.directory import Snapshot
from domain.health import LedgerBatch
from domain.subscriber_changes import Gone
from workflows import names, policies
from workflows.directory import DirectoryState, SubscriberDirectoryWorkflow
from workflows.incident_numbers import IncidentNumbersWorkflow, NumbersState
from workflows.ledger import DeliveryLedgerWorkflow, LedgerState
from workflows.sources import SourcesState, SourcesWorkflow

QUERY_TIMEOUT = timedelta(seconds=2)
SIGNAL_TIMEOUT = timedelta(seconds=5)

_log = Logger("worker")


async def ensure_entities(client: Client) -> None:
    """Start the registries, the ledger and the counter of incident numbers, unless they run already."""
    entities: tuple[tuple[Callable[..., Awaitable[None]], BaseModel, str, str], ...] = (
        (SubscriberDirectoryWorkflow.run, DirectoryState(), names.DIRECTORY_ID, "registry of subscribers"),
        (DeliveryLedgerWorkflow.run, LedgerState(), names.LEDGER_ID, "delivery counters"),
        (IncidentNumbersWorkflow.run, NumbersState(), names.INCIDENT_NUMBERS_ID, "incident numbers"),
        (SourcesWorkflow.run, SourcesState(), names.SOURCES_ID, "Zeebe clusters and heartbeats"),
    )
    for run, state, workflow_id, summary in entities:
        await client.start_workflow(
            run,
            state,
            id=workflow_id,
            task_queue=names.CONTROL_QUEUE,
            task_timeout=policies.EVENT_TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=summary,
        )


class Entities:
    """What activities ask and tell of the directory and the ledger."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._directory = client.get_workflow_handle_for(SubscriberDirectoryWorkflow.run, names.DIRECTORY_ID)
        self._ledger = client.get_workflow_handle_for(DeliveryLedgerWorkflow.run, names.LEDGER_ID)

    async def snapshot(self, known_version: int | None) -> Snapshot:
        """The directory, without its subscribers where the version is the known one."""
        return await self._directory.query(
            SubscriberDirectoryWorkflow.snapshot, known_version, rpc_timeout=QUERY_TIMEOUT
        )

    async def record(self, batch: LedgerBatch) -> None:
        """Tell the ledger, which is started anew where somebody ended it; returns when Temporal has it."""
        try:
            await self._ledger.signal(DeliveryLedgerWorkflow.record, batch, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            _log.warning("the ledger did not run; health is counted from nothing")
            await ensure_entities(self._client)
            await self._ledger.signal(DeliveryLedgerWorkflow.record, batch, rpc_timeout=SIGNAL_TIMEOUT)

    async def mark_gone(self, name: str, asked_at: datetime) -> None:
        """Tell the directory that a subscriber answered 410; said in the log if that cannot be done."""
        try:
            gone = Gone(name=name, asked_at=asked_at)
            await self._directory.signal(SubscriberDirectoryWorkflow.mark_gone, gone, rpc_timeout=SIGNAL_TIMEOUT)
        except RPCError as error:  # its next delivery will be answered 410 as well
            _log.warning("could not mark a subscriber as gone", subscriber_id=name, error=error.message)
