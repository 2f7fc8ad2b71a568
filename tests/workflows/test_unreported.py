"""Requests of the retry queue of whose report Temporal does not hear in time: they are joined, not made again."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import timedelta
from functools import wraps

import pytest
from temporalio import activity
from temporalio.exceptions import ApplicationError
from temporalio.testing import WorkflowEnvironment

from activities import deliveries, exchange, reporting
from activities.deliveries import DeliveryActivities
from activities.exchange import Request
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.outcomes import Attempt, Delivery
from domain.pauses import Pause
from domain.subscribers import Subscriber
from domain.tasks import UNMADE, DeliverRequest, EventInput, EventProgress
from tests.support.alert_receivers import TWILIO_URL, AlertReceivers
from tests.support.builders import NOW, make_event, make_keyring, make_subscriber, make_target
from tests.support.sink import Answer, Held, Sink, SlowAnswer
from tests.workflows.conftest import Pipeline, delivering
from workflows import policies
from workflows.event import EventWorkflow

SILENCE = timedelta(seconds=1.5)  # below the two seconds between heartbeats

deliver = DeliveryActivities.deliver


class Deaf:
    """A Temporal that does not hear what the attempt that made the last request has to say, and takes it for dead.

    Attributes:
        number: of that request.
        meanwhile: called once Temporal has not heard.
    """

    def __init__(self, patch: pytest.MonkeyPatch, number: int) -> None:
        self.number = number
        self.meanwhile: Callable[[], None] = lambda: None
        patch.setattr(policies, "DELIVER_HEARTBEAT", SILENCE)
        deaf = self

        @wraps(deliver)
        async def deafened(self: DeliveryActivities, request: DeliverRequest) -> Delivery:
            return await deaf._deafened(self, request)

        patch.setattr(DeliveryActivities, "deliver", deafened)

    async def _deafened(self, activities: DeliveryActivities, request: DeliverRequest) -> Delivery:
        try:
            delivery = await deliver(activities, request)
            self._lose(delivery)
        except ApplicationError as error:
            self._lose(Delivery.model_validate(error.details[0]))
            raise
        return delivery

    def _lose(self, delivery: Delivery) -> None:
        if delivery.last and delivery.last.number == self.number:
            self.number = 0
            self.meanwhile()
            activity.raise_complete_async()


async def run(environment: WorkflowEnvironment, pipeline: Pipeline, sender: Sender | None = None) -> EventProgress:
    """Deliver an event; gives what became of it."""
    async with delivering(environment.client, pipeline, sandboxed=False, sender=sender) as queue:
        handle = await environment.client.start_workflow(
            EventWorkflow.run,
            EventInput(events=[make_event(extensions={})]),
            id=f"event/{uuid.uuid4()}",
            task_queue=queue,
        )
        await handle.result()
        return (await handle.query(EventWorkflow.deliveries))[0]


def tried(progress: EventProgress) -> list[tuple[int, int | None]]:
    return [(attempt.number, attempt.status) for attempt in progress.deliveries[0].attempts]


@pytest.mark.parametrize("status", [200, 400])
async def test_what_was_answered_is_not_sent_again(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    deaf = Deaf(monkeypatch, 2)
    async with Sink() as sink:
        sink.script(Answer(503), Answer(status))
        progress = await run(skipping, Pipeline([make_subscriber(sink.url())]))
    assert tried(progress) == [(1, 503), (2, status)]
    assert len(sink.received) == 2
    assert deaf.number == 0, "the report was lost"


PAUSED = make_subscriber(paused=Pause(at=NOW, reason="migration"))


@pytest.mark.parametrize("meanwhile", [[PAUSED], []], ids=["paused", "removed"])
async def test_what_was_answered_before_a_pause_or_the_end_is_delivered(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, meanwhile: list[Subscriber]
) -> None:
    deaf = Deaf(monkeypatch, 2)
    async with Sink() as sink:
        sink.script(Answer(503), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url())])
        deaf.meanwhile = lambda: setattr(pipeline, "subscribers", meanwhile)
        progress = await run(skipping, pipeline)
    assert progress.outcome == "delivered"
    assert len(sink.received) == 2


@pytest.mark.parametrize("late", [200, 503])
async def test_a_request_under_way_is_joined_and_costs_no_other(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, late: int
) -> None:
    held = Held(Answer(late))
    async with Sink() as sink:
        sink.script(Answer(503), held, Answer(503))
        _let_go_once_joined(monkeypatch, held.let_go)
        progress = await run(skipping, Pipeline([make_subscriber(sink.url())]))
    made = [(1, 503), (2, 200)] if late == 200 else [(number, 503) for number in range(1, 6)]
    assert tried(progress) == made
    assert len(sink.received) == len(made)


def _let_go_once_joined(patch: pytest.MonkeyPatch, let_go: asyncio.Event) -> None:
    """Answer a request when a second attempt of Temporal's has come for it, as it hears of none."""
    patch.setattr(policies, "DELIVER_HEARTBEAT", SILENCE)
    in_hand = reporting.in_hand

    async def joined(flight: asyncio.Task[Delivery] | None, known: list[Attempt]) -> Delivery | None:
        if flight:
            let_go.set()
        return await in_hand(flight, known)

    patch.setattr(deliveries, "in_hand", joined)


async def test_a_first_request_that_was_joined_is_not_made_again_either(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Deaf(monkeypatch, 1)
    monkeypatch.setattr(policies, "INLINE_TIMEOUT", timedelta(milliseconds=50))
    async with Sink() as sink:
        sink.script(SlowAnswer(0.5))
        progress = await run(skipping, Pipeline([make_subscriber(sink.url())]))
    assert tried(progress) == [(1, 200)]
    assert len(sink.received) == 1
    assert deaf.number == 0, "the report was lost"


async def test_a_call_that_is_made_once_is_not_of_unknown_outcome(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    deaf = Deaf(monkeypatch, 1)
    policy = AddressPolicy()
    async with AlertReceivers() as alerts:
        sender = Sender(GuardedTransport(policy), make_keyring(), policy, alerts.bases)
        progress = await run(skipping, Pipeline([make_target(TWILIO_URL)]), sender)
    assert progress.outcome == "delivered"
    assert len(alerts.received) == 1
    assert deaf.number == 0, "the report was lost"


class Troubled(GuardedTransport):
    """Out of file descriptors, once: it says so when it is let go."""

    def __init__(self) -> None:
        super().__init__(AddressPolicy())
        self.asked = 0
        self.let_go = asyncio.Event()

    async def send(self, request: Request) -> exchange.Answer:
        self.asked += 1
        if self.asked > 1:
            return await super().send(request)
        await self.let_go.wait()
        raise LocalFault("no file descriptors")


@pytest.mark.parametrize("joined", [False, True], ids=["ended", "joined"])
async def test_a_call_that_could_not_be_made_is_made_later(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, joined: bool
) -> None:
    """It was announced, and Temporal hears nothing of what became of it."""
    transport = Troubled()
    if joined:
        _let_go_once_joined(monkeypatch, transport.let_go)
    else:
        transport.let_go.set()
        _lose_faults(monkeypatch)
    async with AlertReceivers() as alerts:
        sender = Sender(transport, make_keyring(), AddressPolicy(), alerts.bases)
        progress = await run(skipping, Pipeline([make_target(TWILIO_URL)]), sender)
    assert tried(progress) == [(1, 201)]
    assert len(alerts.received) == 1
    assert transport.asked == 2


def _lose_faults(patch: pytest.MonkeyPatch) -> None:
    patch.setattr(policies, "DELIVER_HEARTBEAT", SILENCE)

    @wraps(deliver)
    async def deafened(self: DeliveryActivities, request: DeliverRequest) -> Delivery:
        try:
            return await deliver(self, request)
        except ApplicationError as error:
            if error.type == UNMADE:
                activity.raise_complete_async()
            raise

    patch.setattr(DeliveryActivities, "deliver", deafened)
    patch.setattr("activities.reporting.activity.heartbeat", lambda *_details: None)
