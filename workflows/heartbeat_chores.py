"""What follows from a heartbeat's changes: its incident, its ping URL, and telling of times of not knowing.

Each chore does one thing at a time, by itself: none of them delays the others or the deadline.
"""

from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from typing import Any

from temporalio import workflow
from temporalio.common import Priority
from temporalio.exceptions import ActivityError, FailureError, is_cancelled_exception

from activities.emission import EmissionActivities
from activities.heartbeats import DoorActivities, HeartbeatActivities
from activities.incidents import IncidentActivities
from domain.heartbeat_rules import Heartbeat
from domain.heartbeats import BeatKind, DoorQuestion, Outage, PingReport, PingRequest
from domain.incident_tasks import DeclareRequest, ResolveRequest
from domain.tasks import EmitRequest
from workflows import names, policies

Chore = Callable[[], Coroutine[Any, Any, None]]


class Chores:
    """The chores of one heartbeat; each goes on for ever.

    Args:
        heartbeat: whose state says what is to be done, and is told what was.
        tell: shows the state, after a change.
    """

    def __init__(self, heartbeat: Heartbeat, tell: Callable[[], None]) -> None:
        self._heartbeat = heartbeat
        self._state = heartbeat.state
        self._tell = tell

    @property
    def all(self) -> Sequence[Chore]:
        """Every chore."""
        return (self._keep_incident, self._send_pings, self._tell_unknown)

    async def _keep_incident(self) -> None:
        """Declare an incident for each outage, and resolve it when the outage is over; in this order, once each."""
        while True:
            await workflow.wait_condition(lambda: bool(self._state.outages) and _due(self._state.outages[0]))
            outage = self._state.outages[0]
            if outage.incident_id is None:
                outage.incident_id = await _declare(outage)
            else:
                await self._resolve(outage)
                self._state.outages.remove(outage)
            self._tell()

    async def _resolve(self, outage: Outage) -> None:
        request = ResolveRequest(
            incident_id=outage.incident_id or "", actor=self._heartbeat.actor, note=outage.over or ""
        )
        await workflow.execute_activity_method(
            IncidentActivities.resolve_incident,
            request,
            start_to_close_timeout=policies.INCIDENT_TIMEOUT,
            retry_policy=policies.INCIDENT_RETRY,
            summary=f"resolve {outage.incident_id}",
        )

    async def _send_pings(self) -> None:
        """Tell the ping URL, as far as it can be told."""
        while True:
            await workflow.wait_condition(lambda: bool(self._state.pings))
            kind = self._state.pings.pop(0)
            error = await self._ping(kind)
            self._state.last_ping = PingReport(kind=kind, at=workflow.now(), error=error)

    async def _ping(self, kind: BeatKind) -> str | None:
        """The reason why a ping failed for good; None when it did not."""
        config = self._heartbeat.config
        try:
            await workflow.execute_activity_method(
                HeartbeatActivities.send_ping,
                PingRequest(heartbeat=config.name, sealed_ping_url=config.sealed_ping_url or "", kind=kind),
                task_queue=names.DELIVERIES_QUEUE,  # it has slots enough for receivers that hang
                start_to_close_timeout=policies.PING_TIMEOUT,
                schedule_to_close_timeout=policies.PING_LIFETIME,
                retry_policy=policies.PING_RETRY,
                priority=Priority(fairness_key=f"ping/{config.name}"[:64]),
                summary=f"ping {kind}",
            )
        except ActivityError as error:
            _raise_cancelled(error)
            return error.cause.message if isinstance(error.cause, FailureError) else str(error)
        return None

    async def _tell_unknown(self) -> None:
        """Log and emit that the heartbeat became unknown."""
        while True:
            await workflow.wait_condition(lambda: bool(self._state.untold))
            unknown = self._state.untold[0]
            await workflow.execute_activity_method(
                HeartbeatActivities.log_unknown,
                unknown,
                task_queue=names.DELIVERIES_QUEUE,
                start_to_close_timeout=policies.PUBLISH_TIMEOUT,
                retry_policy=policies.PUBLISH_RETRY,
                summary="log that it is unknown",
            )
            await workflow.execute_activity_method(
                EmissionActivities.publish_event,
                EmitRequest(event=unknown.event()),
                start_to_close_timeout=policies.PUBLISH_TIMEOUT,
                retry_policy=policies.PUBLISH_RETRY,
                summary="emit that it is unknown",
            )
            self._state.untold.remove(unknown)


async def attest(heartbeat: str) -> datetime | None:
    """Since when a process that serves the API has refused nobody; None when none answers."""
    try:
        report = await workflow.execute_activity_method(
            DoorActivities.attest,
            DoorQuestion(heartbeat=heartbeat),
            task_queue=names.DOORS_QUEUE,
            schedule_to_start_timeout=policies.ATTEST_WAIT,
            start_to_close_timeout=policies.ATTEST_TIMEOUT,
            retry_policy=policies.ATTEST_RETRY,
            summary="since when is the door open",
        )
    except ActivityError as error:
        _raise_cancelled(error)
        return None
    return report.clear_since


async def _declare(outage: Outage) -> str:
    declared = await workflow.execute_activity_method(
        IncidentActivities.declare_incident,
        DeclareRequest(key=outage.key, declaration=outage.declaration),
        start_to_close_timeout=policies.INCIDENT_TIMEOUT,
        retry_policy=policies.INCIDENT_RETRY,
        summary=outage.declaration.title[:100],
    )
    return declared.incident_id


def _due(outage: Outage) -> bool:
    return outage.incident_id is None or outage.over is not None


def _raise_cancelled(error: ActivityError) -> None:
    """An operator's cancellation ends the workflow; it is no failure to be worked around."""
    if is_cancelled_exception(error):
        raise error
