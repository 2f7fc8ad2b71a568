"""The activity by which what the platform itself has to tell becomes an event."""

from collections.abc import Awaitable, Callable

from temporalio import activity

from activities.logger import Logger
from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from domain.tasks import EmitRequest

Publish = Callable[[CloudEvent, list[str]], Awaitable[PublishReceipt]]

_log = Logger("emission")


class EmissionActivities:
    """Hands events to the pipeline.

    Args:
        publish: starts the event's workflow; says so when publishing is off in this process, and when the platform has
            emitted it before. Raises `EventConflictError` when somebody else has.
    """

    def __init__(self, publish: Publish) -> None:
        self._publish = publish

    @activity.defn(name="publish_event")
    async def publish_event(self, request: EmitRequest) -> PublishReceipt:
        """Emit an event. Idempotent: the event's source and id are the identity of its workflow.

        A worker that is killed between the start of that workflow and its own report has its task done again, at
        another time, which the event then states. What was emitted first is what was told; the id says that it was.

        An event of somebody else's under that source and id cannot be undone, and the receipt says so. Ids are made
        by chance (`service.event_ids`), so it takes one who knew it beforehand.
        """
        event = request.event
        try:
            return await self._publish(event, request.behind)
        except EventConflictError:
            _log.error(
                "this event is not emitted: a publisher has published another one under its id",
                event_id=event.id,
                source=event.source,
                fix="see both: im event show; who may publish: im token list",
            )
            return PublishReceipt(event_id=event.id, published=False)
