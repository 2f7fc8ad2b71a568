"""The activity by which an incident's timeline entry becomes an event."""

from collections.abc import Awaitable, Callable

import structlog
from temporalio import activity

from domain.errors import EventConflictError
from domain.events import CloudEvent
from domain.tasks import EmitRequest, PublishReceipt

Publish = Callable[[CloudEvent, list[str]], Awaitable[PublishReceipt]]

_log = structlog.get_logger("emission")


class EmissionActivities:
    """Hands events to the pipeline.

    Args:
        publish: starts the event's workflow; says so when publishing is off in this process.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    @activity.defn(name="publish_event")
    async def publish_event(self, request: EmitRequest) -> PublishReceipt:
        """Emit an event. Idempotent: the event's source and id are the identity of its workflow.

        A worker that is killed between the start of that workflow and its own report has its task done again, at
        another time, which the event then states. What was emitted first is what was told; the id says that it was.
        """
        try:
            return await self._publish(request.event, request.behind)
        except EventConflictError:
            _log.info("the event was emitted before this task was repeated", event_id=request.event.id)
            return PublishReceipt(event_id=request.event.id, published=True, duplicate=True)
