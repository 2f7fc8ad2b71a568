"""IncidentWorkflow: the lifecycle of one incident; each change and the intent to tell of it are one durable step."""

from typing import Any

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.emission import EmissionActivities
    from domain.incidents import (
        Change,
        Declaration,
        Incident,
        Status,
        TimelineEntry,
        apply_change,
        check_change,
        declare,
        timeline_event,
    )
    from domain.tasks import EARLIER_NAMED, EmitRequest
    from workflows import names, policies
    from workflows.event_ids import event_id
    from workflows.refusals import refused


class IncidentInput(BaseModel):
    """Starts an incident, or a further run of one (then ``incident`` holds it).

    Attributes:
        event_id: of the event that will tell the declaration, as in `Change`.
    """

    incident_id: str
    declaration: Declaration
    event_id: str | None = None
    incident: Incident | None = None


@workflow.defn(name="IncidentWorkflow")
class IncidentWorkflow:
    """Appends to the timeline in updates; the main loop emits each entry, in order, until Temporal has taken it."""

    @workflow.init
    def __init__(self, request: IncidentInput) -> None:
        self._incident = request.incident or declare(
            request.incident_id, request.declaration, workflow.now(), event_id(request.event_id)
        )
        self._updates = 0

    @workflow.run
    async def run(self, request: IncidentInput) -> Incident:
        """Live until the incident is closed and all of its timeline was told."""
        self._tell()
        while True:
            await workflow.wait_condition(lambda: self._unpublished() is not None or self._may_end())
            entry = self._unpublished()
            if entry is not None:
                await self._emit(entry)
                continue
            await workflow.wait_condition(workflow.all_handlers_finished)
            if self._unpublished() is None:
                break
        if self._incident.status is Status.CLOSED:
            return self._incident
        return workflow.continue_as_new(
            IncidentInput(incident_id=request.incident_id, declaration=request.declaration, incident=self._incident)
        )

    @workflow.update(name="change")
    async def change(self, change: Change) -> Incident:
        """Take a step of the lifecycle, or note something; returns when its event was emitted or withheld."""
        with refused():
            check_change(self._incident, change)
        entry = apply_change(self._incident, change, workflow.now(), event_id(change.event_id))
        self._updates += 1
        self._tell()
        await workflow.wait_condition(lambda: entry.published is not None)
        return self._incident

    @change.validator
    def _validate_change(self, change: Change) -> None:
        with refused():
            check_change(self._incident, change)

    @workflow.update(name="declared")
    async def declared(self) -> Incident:
        """The incident, once its declaration was emitted or withheld."""
        await workflow.wait_condition(lambda: self._incident.timeline[0].published is not None)
        return self._incident

    @workflow.update(name="observe")
    def observe(self, details: dict[str, Any]) -> Incident:
        """Bring the details up to date; no step of the lifecycle, so nothing is emitted."""
        self._incident.details = (self._incident.details or {}) | details
        self._updates += 1
        return self._incident

    @workflow.query(name="incident")
    def incident(self) -> Incident:
        """The incident and its timeline."""
        return self._incident

    async def _emit(self, entry: TimelineEntry) -> None:
        receipt = await workflow.execute_local_activity_method(
            EmissionActivities.publish_event,
            EmitRequest(event=timeline_event(self._incident, entry), behind=self._before(entry)),
            start_to_close_timeout=policies.PUBLISH_TIMEOUT,
            retry_policy=policies.PUBLISH_RETRY,
            summary=f"emit {entry.action}",
        )
        entry.published = receipt.published

    def _before(self, entry: TimelineEntry) -> list[str]:
        """The workflows of the latest events before this one."""
        earlier = [other for other in self._incident.timeline if other.published and other is not entry]
        return [names.event_workflow_id(timeline_event(self._incident, one)) for one in earlier[-EARLIER_NAMED:]]

    def _unpublished(self) -> TimelineEntry | None:
        return next((entry for entry in self._incident.timeline if entry.published is None), None)

    def _may_end(self) -> bool:
        long = workflow.info().is_continue_as_new_suggested() or self._updates >= policies.MAX_UPDATES_PER_RUN
        return long or self._incident.status is Status.CLOSED

    def _tell(self) -> None:
        incident = self._incident
        workflow.set_current_details(f"**{incident.severity}** {incident.title}\n\nstatus: {incident.status}")
        workflow.upsert_search_attributes([names.INCIDENT_STATUS.value_set(incident.status.value)])
