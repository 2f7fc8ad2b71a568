"""AlarmWorkflow: the state of one alarm; each notification and the intent to tell it are one durable step."""

from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel

    from activities.emission import EmissionActivities
    from domain.alarm_errors import AlarmIdentityError, AlarmNotFoundError
    from domain.alarm_messages import alarm_event
    from domain.alarms import EVENT_TYPES, Alarm, Observation, Observed, observe
    from domain.events import CloudEvent
    from domain.tasks import EARLIER_NAMED, EmitRequest
    from workflows import names, policies
    from workflows.event_ids import event_id
    from workflows.refusals import refused


class AlarmInput(BaseModel):
    """Starts an alarm, or a further run of one (then ``alarm`` holds it).

    Attributes:
        behind: the workflows of the alarm's latest events.
    """

    alarm_id: str
    alarm: Alarm | None = None
    behind: list[str] = []


class _Notice:
    """An event to be told; ``published`` is None until it was emitted or withheld."""

    def __init__(self, event: CloudEvent) -> None:
        self.event = event
        self.published: bool | None = None


@workflow.defn(name="AlarmWorkflow")
class AlarmWorkflow:
    """Takes observations in updates; the main loop emits what they make to be told, in order, until Temporal has it."""

    @workflow.init
    def __init__(self, request: AlarmInput) -> None:
        self._alarm_id = request.alarm_id
        self._alarm = request.alarm
        self._behind = list(request.behind)
        self._unsent: list[_Notice] = []
        self._updates = 0

    @workflow.run
    async def run(self, _request: AlarmInput) -> Alarm | None:
        """Live while the alarm is raised, and for thirty days after it was last heard of as cleared."""
        self._tell()
        while not (self._over() and workflow.all_handlers_finished()):
            try:
                await workflow.wait_condition(lambda: bool(self._unsent) or self._is_long(), timeout=self._patience())
            except TimeoutError:
                continue
            while self._unsent:
                await self._emit(self._unsent[0])
            if self._is_long():
                await workflow.wait_condition(workflow.all_handlers_finished)
                if not self._unsent:
                    workflow.continue_as_new(
                        AlarmInput(alarm_id=self._alarm_id, alarm=self._alarm, behind=self._behind)
                    )
        return self._alarm

    @workflow.update(name="observe")
    async def observe(self, seen: Observation) -> Observed:
        """Bring the alarm up to date; returns when what is to be told of it was emitted or withheld."""
        created = self._alarm is None
        alarm, outcome = observe(self._alarm, seen, workflow.now())
        self._updates += 1
        if alarm is not self._alarm:
            self._alarm = alarm
            self._tell()
        event_type = EVENT_TYPES.get(outcome)
        if event_type is None:
            return Observed(outcome=outcome, created=created, alarm=alarm)
        notice = _Notice(alarm_event(alarm, event_type, event_id(seen.event_id)))
        self._unsent.append(notice)
        await workflow.wait_condition(lambda: notice.published is not None)
        return Observed(
            outcome=outcome, created=created, event_id=notice.event.id, published=notice.published, alarm=alarm
        )

    @observe.validator
    def _validate_observe(self, seen: Observation) -> None:
        with refused():
            if self._alarm is None and seen.identity is None:
                raise AlarmNotFoundError(alarm_id=self._alarm_id)
            if self._alarm is not None and seen.identity is not None and not self._alarm.is_of(seen.identity):
                raise AlarmIdentityError(alarm_id=self._alarm_id)

    @workflow.query(name="alarm")
    def alarm(self) -> Alarm | None:
        """The alarm; None before its first observation."""
        return self._alarm

    async def _emit(self, notice: _Notice) -> None:
        receipt = await workflow.execute_local_activity_method(
            EmissionActivities.publish_event,
            EmitRequest(event=notice.event, behind=self._behind),
            start_to_close_timeout=policies.PUBLISH_TIMEOUT,
            retry_policy=policies.PUBLISH_RETRY,
            summary=f"emit {notice.event.type}",
        )
        if receipt.published:
            self._behind = [*self._behind, names.event_workflow_id(notice.event)][-EARLIER_NAMED:]
        self._unsent.remove(notice)
        notice.published = receipt.published

    def _patience(self) -> timedelta | None:
        """How long to wait for a word before the alarm is forgotten; None for one that is raised."""
        if self._alarm is None:
            return policies.FIRST_OBSERVATION
        if not self._alarm.cleared:
            return None
        since = workflow.now() - self._alarm.observed_at
        return max(policies.FORGET_CLEARED - since, timedelta(seconds=1))

    def _over(self) -> bool:
        alarm, age = self._alarm, workflow.now() - workflow.info().start_time
        if alarm is None:
            return age >= policies.FIRST_OBSERVATION
        return alarm.cleared and workflow.now() - alarm.observed_at >= policies.FORGET_CLEARED

    def _is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested() or self._updates >= policies.MAX_UPDATES_PER_RUN

    def _tell(self) -> None:
        alarm = self._alarm
        if alarm is None:
            return
        workflow.set_current_details(
            f"**{alarm.severity}** {alarm.brief_description}\n\n"
            f"{alarm.alarm_type} of {alarm.resource_type} {alarm.resource_id}"
        )
        workflow.upsert_search_attributes(
            [
                names.ALARM_SEVERITY.value_set(alarm.severity.value),
                names.ALARM_TYPE.value_set(alarm.alarm_type),
                names.ALARM_RESOURCE.value_set(alarm.resource_id),
            ]
        )
        workflow.upsert_memo({names.ALARM_MEMO: alarm_row(alarm)})


def alarm_row(alarm: Alarm) -> dict[str, object]:
    """What a list shows of an alarm."""
    left_out = {"detailed_description", "suggested_actions", "impacted_resources", "dashboard_link"}
    return alarm.model_dump(mode="json", exclude=left_out)
