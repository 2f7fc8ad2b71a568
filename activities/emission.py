"""The activity by which an incident's timeline entry becomes an event."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from domain.events import CloudEvent
from domain.tasks import EmitRequest, PublishReceipt

Publish = Callable[[CloudEvent, list[str]], Awaitable[PublishReceipt]]


class EmissionActivities:
    """Hands events to the pipeline.

    Args:
        publish: starts the event's workflow; says so when publishing is off in this process.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    @activity.defn(name="publish_event")
    async def publish_event(self, request: EmitRequest) -> PublishReceipt:
        """Emit an event. Idempotent: the event's source and id are the identity of its workflow."""
        return await self._publish(request.event, request.behind)
