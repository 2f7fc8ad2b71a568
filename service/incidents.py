"""The gateway to incidents."""

import uuid
from datetime import datetime
from typing import Any

from pydantic import BaseModel
from temporalio.client import WithStartWorkflowOperation, WorkflowExecution, WorkflowHandle
from temporalio.common import (
    SearchAttributePair,
    TypedSearchAttributes,
    WorkflowIDConflictPolicy,
    WorkflowIDReusePolicy,
)
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import IdempotencyKeyReusedError
from domain.incident_errors import IncidentNotFoundError
from domain.incidents import Change, Declaration, Incident, Status, check_change, check_declaration, number_of
from domain.retention_errors import IncidentGoneError
from service.connection import Connection
from service.event_ids import new_event_id
from service.listing import check_limit, first_of, latest
from service.reachability import searched
from service.retention import kept_for
from service.temporal import answered, answered_by_entity
from service.turns import Turns
from service.updates import in_doubt, seen
from workflows import names
from workflows.incident import IncidentInput, IncidentWorkflow
from workflows.incident_numbers import IncidentNumbersWorkflow
from workflows.policies import EVENT_TASK_TIMEOUT


class IncidentRow(BaseModel):
    """One line of ``im incident list``."""

    id: str
    severity: str
    status: str
    title: str
    declared_at: datetime


class IncidentPage(BaseModel):
    """A part of a list of incidents; ``older`` is what to look ``before`` for the next one, if there is any."""

    rows: list[IncidentRow]
    older: datetime | None = None


class IncidentGateway:
    """Everything that can be done with incidents. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._turns = Turns()

    async def declare(self, declaration: Declaration, idempotency_key: str | None = None) -> Incident:
        """Declare an incident; returns when its event was emitted, or withheld because publishing is off.

        Args:
            declaration: title, severity and who declares.
            idempotency_key: the same key again returns the incident that the first one declared (of the last 1,000).

        Raises:
            IdempotencyKeyReusedError: the key declared another incident than this before.
        """
        check_declaration(declaration)
        await self._connection.require_worker()
        key = idempotency_key or str(uuid.uuid4())
        async with self._turns.of(key):
            incident = await self._declared(f"INC-{await self._number(key)}", declaration)
        check_same(incident, declaration)
        return incident

    async def _number(self, key: str) -> int:
        client = self._connection.client
        numbers = client.get_workflow_handle_for(IncidentNumbersWorkflow.run, names.INCIDENT_NUMBERS_ID)
        async with answered_by_entity(client, names.CONTROL_QUEUE):
            return await seen(lambda: numbers.execute_update(IncidentNumbersWorkflow.next, key))

    async def _declared(self, incident_id: str, declaration: Declaration) -> Incident:
        """The incident of a number, declared now unless it was before."""
        client = self._connection.client
        declared = IncidentInput(incident_id=incident_id, declaration=declaration, event_id=new_event_id())
        async with in_doubt(), answered(client, names.CONTROL_QUEUE):
            return await seen(
                lambda: client.execute_update_with_start_workflow(
                    IncidentWorkflow.declared,  # type: ignore[arg-type]  # the SDK mistypes async updates with a name=
                    start_workflow_operation=_start(declared),
                )
            )

    async def change(self, incident_id: str, change: Change) -> Incident:
        """Take a step of the lifecycle, or add a note; returns when its event was emitted or withheld."""
        # Checked here too, because a closed incident's workflow has ended and takes no update to refuse.
        check_change(await self.get(incident_id), change)
        async with self._turns.of(incident_id), in_doubt(), answered(self._connection.client, names.CONTROL_QUEUE):
            step = change.model_copy(update={"event_id": new_event_id()})
            handle = self._handle(incident_id)
            return await seen(lambda: handle.execute_update(IncidentWorkflow.change, step))  # type: ignore[arg-type]  # as above

    async def observe(self, incident_id: str, details: dict[str, Any]) -> Incident:
        """Bring an incident's details up to date, which emits nothing; a closed one stays as it is."""
        incident = await self.get(incident_id)
        if incident.status is Status.CLOSED:
            return incident
        async with in_doubt(), answered(self._connection.client, names.CONTROL_QUEUE):
            return await seen(lambda: self._handle(incident_id).execute_update(IncidentWorkflow.observe, details))

    async def get(self, incident_id: str) -> Incident:
        """An incident with its timeline."""
        await self._connection.require_worker()
        try:
            async with answered(self._connection.client, names.CONTROL_QUEUE):
                return await self._handle(incident_id).query(IncidentWorkflow.incident)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise await self._missing(incident_id) from None
            raise

    async def _missing(self, incident_id: str) -> IncidentNotFoundError:
        """The error for an incident that is not found: gone, where its number was handed out."""
        client = self._connection.client
        numbers = client.get_workflow_handle_for(IncidentNumbersWorkflow.run, names.INCIDENT_NUMBERS_ID)
        async with answered_by_entity(client, names.CONTROL_QUEUE):
            last = await numbers.query(IncidentNumbersWorkflow.last)
        number = number_of(incident_id)
        if number is None or number > last:
            return IncidentNotFoundError(incident_id=incident_id)
        return IncidentGoneError(incident_id=incident_id, kept=await kept_for(client))

    async def find(
        self, *, status: str | None = None, limit: int = 100, before: datetime | None = None
    ) -> IncidentPage:
        """Incidents, the latest first, from Temporal's visibility store (a second behind at most)."""
        check_limit(limit)
        query = "WorkflowType = 'IncidentWorkflow'"
        if status is not None:
            query += f" AND {names.INCIDENT_STATUS.name} = '{Status(status)}'"
        async with searched(self._connection.client):
            runs, older = first_of(*await latest(self._connection.client, query, before, limit), limit)
        return IncidentPage(rows=[await _row(run) for run in runs], older=older)

    def _handle(self, incident_id: str) -> WorkflowHandle[IncidentWorkflow, Incident]:
        return self._connection.client.get_workflow_handle_for(
            IncidentWorkflow.run, names.incident_workflow_id(incident_id)
        )


def check_same(incident: Incident, declaration: Declaration) -> None:
    """Raise `IdempotencyKeyReusedError` when an idempotency key is used for another declaration than its first one."""
    found = (incident.title, incident.severity, incident.timeline[0].actor)
    if found != (declaration.title, declaration.severity, declaration.actor):
        raise IdempotencyKeyReusedError(did=f"declared {incident.id}", other="another title, severity or actor")


def _start(declared: IncidentInput) -> WithStartWorkflowOperation[IncidentWorkflow, Incident]:
    """The start of an incident, which joins one that began already; good for one call."""
    incident_id, declaration = declared.incident_id, declared.declaration
    return WithStartWorkflowOperation(
        IncidentWorkflow.run,
        declared,
        id=names.incident_workflow_id(incident_id),
        task_queue=names.CONTROL_QUEUE,
        task_timeout=EVENT_TASK_TIMEOUT,
        id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
        id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
        memo={names.TITLE_MEMO: declaration.title},
        search_attributes=_attributes(incident_id, declaration),
        static_summary=f"{incident_id} · {declaration.severity} · {declaration.title}"[:100],
    )


async def _row(run: WorkflowExecution) -> IncidentRow:
    attributes = run.typed_search_attributes
    return IncidentRow(
        id=attributes.get(names.INCIDENT, run.id),
        severity=attributes.get(names.SEVERITY, "?"),
        status=attributes.get(names.INCIDENT_STATUS, Status.DECLARED.value),
        title=await run.memo_value(names.TITLE_MEMO, ""),
        declared_at=run.start_time,
    )


def _attributes(incident_id: str, declaration: Declaration) -> TypedSearchAttributes:
    return TypedSearchAttributes(
        [
            SearchAttributePair(names.INCIDENT, incident_id),
            SearchAttributePair(names.SEVERITY, declaration.severity.value),
            SearchAttributePair(names.INCIDENT_STATUS, Status.DECLARED.value),
        ]
    )
