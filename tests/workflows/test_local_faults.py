"""Faults of the worker's own machine: they cost no attempt, and are retried steadily for as long as they last."""

import uuid
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from temporalio.testing import WorkflowEnvironment

from activities import exchange
from activities.deliveries import DeliveryActivities
from activities.exchange import Request
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.outcomes import Delivery
from domain.retry import make_schedule
from domain.tasks import EventInput
from tests.support.builders import make_event, make_keyring, make_subscriber
from tests.support.sink import Answer, Sink
from tests.workflows.conftest import Pipeline, delivering
from workflows import policies
from workflows.event import EventWorkflow

FAULT, MADE = True, False


class Faulty(GuardedTransport):
    """Cannot make some of the requests that it is asked for."""

    def __init__(self, faults: Iterable[bool]) -> None:
        super().__init__(AddressPolicy())
        self.faults = iter(faults)

    async def send(self, request: Request) -> exchange.Answer:
        if next(self.faults, MADE):
            raise LocalFault("no file descriptors")
        return await super().send(request)


async def run(
    environment: WorkflowEnvironment, pipeline: Pipeline, faults: Iterable[bool]
) -> tuple[Delivery, timedelta, int]:
    """Deliver an event; what became of it, how long that took on the skipped clock, and how many events of history."""
    transport = Faulty(faults)
    sender = Sender(transport, make_keyring(), AddressPolicy())
    async with delivering(environment.client, pipeline, sender=sender, sandboxed=False) as queue:
        handle = await environment.client.start_workflow(
            EventWorkflow.run, EventInput(events=[make_event()]), id=f"event/{uuid.uuid4()}", task_queue=queue
        )
        await handle.result()
        described = await handle.describe()
        assert described.close_time is not None
        (delivery,) = (await handle.query(EventWorkflow.deliveries))[0].deliveries
        return delivery, described.close_time - described.start_time, described.history_length


@pytest.mark.parametrize("faults", [1, 2, 3, 8])
@pytest.mark.parametrize("before", [0, 1, 2])
async def test_a_fault_of_the_workers_machine_costs_no_attempt(
    skipping: WorkflowEnvironment, before: int, faults: int
) -> None:
    async with Sink() as sink:
        sink.script(Answer(503), Answer(503), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url(), schedule=make_schedule("default", 3))])
        delivery, _, _ = await run(skipping, pipeline, [*[MADE] * before, *[FAULT] * faults])
    assert [(attempt.number, attempt.status) for attempt in delivery.attempts] == [(1, 503), (2, 503), (3, 200)]
    assert len(sink.received) == 3
    assert {report for _, report in pipeline.reports()} <= {"retrying", "delivered"}


@pytest.mark.parametrize("attempts", [1, 5])
async def test_a_fault_that_lasts_is_retried_at_ease(skipping: WorkflowEnvironment, attempts: int) -> None:
    tries = 40
    async with Sink() as sink:
        pipeline = Pipeline([make_subscriber(sink.url(), schedule=make_schedule("default", attempts))])
        delivery, took, events = await run(skipping, pipeline, [FAULT] * tries)
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 1)
    assert timedelta(seconds=20) * tries < took < timedelta(seconds=40) * tries
    assert events < tries, "it would come to the end of its history"


async def test_what_nobody_was_prepared_for_ends_a_delivery_as_ever_while_a_fault_lasts(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    read, calls = DeliveryActivities._event, 0

    async def event(self: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls > 2:
            raise ConnectionError("history not read")
        return await read(self)

    monkeypatch.setattr(DeliveryActivities, "_event", event)
    pipeline = Pipeline([make_subscriber(schedule=make_schedule("default", 1))])
    delivery, took, _ = await run(skipping, pipeline, [FAULT] * 100)
    assert delivery.state == "failed"
    assert took < timedelta(minutes=10)


async def test_a_wait_for_a_fault_to_end_goes_on_in_another_activity(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "LASTING_ATTEMPTS", 4)
    async with Sink() as sink:
        sink.script(Answer(503), Answer(200))
        pipeline = Pipeline([make_subscriber(sink.url(), schedule=make_schedule("default", 2))])
        delivery, _, _ = await run(skipping, pipeline, [FAULT] * 20)
    assert [(attempt.number, attempt.status) for attempt in delivery.attempts] == [(1, 503), (2, 200)]
