"""The gateway to explanations: why a subscriber was or was not told of an event."""

import re
from datetime import UTC, datetime

from domain.directory import Snapshot
from domain.errors import ImError
from domain.events import CloudEvent
from domain.explanations import Carrier, Explanation, Story
from domain.operational import told_of
from domain.outcomes import DeliveryState
from domain.why import explain
from service.connection import Connection
from service.event_views import EventView
from service.events import EventGateway
from service.progress import RunView
from service.subscribers import SubscriberGateway
from service.temporal import answered
from workflows import names
from workflows.lane import LaneWorkflow

_AHEAD = 10  # events named, of those that are before it in a lane
_EVENT_ID = re.compile(r"event/(.+)@[0-9a-f]{8}(?:/(?:resend|rest)-[0-9a-f]+)?", re.DOTALL)


class WhyGateway:
    """Explains. Raises the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, events: EventGateway, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._events = events
        self._subscribers = subscribers

    async def explain(self, event_id: str, subscriber: str, source: str | None = None) -> Explanation:
        """Why a subscriber was or was not told of an event, what was tried, and what comes next.

        Args:
            event_id: the event's id.
            subscriber: a name, of a subscriber that is there, was removed, or never was.
            source: the event's source, where events of several sources have that id.

        Raises:
            EventNotFoundError: no event has that id, or it is no longer retained.
            AmbiguousEventError: no source was given, and there are several.
        """
        view = await self._events.get(event_id, source)
        directory = await self._directory()
        carriers = [_carrier(run, subscriber) for run in view.runs]
        known = (directory.subscribers or {}) if directory else {}
        story = Story(
            now=datetime.now(UTC),
            event_id=view.event.id,
            source=view.event.source,
            by_source=source is not None,
            type=view.event.type,
            severity=view.event.severity,
            carriers=carriers,
            name=subscriber,
            subscriber=known.get(subscriber),
            directory_known=directory is not None,
            names=sorted(known),
            about=told_of(view.event),
            ahead=await self._ahead(view, carriers, subscriber),
        )
        return explain(story)

    async def _directory(self) -> Snapshot | None:
        try:
            return await self._subscribers.snapshot(None)
        except ImError:  # no worker: what is known of the event is still told
            return None

    async def _ahead(self, view: EventView, carriers: list[Carrier], subscriber: str) -> list[str]:
        """The events before it in the subscriber's lane, if it waits there."""
        waits = {DeliveryState.PENDING, DeliveryState.WAITING}
        waiting = [each for each in carriers if each.delivery and each.delivery.state in waits]
        if not waiting or not view.event.ordering_key:
            return []
        return await self._line_before(view.event, waiting[-1].workflow_id, subscriber)

    async def _line_before(self, event: CloudEvent, workflow_id: str, subscriber: str) -> list[str]:
        lane = names.lane_workflow_id(subscriber, event.ordering_key or "")
        handle = self._connection.client.get_workflow_handle_for(LaneWorkflow.run, lane)
        try:
            async with answered(self._connection.client, names.CONTROL_QUEUE):
                line = await handle.query(LaneWorkflow.line)
        except Exception:  # noqa: BLE001 - there is no such lane, or nobody who could say
            return []
        place = next((at for at, ticket in enumerate(line) if ticket.workflow_id == workflow_id), None)
        if place is None:  # it has yet to line up, and of those in line nobody can say which are before it
            return []
        behind = set(line[place].behind)
        before = [each for at, each in enumerate(line) if at < place or each.workflow_id in behind]
        found = (_EVENT_ID.fullmatch(ticket.workflow_id) for ticket in before)
        return [match[1] for match in found if match and match[1] != event.id][:_AHEAD]


def _carrier(run: RunView, subscriber: str) -> Carrier:
    mine = next((each for each in run.deliveries if each.subscriber == subscriber), None)
    others = [each.subscriber for each in run.deliveries if each.subscriber != subscriber]
    return Carrier(
        workflow_id=run.workflow_id,
        kind=run.kind,
        outcome=run.outcome,
        accepted_at=run.accepted_at,
        started_at=run.started_at,
        ended_at=run.ended_at,
        only=run.only,
        complete=run.complete,
        delivery=mine,
        others=others,
    )
