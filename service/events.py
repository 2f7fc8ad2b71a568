"""The gateway to events: publish, find, explain, send again."""

import asyncio
import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from temporalio.client import WorkflowExecution, WorkflowExecutionStatus

from domain.errors import PublishingDisabledError, UnavailableError
from domain.event_errors import AmbiguousEventError, EventNotFoundError, EventOfOtherSourceError, IncidentIsNoEventError
from domain.events import CloudEvent
from domain.operational import check_publishable
from domain.pauses import Pause
from domain.receipts import PublishReceipt
from domain.tasks import EventInput
from domain.tracing import NO_CONTEXT
from service.connection import Connection
from service.event_list import EventFilter, EventPage, find_events, lacking
from service.event_rows import EventRow
from service.event_views import EventView
from service.history import EventSource
from service.progress import RunView, read_run, without_gone_on
from service.publisher import Accepted, Publisher
from service.resends import Resent, check_wanted, remarks
from service.retention import missing_event
from service.subscriber_views import SubscriberView
from service.subscribers import SubscriberGateway
from service.temporal import answered
from service.updates import in_doubt
from workflows import names

# started, task scheduled, task started, task completed: a longer history means that its worker went on with it.
CONFIRM_AFTER = 4

_INCIDENT = re.compile(r"INC-[1-9][0-9]*", re.IGNORECASE)


@dataclass(frozen=True)
class _Carrier:
    """A workflow that carries an event, and its place there."""

    run: WorkflowExecution
    place: int


class EventGateway:
    """Everything that can be done with events. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, publisher: Publisher, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._publisher = publisher
        self._subscribers = subscribers
        self._source = EventSource(connection.client)

    def pressed(self) -> bool:
        """Whether a burst is being accepted by this process."""
        return self._publisher.pressed

    def tell_accepted(self, accepted: Accepted) -> None:
        """Have a function called with each event whose first requests may begin early, and its workflow's run id."""
        self._publisher.tell_accepted(accepted)

    async def publish(
        self, event: CloudEvent, caller: Mapping[str, str] = NO_CONTEXT, *, alone: bool = False
    ) -> PublishReceipt:
        """Accept an event in this process, by its own setting; ``alone`` makes it share no workflow."""
        return await self._publisher.publish(check_publishable(event), caller, alone=alone)

    async def publish_batch(
        self, events: Sequence[CloudEvent], caller: Mapping[str, str] = NO_CONTEXT
    ) -> list[PublishReceipt]:
        """Accept a batch in this process, by its own setting."""
        return await self._publisher.publish_batch([check_publishable(event) for event in events], caller)

    async def emit(self, event: CloudEvent, only: str | None = None) -> PublishReceipt:
        """Hand an event to whichever worker is there, and ask it whether publishing is on.

        Args:
            event: what is emitted.
            only: the one subscriber that it is for; None for all that want it.

        Raises:
            PublishingDisabledError: it is off there; nothing was emitted, and the event may be emitted again.
        """
        with self._publisher.spans.publishing(event, NO_CONTEXT) as traced:
            return await self._start_asking(traced, names.event_workflow_id(event), only)

    async def _start_asking(self, event: CloudEvent, workflow_id: str, only: str | None = None) -> PublishReceipt:
        """Start an event's workflow and wait until its worker has said that publishing is on."""
        await self._connection.require_worker(names.EVENTS_QUEUE)
        request = EventInput(events=[event], only=[only] if only else None, ask_publishing=True)
        receipt = await self._publisher.start(event, request, workflow_id)
        handle = self._connection.client.get_workflow_handle(workflow_id)
        async with in_doubt(), answered(self._connection.client, names.EVENTS_QUEUE):
            while True:
                described = await handle.describe()
                if described.status is WorkflowExecutionStatus.FAILED:
                    raise PublishingDisabledError
                if described.status is not WorkflowExecutionStatus.RUNNING or described.history_length > CONFIRM_AFTER:
                    return receipt
                await asyncio.sleep(0.05)

    async def find(self, wanted: EventFilter) -> EventPage:
        """Events, the latest first, from Temporal's visibility store (a second behind at most)."""
        return await find_events(self._connection.client, wanted)

    async def lacking(self, wanted: EventFilter) -> list[EventRow] | None:
        """What `find` may lack of the subscriber that is wanted, told to more than can be named; None: too many."""
        return await lacking(self._connection.client, wanted)

    async def get(self, event_id: str, source: str | None = None) -> EventView:
        """An event with every delivery and every known attempt.

        Args:
            event_id: its id.
            source: its source, where events of several sources have that id.

        Raises:
            AmbiguousEventError: no source was given, and there are several.
            EventNotFoundError: there is none of that id, or of that id and source.
        """
        carriers = await self._carriers(event_id, source)
        event = await self._event(carriers[0])
        runs = without_gone_on(await asyncio.gather(*map(self._read, carriers)))
        return EventView(event=event, runs=runs, paused=await self._paused(runs))

    async def _paused(self, runs: Sequence[RunView]) -> dict[str, Pause]:
        due = {delivery.subscriber for run in runs for delivery in run.deliveries if delivery.next_retry_at}
        if not due:
            return {}
        try:
            known = (await self._subscribers.snapshot(None)).subscribers or {}
        except UnavailableError:  # nobody to ask: what is known of the event is told all the same
            return {}
        return {name: pause for name in sorted(due) if name in known and (pause := known[name].paused)}

    async def _read(self, carrier: _Carrier) -> RunView:
        view = await read_run(self._connection.client, carrier.run.id, carrier.place)
        return view.model_copy(update={"only": (await self._input(carrier)).only})

    async def resend(self, event_id: str, subscriber: str | None = None, *, source: str | None = None) -> Resent:
        """Deliver a known event afresh, under the same id, to all that want it now or to one of them.

        Raises:
            AmbiguousEventError: no source was given, and events of several have that id.
            PublishingDisabledError: publishing is off in the worker's process.
        """
        before = await self.get(event_id, source)
        known = await self._resent_to(subscriber, before.event)  # all that can fail before what is not to be repeated
        workflow_id = names.resend_workflow_id(before.event, secrets.token_hex(4))
        receipt = await self._start_asking(before.event, workflow_id, subscriber)
        warnings = list(remarks(before, known, subscriber))
        return Resent(**receipt.model_dump(), workflow_id=workflow_id, warnings=warnings)

    async def _resent_to(self, subscriber: str | None, event: CloudEvent) -> list[SubscriberView]:
        """Those whom a resend may go to."""
        if subscriber is None:
            return await self._subscribers.all()
        found = await self._subscribers.get(subscriber)
        check_wanted(found, event)
        return [found]

    async def _carriers(self, event_id: str, source: str | None) -> list[_Carrier]:
        """The workflows that carry an event, oldest first."""
        query = f"WorkflowType = 'EventWorkflow' AND {names.EVENT_IDS.name} = '{names.event_id_hash(event_id)}'"
        async with answered(self._connection.client):
            runs = [run async for run in self._connection.client.list_workflows(query)]
        found: dict[tuple[str, str], _Carrier] = {}
        others = set()
        for run in sorted(runs, key=lambda run: run.start_time):
            for place, event in enumerate(await run.memo_value(names.EVENTS_MEMO, [])):
                if event["id"] == event_id and source in {None, event["source"]}:
                    found[run.id, event["source"]] = _Carrier(run, place)  # of several runs the last one
                elif event["id"] == event_id:
                    others.add(event["source"])
        if not found:
            raise await self._missing(event_id, source, others)
        sources = sorted({source for _, source in found})
        if len(sources) > 1:
            raise AmbiguousEventError(event_id=event_id, sources=", ".join(sources))
        return list(found.values())

    async def _missing(self, event_id: str, source: str | None, others: set[str]) -> EventNotFoundError:
        if others:
            return EventOfOtherSourceError(event_id=event_id, source=source, sources=", ".join(sorted(others)))
        if _INCIDENT.fullmatch(event_id):
            return IncidentIsNoEventError(event_id=event_id)
        return await missing_event(self._connection.client, event_id)

    async def _event(self, carrier: _Carrier) -> CloudEvent:
        return (await self._input(carrier)).events[carrier.place]

    async def _input(self, carrier: _Carrier) -> EventInput:
        async with answered(self._connection.client):
            return await self._source.load_input(carrier.run.id, carrier.run.run_id)
