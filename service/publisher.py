"""Publishing: an event is accepted once Temporal has its workflow."""

import hashlib
import json
from datetime import UTC, datetime

from temporalio.client import Client
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError

from domain.errors import EventConflictError, PublishingDisabledError
from domain.events import CloudEvent
from domain.tasks import EventInput, PublishReceipt
from service.temporal import answered
from workflows import names, policies
from workflows.details import event_summary
from workflows.event import EventWorkflow


class Publisher:
    """Starts event workflows, eagerly when this process also works on them.

    Args:
        client: must be the client of this process's worker for the start to be eager.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
    """

    def __init__(self, client: Client, *, publishing: bool) -> None:
        self._client = client
        self._publishing = publishing

    async def publish(self, event: CloudEvent) -> PublishReceipt:
        """Accept an event. The same source and id again are accepted once, as long as the namespace retains it.

        Raises:
            PublishingDisabledError: publishing is off in this process.
            EventConflictError: accepted before with other content.
            TemporalUnavailableError: not accepted.
        """
        if not self._publishing:
            raise PublishingDisabledError
        return await self.start(event, EventInput(events=[event]))

    async def emit(self, event: CloudEvent) -> PublishReceipt:
        """`publish`, for incidents: with publishing off, the receipt says that nothing was emitted."""
        if not self._publishing:
            return PublishReceipt(event_id=event.id, published=False)
        return await self.publish(event)

    async def start(self, event: CloudEvent, request: EventInput, workflow_id: str | None = None) -> PublishReceipt:
        """Start the workflow of an event. One that was refused or terminated may be started again."""
        digest = content_digest(event)
        async with answered(self._client):
            try:
                await self._client.start_workflow(
                    EventWorkflow.run,
                    request,
                    id=workflow_id or names.event_workflow_id(event),
                    task_queue=names.EVENTS_QUEUE,
                    request_eager_start=True,
                    task_timeout=policies.EVENT_TASK_TIMEOUT,
                    id_reuse_policy=WorkflowIDReusePolicy.ALLOW_DUPLICATE_FAILED_ONLY,
                    memo={names.EVENT_MEMO: {"id": event.id, "source": event.source, "digest": digest}},
                    search_attributes=names.event_attributes([event]),
                    static_summary=event_summary([event]),
                )
            except WorkflowAlreadyStartedError:
                return await self._known(event, digest)
        return PublishReceipt(event_id=event.id, published=True, accepted_at=datetime.now(UTC))

    async def _known(self, event: CloudEvent, digest: str) -> PublishReceipt:
        described = await self._client.get_workflow_handle(names.event_workflow_id(event)).describe()
        memo = await described.memo_value(names.EVENT_MEMO, {})
        if memo.get("digest") != digest:
            raise EventConflictError(event_id=event.id, source=event.source)
        return PublishReceipt(event_id=event.id, published=True, duplicate=True, accepted_at=described.start_time)


def content_digest(event: CloudEvent) -> str:
    """SHA-256 of what an event says, whatever the order of its members."""
    return hashlib.sha256(json.dumps(event.to_dict(), sort_keys=True).encode()).hexdigest()
