"""ZeebeClusterWorkflow: what one Zeebe cluster's records mean; declares and resolves incidents for them."""

import asyncio
from collections import deque
from datetime import timedelta

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from activities.incidents import IncidentActivities
    from domain.incident_tasks import DeclareRequest, ObserveRequest, ResolveRequest
    from domain.incidents import Declaration
    from domain.zeebe_cluster import ClusterActivity, ClusterState, Group, RecordsBatch, activity_of
    from workflows import policies

AT_ONCE = 10  # declarations under way; the pages of a burst then leave at some 100 a second
# A growing count is news for whoever looks, not for whoever was paged; so it is told in these intervals.
TELL_EVERY = timedelta(seconds=10)


@workflow.defn(name="ZeebeClusterWorkflow")
class ZeebeClusterWorkflow:
    """Takes records in signals, which are durable once answered; the main loop declares and resolves.

    Each group has one task at a time, so its declaration is made before it is resolved.
    """

    @workflow.init
    def __init__(self, state: ClusterState) -> None:
        self._state = state
        self._queue = deque([*state.closing, *(group for group in state.groups.values() if _due(group))])
        self._stale = [group for group in state.groups.values() if group.told != group.total]
        self._running: list[Group] = []

    @workflow.run
    async def run(self, _state: ClusterState) -> None:
        """Serve until the history is long, then go on in a new run."""
        telling = asyncio.create_task(self._keep_told())
        while True:
            await workflow.wait_condition(lambda: self._may_begin() or self._may_end())
            if self._may_end():
                break
            group = self._queue.popleft()
            if not _holds(self._running, group):
                self._running.append(group)
                asyncio.create_task(self._settle(group))  # noqa: RUF006 - kept by the workflow's loop until it ends
        telling.cancel()
        workflow.continue_as_new(self._state)

    @workflow.signal(name="records")
    def records(self, batch: RecordsBatch) -> None:
        """Take note of records, in order."""
        for record in batch.records:
            for group in self._state.take(record, batch.settings):
                if _due(group):
                    self._queue.append(group)
                self._note(group)
        self._tell()

    @workflow.query(name="activity")
    def activity(self) -> ClusterActivity:
        """What came of the records so far."""
        return activity_of(self._state)

    async def _settle(self, group: Group) -> None:
        """Bring our incident to where the group stands; the group may change meanwhile."""
        while _due(group):
            if group.incident_id is None and group.declaration is not None:
                await self._declare(group, group.declaration)
            else:
                await self._resolve(group)
        self._running = [other for other in self._running if other is not group]
        self._tell()

    async def _declare(self, group: Group, declaration: Declaration) -> None:
        count = group.total
        details = (declaration.details or {}) | {"count": count}
        declared = await workflow.execute_activity_method(
            IncidentActivities.declare_incident,
            DeclareRequest(key=group.key, declaration=declaration.model_copy(update={"details": details})),
            start_to_close_timeout=policies.INCIDENT_TIMEOUT,
            retry_policy=policies.INCIDENT_RETRY,
            summary=declaration.title[:100],
        )
        self._state.declared(group, declared.incident_id, count)
        self._note(group)

    async def _resolve(self, group: Group) -> None:
        some = f"all {group.total} Zeebe incidents of it were" if group.total > 1 else "its Zeebe incident was"
        await workflow.execute_activity_method(
            IncidentActivities.resolve_incident,
            ResolveRequest(
                incident_id=group.incident_id or "",
                actor=f"zeebe/{self._state.cluster}",
                note=f"{some} resolved",
                details={"count": group.total},
            ),
            start_to_close_timeout=policies.INCIDENT_TIMEOUT,
            retry_policy=policies.INCIDENT_RETRY,
            summary=f"resolve {group.incident_id}",
        )
        self._state.closed(group)

    async def _keep_told(self) -> None:
        """Tell our incidents how many Zeebe incidents they stand for by now."""
        while True:
            await workflow.wait_condition(lambda: bool(self._stale))
            await workflow.sleep(TELL_EVERY)
            stale, self._stale = self._stale, []
            for group in stale:
                if group.incident_id and not group.over and group.told != group.total:
                    await self._observe(group)

    async def _observe(self, group: Group) -> None:
        count = group.total
        standing = await workflow.execute_activity_method(
            IncidentActivities.observe_incident,
            ObserveRequest(incident_id=group.incident_id or "", details={"count": count}),
            start_to_close_timeout=policies.INCIDENT_TIMEOUT,
            retry_policy=policies.INCIDENT_RETRY,
            summary=f"{group.incident_id}: {count} by now",
        )
        group.told = count
        if not standing.over and group.total == count:
            self._state.plan(group, None)
        if standing.over and not group.over:  # somebody resolved it, and it happened again since
            group.incident_id = None
            self._queue.append(group)

    def _note(self, group: Group) -> None:
        """Have the incident's count told some time, if it has one and the count grew."""
        if group.incident_id and group.told != group.total and not _holds(self._stale, group):
            self._stale.append(group)

    def _may_begin(self) -> bool:
        return bool(self._queue) and len(self._running) < AT_ONCE and not self._is_long()

    def _may_end(self) -> bool:
        return self._is_long() and not self._running

    def _is_long(self) -> bool:
        return workflow.info().is_continue_as_new_suggested()

    def _tell(self) -> None:
        seen = activity_of(self._state)
        workflow.set_current_details(
            f"**{seen.open}** Zeebe incidents open in {seen.groups_open} incidents of ours: "
            f"{', '.join(seen.incidents) or 'none'}\n\n"
            f"raised {seen.raised}, resolved {seen.resolved}, repeats {seen.repeated}, too old {seen.too_old}; "
            f"last record {seen.last_record_at or 'none yet'}"
        )


def _due(group: Group) -> bool:
    """Whether our incident is not yet where the group stands."""
    if group.incident_id is None:
        return group.declaration is not None
    return group.over


def _holds(groups: list[Group], group: Group) -> bool:
    return any(other is group for other in groups)
