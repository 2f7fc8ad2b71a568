"""Starts of event workflows: what Temporal has already is not started again."""

import asyncio
import uuid
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client, WorkflowExecution, WorkflowHandle
from temporalio.common import Priority, WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.tasks import EventInput
from service.accepted import when_accepted
from service.bursts import MAX_PER_WORKFLOW
from service.precedence import Precedence
from service.remembered import Acceptance, Doubts, Identity, Remembered, identity_of
from service.temporal import answered
from workflows import listed, names, policies
from workflows.details import event_summary
from workflows.event import EventWorkflow

Handle = WorkflowHandle[Any, Any]
Found = dict[Identity, Acceptance]


class Starts:
    """Starts workflows of one or many events, and finds out which events have one.

    Args:
        client: of this process.
        remembered: what this process has had accepted; what is found is added.
    """

    def __init__(self, client: Client, remembered: Remembered) -> None:
        self._client = client
        self._remembered = remembered
        self._doubts = Doubts()
        self._precedence = Precedence()

    def is_new(self, event: CloudEvent) -> bool:
        """Whether this process knows nothing of an event."""
        return not self._remembered.among([event]) and not self._doubts.among([event])

    async def known(self, events: Sequence[CloudEvent]) -> Found:
        """Those of the events that are accepted: by this process, by another a second ago, or in a start in doubt."""
        found = self._remembered.among(events)
        rest = [event for event in events if identity_of(event) not in found]
        parts = [rest[place : place + MAX_PER_WORKFLOW] for place in range(0, len(rest), MAX_PER_WORKFLOW)]
        for seen in await asyncio.gather(*map(self._visible, parts)):
            found |= seen
        for workflow_id, begun in self._doubts.among([event for event in rest if identity_of(event) in found]).items():
            self._precedence.note(begun, workflow_id)
        doubts = self._doubts.among([event for event in rest if identity_of(event) not in found])
        for held in await asyncio.gather(*(self._held(*doubt) for doubt in doubts.items())):
            found |= held
        return found

    async def start(self, events: Sequence[CloudEvent], workflow_id: str | None = None) -> Found:
        """Start workflows for events; gives those that turn out to have one.

        Those in doubt are started under the id of the start whose answer was lost. Whichever of both reaches Temporal
        second finds the other: then its workflow says what it has, and what it has not is started by itself.

        Args:
            events: none of them is known, and each is there once.
            workflow_id: for those that are not in doubt; a new one by default.
        """
        groups = self._doubts.among(events)
        doubted = {identity_of(event) for group in groups.values() for event in group}
        rest = [event for event in events if identity_of(event) not in doubted]
        if workflow_id is not None and rest:
            groups[workflow_id], rest = groups.get(workflow_id, []) + rest, []
        found: Found = {}
        for group_id, group in groups.items():
            if (held := await self._begin(group, group_id)) is not None:
                found |= held
                rest += [event for event in group if identity_of(event) not in held]
        if rest:
            await self._begin(rest, names.shared_workflow_id(uuid.uuid4().hex))
        return found

    def request(self, events: Sequence[CloudEvent], workflow_id: str) -> EventInput:
        """Asks for events to be delivered, after those of the same incidents and alarms that began here lately."""
        behind = self._precedence.behind(events, workflow_id)
        if len(events) == 1:
            return EventInput(events=list(events), behind=next(iter(behind.values()), []))
        return EventInput(events=list(events), each_behind=behind)

    @contextmanager
    def in_doubt(self, events: Sequence[CloudEvent], workflow_id: str) -> Iterator[None]:
        """Remember the workflow id of a start that fails, in whatever way: Temporal may have got it."""
        try:
            yield
        except EventConflictError:
            raise
        except BaseException:
            self._doubts.note(events, workflow_id)
            raise
        self._doubts.settle(workflow_id)

    async def begin(
        self,
        events: Sequence[CloudEvent],
        request: EventInput,
        workflow_id: str,
        priority: Priority = Priority.default,
        accepted_at: datetime | None = None,
    ) -> Handle | None:
        """Start a workflow; None when the id was used before. ``accepted_at`` where the events were before that."""
        async with answered(self._client):
            try:
                handle = await self._client.start_workflow(
                    EventWorkflow.run,
                    request,
                    id=workflow_id,
                    task_queue=names.EVENTS_QUEUE,
                    request_eager_start=True,
                    task_timeout=policies.EVENT_TASK_TIMEOUT,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    memo=listed.event_memo(events, accepted_at),
                    search_attributes=listed.event_attributes(events),
                    static_summary=event_summary(events),
                    priority=priority,
                )
            except WorkflowAlreadyStartedError:
                return None
        if request.resume is None and request.only is None:
            self._precedence.note(events, workflow_id)
        return handle

    async def go_on(self, event: CloudEvent, request: EventInput, run_id: str, accepted_at: datetime | None) -> None:
        """Start the workflow that goes on with an event of another one's run, unless it was started before."""
        workflow_id = names.continued_workflow_id(event, run_id)
        await self.begin([event], request, workflow_id, policies.REST_PRIORITY, accepted_at)

    async def _begin(self, events: Sequence[CloudEvent], workflow_id: str) -> Found | None:
        """Start a workflow; what the one that has the id already was started with, where there is one."""
        with self.in_doubt(events, workflow_id):
            if await self.begin(events, self.request(events, workflow_id), workflow_id) is None:
                return await self._held(workflow_id, events)
        now = datetime.now(UTC)  # what comes of other starts for the same publishers changes nothing for these
        self._remembered.add({identity_of(event): Acceptance(event.digest, now) for event in events})
        return None

    async def _visible(self, events: Sequence[CloudEvent]) -> Found:
        hashes = ", ".join(f"'{names.event_id_hash(event.id)}'" for event in events)
        # What failed or was terminated may be started again: docs/decisions/0004-a-refused-event-may-come-again.md.
        query = f"{names.EVENT_IDS.name} IN ({hashes}) AND ExecutionStatus IN ('Running', 'Completed')"
        found: Found = {}
        async with answered(self._client):
            async for run in self._client.list_workflows(query):
                found |= await _events_of(run)
        return found

    async def _held(self, workflow_id: str, events: Sequence[CloudEvent]) -> Found:
        """What a workflow has, started for these events. Unlike visibility, Temporal is never behind with that."""
        try:
            async with answered(self._client):
                found = await _events_of(await self._client.get_workflow_handle(workflow_id).describe())
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return {}
            raise
        self._remembered.add(found)
        self._doubts.settle(workflow_id)
        self._precedence.note(events, workflow_id)
        return found


async def _events_of(run: WorkflowExecution) -> Found:
    told, at = await run.memo_value(names.EVENTS_MEMO, []), await when_accepted(run)
    return {(event["source"], event["id"]): Acceptance(event["digest"], at) for event in told}
