"""The gateway to alarms."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pydantic import BaseModel
from temporalio.client import WithStartWorkflowOperation, WorkflowExecution, WorkflowHandle
from temporalio.common import WorkflowIDConflictPolicy
from temporalio.service import RPCError, RPCStatusCode

from domain.alarm_checks import checked
from domain.alarm_errors import AlarmNotFoundError
from domain.alarm_parsing import as_observation
from domain.alarms import (
    Alarm,
    AlarmSeverity,
    Identity,
    IdentityRule,
    Notification,
    Observation,
    Observed,
    alarm_id_of,
)
from service.connection import Connection
from service.event_ids import new_event_id
from service.listing import check_limit, first_of, latest, quoted
from service.reachability import searched
from service.temporal import answered
from service.turns import Turns
from service.updates import in_doubt, seen
from workflows import names
from workflows.alarm import AlarmInput, AlarmWorkflow
from workflows.policies import EVENT_TASK_TIMEOUT


@dataclass(frozen=True)
class AlarmRules:
    """The settings of alarms; the same on every process that takes them in.

    Attributes:
        identity: IM_ALARM_IDENTITY.
        dashboard: IM_ALARM_DASHBOARD_URL.
    """

    identity: IdentityRule = IdentityRule.RESOURCE
    dashboard: str | None = None


class AlarmRow(BaseModel):
    """One line of ``im alarm list``."""

    alarm_id: str
    alarm_type: str
    resource_type: str
    resource_id: str
    node_id: str = ""
    severity: AlarmSeverity
    cleared: bool
    brief_description: str = ""
    last_updated: datetime
    observed_at: datetime
    raised_count: int = 0


class AlarmFilter(BaseModel):
    """What ``im alarm list`` shows; every condition given must hold.

    Attributes:
        cleared: True for cleared alarms alone, False for raised ones alone.
        before: whose workflow's run began before that.
    """

    severity: AlarmSeverity | None = None
    cleared: bool | None = None
    alarm_type: str | None = None
    resource_id: str | None = None
    before: datetime | None = None
    limit: int = 100


class AlarmPage(BaseModel):
    """A part of a list of alarms; ``older`` is what to look ``before`` for the next one, if there is any."""

    rows: list[AlarmRow]
    older: datetime | None = None


class AlarmGateway:
    """Everything that can be done with alarms. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, rules: AlarmRules) -> None:
        self._connection = connection
        self._rules = rules
        self._turns = Turns()

    def id_of(self, identity: Identity, node_id: str | None = None) -> str:
        """The alarm_id that an identity has here."""
        return alarm_id_of(identity, node_id, self._rules.identity)

    async def upsert(self, identity: Identity, severity: AlarmSeverity, **said: Any) -> Observed:
        """Raise, change or clear the alarm of an identity.

        Args:
            identity: the alarming resource and the alarm type.
            severity: CLEARED clears it; one that was not known is then known as cleared, and nothing is told.
            said: further members of `Observation`; what is absent or None stays as it is known.
        """
        alarm_id = self.id_of(identity, said.get("node_id"))
        template = self._rules.dashboard
        told = Observation(alarm_id=alarm_id, identity=identity, severity=severity, dashboard_template=template, **said)
        return await self._observe(told)

    async def change(self, alarm_id: str, **said: Any) -> Observed:
        """Bring a known alarm up to date; ``said`` are members of `Observation`.

        Raises:
            AlarmNotFoundError: there is none.
        """
        return await self._observe(Observation(alarm_id=alarm_id, **said))

    async def clear(self, alarm_id: str, **said: Any) -> Observed:
        """Clear a known alarm; one that is cleared already stays as it is. Raises like `change`."""
        return await self.change(alarm_id, severity=AlarmSeverity.CLEARED, **said)

    async def take_in(self, state: Notification) -> Observed:
        """Take in another platform's notification, under its alarm_id."""
        return await self._observe(as_observation(state))

    async def get(self, alarm_id: str) -> Alarm:
        """An alarm as it stands."""
        await self._connection.require_worker()
        try:
            async with answered(self._connection.client, names.CONTROL_QUEUE):
                found = await self._handle(alarm_id).query(AlarmWorkflow.alarm)
        except RPCError as error:
            if error.status is not RPCStatusCode.NOT_FOUND:
                raise
            found = None
        if found is None:
            raise AlarmNotFoundError(alarm_id=alarm_id)
        return found

    async def find(self, wanted: AlarmFilter) -> AlarmPage:
        """Alarms, those that came up last first, from Temporal's visibility store (a second behind at most).

        Each is there once: of an alarm's runs only one is open, and one that is forgotten has none.
        """
        check_limit(wanted.limit)
        async with searched(self._connection.client):
            found = await latest(self._connection.client, _query(wanted), wanted.before, wanted.limit)
        runs, older = first_of(*found, wanted.limit)
        rows = [row for run in runs if (row := await _row(run)) is not None]
        return AlarmPage(rows=rows, older=older)

    async def _observe(self, told: Observation) -> Observed:
        told = checked(told, datetime.now(UTC)).model_copy(update={"event_id": new_event_id()})
        await self._connection.require_worker()
        try:
            client = self._connection.client
            async with self._turns.of(told.alarm_id), in_doubt(), answered(client, names.CONTROL_QUEUE):
                return await seen(lambda: (self._update if told.identity is None else self._update_or_start)(told))
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise AlarmNotFoundError(alarm_id=told.alarm_id) from None
            raise

    async def _update(self, told: Observation) -> Observed:
        return await self._handle(told.alarm_id).execute_update(
            AlarmWorkflow.observe,  # type: ignore[arg-type]  # the SDK mistypes async updates that have a name=
            told,
        )

    async def _update_or_start(self, told: Observation) -> Observed:
        """Both are one step for Temporal: however many are first, there is one alarm."""
        start = WithStartWorkflowOperation(
            AlarmWorkflow.run,
            AlarmInput(alarm_id=told.alarm_id),
            id=names.alarm_workflow_id(told.alarm_id),
            task_queue=names.CONTROL_QUEUE,
            task_timeout=EVENT_TASK_TIMEOUT,
            id_conflict_policy=WorkflowIDConflictPolicy.USE_EXISTING,
            static_summary=f"{told.identity.alarm_type} of {told.identity.resource_id}"[:100] if told.identity else "",
        )
        return await self._connection.client.execute_update_with_start_workflow(
            AlarmWorkflow.observe,  # type: ignore[arg-type]  # as above
            told,
            start_workflow_operation=start,
        )

    def _handle(self, alarm_id: str) -> WorkflowHandle[AlarmWorkflow, Alarm | None]:
        return self._connection.client.get_workflow_handle_for(AlarmWorkflow.run, names.alarm_workflow_id(alarm_id))


def _query(wanted: AlarmFilter) -> str:
    conditions = ["WorkflowType = 'AlarmWorkflow'", "ExecutionStatus = 'Running'"]
    if wanted.severity is not None:
        conditions.append(f"{names.ALARM_SEVERITY.name} = '{wanted.severity}'")
    if wanted.cleared is not None:
        conditions.append(f"{names.ALARM_SEVERITY.name} {'=' if wanted.cleared else '!='} '{AlarmSeverity.CLEARED}'")
    if wanted.alarm_type:
        conditions.append(f"{names.ALARM_TYPE.name} = {quoted(wanted.alarm_type)}")
    if wanted.resource_id:
        conditions.append(f"{names.ALARM_RESOURCE.name} = {quoted(wanted.resource_id)}")
    return " AND ".join(conditions)


async def _row(run: WorkflowExecution) -> AlarmRow | None:
    """The line of an alarm; None of one that nothing was heard of yet."""
    told = await run.memo_value(names.ALARM_MEMO, None)
    return AlarmRow.model_validate(told) if told else None
