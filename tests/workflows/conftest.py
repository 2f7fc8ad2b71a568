"""Workers for single workflow types: sandboxed, on queues of their own, with real requests to a real sink."""

import asyncio
import contextlib
import sys
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest_asyncio
from temporalio.client import Client, WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner

from activities.courier import Courier
from activities.deliveries import DeliveryActivities
from activities.directory import LeasedDirectory
from activities.flights import Flights
from activities.gate import InlineGate
from activities.handovers import HandOverActivities
from activities.lanes import LaneActivities
from activities.leases import LEASE_SECONDS
from activities.limits import LimitedDeliveries
from activities.recorder import Recorder
from activities.resolution import ResolutionActivities
from activities.sender import Sender
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.events import CloudEvent
from domain.health import LedgerBatch
from domain.lanes import EarlierEvents, Ticket
from domain.subscribers import Subscriber
from domain.tasks import EventInput
from service.history import EventSource
from service.queues import Parts, handover_worker
from service.search_attributes import add_search_attributes
from service.temporal import DATA_CONVERTER
from tests.support.builders import make_keyring
from tests.support.workers import Worker
from workflows import names
from workflows.event import EventWorkflow

TEST_SERVER = str(Path(sys.executable).parent / "temporal-test-server")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def skipping() -> AsyncIterator[WorkflowEnvironment]:
    """A server on which timers take no time; one for each file, as what a test leaves undone can stop its clock."""
    async with await WorkflowEnvironment.start_time_skipping(
        test_server_existing_path=TEST_SERVER, data_converter=DATA_CONVERTER
    ) as environment:
        await add_search_attributes(environment.client)
        yield environment


class AtOnce:
    """Counts how many are in it at once."""

    def __init__(self) -> None:
        self.now = self.most = 0

    def __enter__(self) -> None:
        self.now += 1
        self.most = max(self.most, self.now)

    def __exit__(self, *_error: object) -> None:
        self.now -= 1


@dataclass
class Pipeline:
    """What the activities of a test have instead of the directory and the ledger."""

    subscribers: list[Subscriber] = field(default_factory=list)
    batches: list[LedgerBatch] = field(default_factory=list)
    gone: list[str] = field(default_factory=list)
    ledger_answers: Callable[[], bool] = lambda: True
    ledger_delay: float = 0
    by_its_turn: list[Subscriber] | None = None
    gives_turns: bool = True
    places: list[Ticket] = field(default_factory=list)
    starting: AtOnce = field(default_factory=AtOnce)

    async def snapshot(self, _known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={subscriber.name: subscriber for subscriber in self.subscribers})

    async def record(self, batch: LedgerBatch) -> None:
        await asyncio.sleep(self.ledger_delay)
        if not self.ledger_answers():
            raise ConnectionError("the ledger is away")
        self.batches.append(batch)

    async def mark_gone(self, name: str, _asked_at: datetime) -> None:
        self.gone.append(name)

    def reports(self) -> list[tuple[str, str]]:
        """What the ledger was told: subscriber and report; of one commit and subscriber, what was final first."""
        return [
            (name, report)
            for batch in self.batches
            for name, told in batch.sums.items()
            for report, times in (
                ("delivered", told.delivered),
                ("failed", told.failed),
                ("retrying", told.streak - told.failed),
            )
            for _ in range(times)
        ]


async def _unserved(_subscriber: str) -> None:
    """Nobody is limited here."""


async def _lined_up(_earlier: EarlierEvents) -> bool:
    return True


@asynccontextmanager
async def delivering(
    client: Client, pipeline: Pipeline, *, publishing: bool = True, sender: Sender | None = None, sandboxed: bool = True
) -> AsyncIterator[str]:
    """Workers for event workflows; gives the queue on which to start them. Unsandboxed, a test can shorten a wait."""
    gate, policy = InlineGate(), AddressPolicy()
    sender = sender or Sender(GuardedTransport(policy), make_keyring(), policy)
    in_flight = names.in_flight_queue(uuid.uuid4().hex)
    recorder = Recorder(pipeline.record)
    directory, limited = (
        LeasedDirectory(pipeline.snapshot),
        LimitedDeliveries(names.limited_queue, _unserved, lambda _: True),
    )
    activities = DeliveryActivities(
        directory=directory,
        courier=Courier(sender, gate, recorder, pipeline.mark_gone),
        flights=Flights(),
        recorder=recorder,
        gate=gate,
        limited=limited,
        load_event=EventSource(client).load,
        in_flight_queue=in_flight,
    )
    queue = f"events-{uuid.uuid4()}"

    async def give_turn(_subject: str, ticket: Ticket) -> None:
        if pipeline.by_its_turn is not None:
            pipeline.subscribers = pipeline.by_its_turn
            await asyncio.sleep(LEASE_SECONDS)  # as long as a change takes to answer
        pipeline.places.append(ticket)
        if pipeline.gives_turns and not ticket.begun_by:
            await client.get_workflow_handle(ticket.workflow_id).signal("turn", ticket)

    lanes = LaneActivities(give_turn, _lined_up)
    inline: list[Callable[..., Any]] = [
        ResolutionActivities(directory, gate, limited, publishing=publishing).resolve_subscribers,
        activities.deliver_first,
        activities.deliver_many,
        activities.record_outcomes,
        lanes.line_up,
        lanes.hold_places,
    ]

    rests: list[WorkflowHandle[Any, Any]] = []

    async def go_on(event: CloudEvent, request: EventInput, run_id: str, accepted_at: datetime | None) -> None:
        assert accepted_at is not None
        workflow_id = names.continued_workflow_id(event, run_id)
        with pipeline.starting, contextlib.suppress(WorkflowAlreadyStartedError):  # by an attempt before
            await asyncio.sleep(0.05)
            rests.append(await client.start_workflow(EventWorkflow.run, request, id=workflow_id, task_queue=queue))

    handovers = cast("Parts", SimpleNamespace(handovers=HandOverActivities(EventSource(client).load_input, go_on)))
    runner = SandboxedWorkflowRunner() if sandboxed else UnsandboxedWorkflowRunner()
    async with (
        Worker(client, task_queue=queue, workflows=[EventWorkflow], activities=inline, workflow_runner=runner),
        Worker(client, task_queue=names.DELIVERIES_QUEUE, activities=[activities.deliver]),
        handover_worker(client, handovers),
        Worker(client, task_queue=in_flight, activities=[activities.adopt_delivery, activities.adopt_many]),
    ):
        yield queue
        for rest in rests:  # left undone, it would stop the clock of the tests after this one
            with contextlib.suppress(RPCError):  # it has ended
                await rest.terminate()
    await sender.aclose()
