"""Errors that nobody was prepared for cost no request, make none too many, and no call twice."""

import errno
import os
import uuid
from collections.abc import Sequence
from typing import Any

import pytest
import trustme
from temporalio.testing import WorkflowEnvironment

from activities.deliveries import DeliveryActivities
from activities.http_clients import HttpClients
from activities.recorder import Recorder
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.health import LedgerEntry
from domain.outcomes import Delivery
from domain.retry import make_schedule
from domain.subscribers import Subscriber
from domain.tasks import EventInput
from tests.support.alert_receivers import TWILIO_URL, AlertReceivers
from tests.support.authorities import make_http_client, server_tls
from tests.support.builders import make_event, make_keyring, make_subscriber, make_target
from tests.support.sink import Answer, Sink
from tests.workflows.conftest import Pipeline, delivering
from workflows.event import EventWorkflow

SERVERS, CLIENTS, POLICY = trustme.CA(), trustme.CA(), AddressPolicy()


async def _delivered(skipping: WorkflowEnvironment, subscriber: Subscriber, sender: Sender | None = None) -> Delivery:
    async with delivering(skipping.client, Pipeline([subscriber]), sender=sender, sandboxed=False) as queue:
        handle = await skipping.client.start_workflow(
            EventWorkflow.run, EventInput(events=[make_event()]), id=f"event/{uuid.uuid4()}", task_queue=queue
        )
        await handle.result()
        (delivery,) = (await handle.query(EventWorkflow.deliveries))[0].deliveries
    return delivery


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
@pytest.mark.parametrize("at", [1, 2, 3])
async def test_an_error_before_a_request_takes_and_adds_none(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, attempts: int, at: int
) -> None:
    read, calls = DeliveryActivities._event, 0

    async def event(self: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            raise ConnectionError("history not read")
        return await read(self)

    monkeypatch.setattr(DeliveryActivities, "_event", event)
    async with Sink() as sink:
        sink.script(*[Answer(503)] * 50)
        delivery = await _delivered(skipping, make_subscriber(sink.url(), schedule=make_schedule("default", attempts)))
    assert len(sink.received) == attempts
    assert [attempt.number for attempt in delivery.attempts] == list(range(1, attempts + 1))


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_an_error_after_a_call_that_must_not_be_made_twice_leaves_a_doubt(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    record, times = Recorder.record, 0

    async def broken(self: Recorder, entries: Sequence[LedgerEntry]) -> bool:
        nonlocal times
        times += 1
        if times == 1:
            raise MemoryError
        return await record(self, entries)

    monkeypatch.setattr(Recorder, "record", broken)
    async with AlertReceivers() as alerts:
        sender = Sender(GuardedTransport(POLICY), make_keyring(), POLICY, alerts.bases)
        target = make_target(TWILIO_URL).model_copy(update={"schedule": make_schedule("default", attempts)})
        await _delivered(skipping, target, sender)
        assert len(alerts.received) == 1


@pytest.mark.parametrize("attempts", [1, 2, 5])
async def test_a_client_certificate_that_cannot_be_loaded_for_now_costs_no_attempt(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch, attempts: int
) -> None:
    opened, tries = os.memfd_create, 0

    def refused(name: str) -> int:
        nonlocal tries
        tries += 1
        if tries <= 60:
            raise OSError(errno.EMFILE, "Too many open files")
        return opened(name)

    client = make_http_client(certificate=CLIENTS.issue_cert("im.example.com"), trust=SERVERS)
    monkeypatch.setattr(os, "memfd_create", refused)
    clients = HttpClients({client.name: client}.get, make_keyring(), POLICY)
    sender = Sender(GuardedTransport(POLICY), make_keyring(), POLICY, clients=clients)
    async with Sink(server_tls(SERVERS, clients=CLIENTS)) as sink:
        schedule = make_schedule("default", attempts)
        delivery = await _delivered(
            skipping, make_subscriber(sink.url(), http_client=client.name, schedule=schedule), sender
        )
    assert (delivery.state, len(delivery.attempts)) == ("delivered", 1)
