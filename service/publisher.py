"""Publishing: an event is accepted once Temporal has its workflow."""

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from temporalio.client import Client

from activities.background import retrieved
from activities.tracing import NO_SPANS, Spans
from domain.errors import ImError, PublishingDisabledError
from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from domain.tasks import EventInput
from domain.tracing import NO_CONTEXT
from service.bursts import MAX_PER_WORKFLOW, Bursts, Busy, Outcome, fitting, never_busy
from service.history import EventSource
from service.remembered import Acceptance, Remembered, identity_of, repeated
from service.starts import Found, Handle, Starts
from service.temporal import answered
from service.turns import Turns
from workflows import names

Accepted = Callable[[CloudEvent, str], Coroutine[Any, Any, None]]


class Publisher:
    """Starts event workflows, eagerly when this process also works on them.

    Args:
        client: must be the client of this process's worker for the start to be eager.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
        per_workflow: IM_EVENTS_PER_WORKFLOW.
        busy: whether the worker of this process has all that it can do.
        spans: of what is accepted.
    """

    def __init__(
        self,
        client: Client,
        *,
        publishing: bool,
        per_workflow: int = MAX_PER_WORKFLOW,
        busy: Busy = never_busy,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._client = client
        self.spans = spans
        self._publishing = publishing
        self._one_batch = asyncio.Lock()
        self._turns = Turns()
        self._accepted: Accepted | None = None
        self._begun: set[asyncio.Task[None]] = set()
        self._remembered = Remembered()
        self._starts = Starts(client, self._remembered)
        self._bursts = Bursts(self._start_together, per_workflow, busy, self._remembered)

    @property
    def pressed(self) -> bool:
        """A burst is being accepted by this process."""
        return self._bursts.pressed

    def tell_accepted(self, accepted: Accepted) -> None:
        """Have a function called with each event, and its run id, whose workflow's first task is with this process."""
        self._accepted = accepted

    async def publish(
        self, event: CloudEvent, caller: Mapping[str, str] = NO_CONTEXT, *, alone: bool = False
    ) -> PublishReceipt:
        """Accept an event. The same source and id again are accepted once, as long as the namespace retains it.

        Args:
            event: what is published.
            caller: the trace context of whoever publishes it.
            alone: never share a start, so that "once" holds across processes without exception.

        Raises:
            PublishingDisabledError: publishing is off in this process.
            EventConflictError: accepted before with other content.
            UnavailableError: too many wait; nothing was taken.
            TemporalUnavailableError: not accepted, as far as is known; the same again is safe.
        """
        self._require_publishing()
        with self.spans.publishing(event, caller) as traced:
            if alone:
                async with self._turns.of(names.event_workflow_id(traced)), self._bursts.kept_out([traced]):
                    await self._bursts.until_quiet()
                    (receipt,) = _receipts(await self._start_together([traced]))
                    self._remembered.add({identity_of(traced): Acceptance(traced.digest, receipt.accepted_at)})
                    return receipt
            return await self._bursts.accept(traced)

    async def publish_batch(
        self, events: Sequence[CloudEvent], caller: Mapping[str, str] = NO_CONTEXT
    ) -> list[PublishReceipt]:
        """Accept events together, up to 100 a workflow; those that were accepted before are not again.

        Raises:
            PublishingDisabledError: publishing is off in this process.
            EventConflictError: one was accepted before with other content, or is there twice; nothing was accepted.
            OverloadedError: the worker stayed busy; the same batch again is safe.
            TemporalUnavailableError: not all were accepted; the same batch again is safe.
        """
        self._require_publishing()
        with ExitStack() as spans:
            return await self._publish_all([spans.enter_context(self.spans.publishing(e, caller)) for e in events])

    async def _publish_all(self, events: list[CloudEvent]) -> list[PublishReceipt]:
        outcomes: list[Outcome] = []
        async with self._one_batch, self._bursts.kept_out(events):
            await self._bursts.until_quiet()
            known = await self._starts.known(events)
            _check_content(events, known)
            while rest := events[len(outcomes) :]:
                outcomes += await self._start_chunk(rest[: fitting(rest[:MAX_PER_WORKFLOW])], known)
        return _receipts(outcomes)

    async def _start_chunk(self, chunk: list[CloudEvent], known: Found) -> list[Outcome]:
        """Start what is not known under an id that all of the chunk says: the same batch again meets it."""
        if fresh := {identity_of(event): event for event in chunk if identity_of(event) not in known}:
            await self._bursts.until_quiet()
            known |= await self._starts.start(list(fresh.values()), names.batch_workflow_id(chunk))
        outcomes = []
        for event in chunk:
            outcomes.append(_outcome(event, known.get(identity_of(event))))
            known.setdefault(identity_of(event), Acceptance(event.digest, datetime.now(UTC)))
        self._remembered.add({identity: known[identity] for identity in map(identity_of, chunk)})
        return outcomes

    async def emit(self, event: CloudEvent, behind: Sequence[str] = ()) -> PublishReceipt:
        """`publish`, for the platform's own: with publishing off, the receipt says that nothing was emitted.

        Args:
            event: what is published, in a workflow of its own.
            behind: the workflows of the events before it, of the same incident or alarm.

        Raises:
            EventConflictError: a publisher has published something else under its source and id.
        """
        if not self._publishing:
            return PublishReceipt(event_id=event.id, published=False)
        with self.spans.publishing(event, NO_CONTEXT) as traced:
            request = EventInput(events=[traced], behind=list(behind), by_platform=True)
            try:
                return await self.start(traced, request)
            except EventConflictError:
                if not await self._is_of_platform(names.event_workflow_id(traced)):
                    raise
                return _receipt(traced, duplicate=True)

    async def _is_of_platform(self, workflow_id: str) -> bool:
        async with answered(self._client):
            return (await EventSource(self._client).load_input(workflow_id, run_id="")).by_platform

    async def start(
        self, event: CloudEvent, request: EventInput, workflow_id: str | None = None, *, early: bool = False
    ) -> PublishReceipt:
        """Start the workflow of one event. One that was refused or terminated may be started again.

        Args:
            event: what it delivers.
            request: how.
            workflow_id: the event's own by default.
            early: its first requests may begin before the workflow asks for them.
        """
        if handle := await self._starts.begin([event], request, workflow_id or names.event_workflow_id(event)):
            if early:
                self._tell(event, handle)
            return _receipt(event)
        async with answered(self._client):
            described = await self._client.get_workflow_handle(names.event_workflow_id(event)).describe()
            known = await described.memo_value(names.EVENTS_MEMO, [])
        return repeated(event, Acceptance(known[0]["digest"] if known else "", described.start_time))

    async def begin(self, event: CloudEvent, request: EventInput, workflow_id: str) -> bool:
        """Start a further delivery of an event under an id; False when that id was used before."""
        return await self._starts.begin([event], request, workflow_id) is not None

    def _require_publishing(self) -> None:
        if not self._publishing:
            raise PublishingDisabledError

    async def _start_together(self, events: Sequence[CloudEvent]) -> list[Outcome]:
        """Start one workflow for all of the events that no workflow has yet."""
        if len(events) == 1 and self._starts.is_new(events[0]):
            workflow_id = names.event_workflow_id(events[0])
            with self._starts.in_doubt(events, workflow_id):
                return [await self.start(events[0], self._starts.request(events, workflow_id), early=True)]
        known = await self._starts.known(events)
        if fresh := [event for event in events if identity_of(event) not in known]:
            known |= await self._starts.start(fresh)
        return [_outcome(event, known.get(identity_of(event))) for event in events]

    def _tell(self, event: CloudEvent, handle: Handle) -> None:
        if self._accepted is None or not is_with_us(handle) or handle.first_execution_run_id is None:
            return
        task = asyncio.create_task(self._accepted(event, handle.first_execution_run_id))
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)
        task.add_done_callback(retrieved)  # where it fails, nothing was begun early: the workflow's own task begins it


def is_with_us(handle: Handle) -> bool:
    """Whether Temporal gave the workflow's first task to this process.

    The SDK has no public way to say, so a test pins this one. Where it does not say, nothing is begun early.
    """
    return bool(getattr(handle, "__temporal_eagerly_started", False))


def _receipt(event: CloudEvent, *, duplicate: bool = False) -> PublishReceipt:
    return PublishReceipt(event_id=event.id, published=True, duplicate=duplicate, accepted_at=datetime.now(UTC))


def _outcome(event: CloudEvent, known: Acceptance | None) -> Outcome:
    if known is None:
        return _receipt(event)
    try:
        return repeated(event, known)
    except EventConflictError as conflict:
        return conflict


def _receipts(outcomes: Sequence[Outcome]) -> list[PublishReceipt]:
    receipts = [outcome for outcome in outcomes if isinstance(outcome, PublishReceipt)]
    for outcome in outcomes:
        if isinstance(outcome, ImError):
            raise outcome
    return receipts


def _check_content(events: Sequence[CloudEvent], known: Found) -> None:
    told = dict(known)
    for event in events:
        repeated(event, told.setdefault(identity_of(event), Acceptance(event.digest)))
