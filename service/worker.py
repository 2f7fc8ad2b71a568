"""The workers of one process: five task queues over one client, started and drained together."""

import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from activities.courier import Courier
from activities.deliveries import DeliveryActivities
from activities.directory import LeasedDirectory
from activities.drains import DrainActivities
from activities.emission import EmissionActivities
from activities.flights import Flights
from activities.gate import InlineGate
from activities.head_start import HeadStart
from activities.heartbeats import HeartbeatActivities
from activities.http_clients import HttpClients
from activities.incidents import IncidentActivities
from activities.lanes import LaneActivities
from activities.limits import LimitActivities, LimitedDeliveries
from activities.recorder import Recorder
from activities.replays import ReplayActivities
from activities.sealing import Keyring
from activities.sender import Sender
from activities.tracing import NO_SPANS, Spans
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.limits import Limits
from domain.targets.base import Bases
from domain.tasks import INLINE_ONE_BY_ONE
from service.connection import Connection
from service.drains import Drains
from service.entities import Entities
from service.history import EventSource
from service.incidents import IncidentGateway
from service.lanes import Lanes
from service.limits import LimitedQueues, kept_served, limited_worker, serving_worker
from service.publisher import Accepted, Publisher
from service.resender import Resends
from service.temporal import BUILD_ID
from service.workers import presence_worker
from workflows import names, policies
from workflows.alarm import AlarmWorkflow
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.drain import DrainWorkflow
from workflows.event import EventWorkflow
from workflows.heartbeat import HeartbeatWorkflow
from workflows.incident import IncidentWorkflow
from workflows.incident_numbers import IncidentNumbersWorkflow
from workflows.lane import LaneWorkflow
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.limiter import LimiterWorkflow
from workflows.replay import ReplayWorkflow
from workflows.sources import SourcesWorkflow
from workflows.zeebe import ZeebeClusterWorkflow

# Longer than the 10 s of one request and the recording behind it: a drain cuts off no attempt.
DRAIN = timedelta(seconds=15)

EVENT_TASKS = 100  # workflow tasks and local activities in hand at once; a burst beyond waits in Temporal
# Retries in hand at once. A receiver that hangs holds a slot for 10 s, so few slots would let one such subscriber
# delay everybody's retries (with 100 and 300 events to a hanging one: by up to 8 s); a slot is a task and a socket.
DELIVERY_SLOTS = 1000


@dataclass(frozen=True)
class _Parts:
    recorder: Recorder
    flights: Flights
    head_start: HeadStart
    keep_served: Callable[[], AbstractAsyncContextManager[None]]
    sender: Sender
    deliveries: DeliveryActivities
    lanes: LaneActivities
    drains: DrainActivities
    replays: ReplayActivities
    limits: LimitActivities
    heartbeats: HeartbeatActivities
    in_flight_queue: str


@asynccontextmanager
async def running_workers(
    client: Client,
    *,
    keyring: Keyring,
    policy: AddressPolicy,
    bases: Bases,
    publishing: bool,
    gate: InlineGate,
    spans: Spans = NO_SPANS,
) -> AsyncIterator[Accepted]:
    """Work on every queue for the duration of a block, then drain: what is under way ends, nothing new begins.

    Args:
        client: shared with this process's publisher, so that starts are eager.
        keyring: opens secrets.
        policy: what may be dialled.
        bases: where the services of alert targets are.
        publishing: this process's ENABLE_EVENT_PUBLISHING.
        gate: also read by this process's publisher, which starts nothing while it is busy.
        spans: of what is emitted and requested.

    Gives what the publisher calls for an event whose first task is with this process.
    """
    parts = _assemble(client, keyring, policy, gate, bases=bases, publishing=publishing, spans=spans)
    connection = Connection(client=client, keyring=keyring, policy=policy, publishing=publishing, has_worker=True)
    emission = EmissionActivities(Publisher(client, publishing=publishing, spans=spans).emit)
    incidents = IncidentActivities(IncidentGateway(connection))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.sender.aclose)
        stack.push_async_callback(parts.recorder.drain, DRAIN)
        # Left last: other queues' workflows may still ask this process for the requests it has in flight.
        await stack.enter_async_context(_in_flight_worker(client, parts))
        stack.push_async_callback(parts.flights.drained, DRAIN)
        control = _control_worker(client, emission, incidents, parts)
        deliveries = _delivery_worker(client, parts, emission)
        for worker in (control, deliveries, serving_worker(client, parts.limits, DRAIN)):
            await stack.enter_async_context(worker)
        await stack.enter_async_context(_event_worker(client, parts))
        await stack.enter_async_context(parts.keep_served())
        await stack.enter_async_context(presence_worker(client, keyring, publishing=publishing))
        yield parts.head_start.begin


def _assemble(
    client: Client,
    keyring: Keyring,
    policy: AddressPolicy,
    gate: InlineGate,
    *,
    bases: Bases,
    publishing: bool,
    spans: Spans,
) -> _Parts:
    transport = GuardedTransport(policy)
    link = Entities(client)
    directory = LeasedDirectory(link.snapshot)
    sender = Sender(transport, keyring, policy, bases, HttpClients(directory.http_client, keyring, policy), spans=spans)
    recorder = Recorder(link.record)
    flights = Flights()
    courier = Courier(sender, gate, recorder, link.mark_gone)
    head_start = HeadStart(directory, courier, flights, gate)
    queue = names.in_flight_queue(uuid.uuid4().hex[:12])
    queues = LimitedQueues(client)
    limited = LimitedDeliveries(names.limited_queue, queues.ensure)
    deliveries = DeliveryActivities(
        directory=directory,
        courier=courier,
        flights=flights,
        recorder=recorder,
        gate=gate,
        limited=limited,
        load_event=EventSource(client).load,
        publishing=publishing,
        in_flight_queue=queue,
        head_start=head_start,
    )
    lanes, drains = Lanes(client), Drains(client)

    def serve(subscriber: str, limits: Limits) -> AbstractAsyncContextManager[None]:
        return limited_worker(client, subscriber, limits, deliveries.deliver, DRAIN)

    return _Parts(
        recorder=recorder,
        flights=flights,
        head_start=head_start,
        keep_served=lambda: kept_served(queues, directory),
        sender=sender,
        deliveries=deliveries,
        lanes=LaneActivities(lanes.enter, lanes.lined_up),
        drains=DrainActivities(directory, drains.begin, drains.find, drains.release),
        replays=ReplayActivities(
            directory, Resends(client, Publisher(client, publishing=publishing)), publishing=publishing
        ),
        limits=LimitActivities(directory, limited, serve),
        heartbeats=HeartbeatActivities(transport, keyring, policy),
        in_flight_queue=queue,
    )


def _event_worker(client: Client, parts: _Parts) -> Worker:
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.EVENTS_QUEUE,
        workflows=[EventWorkflow],
        activities=[
            parts.deliveries.resolve_subscribers,
            parts.deliveries.deliver_first,
            parts.deliveries.deliver_many,
            parts.deliveries.record_outcomes,
            parts.lanes.line_up,
        ],
        # The hot path runs outside the sandbox (5 instead of 8 ms of CPU an event); a lint and a replay test keep
        # workflows/ deterministic, and the tests run it sandboxed.
        workflow_runner=UnsandboxedWorkflowRunner(),
        max_concurrent_workflow_tasks=EVENT_TASKS,
        max_concurrent_local_activities=EVENT_TASKS * INLINE_ONE_BY_ONE,
        sticky_queue_schedule_to_start_timeout=policies.STICKY_TIMEOUT,
        graceful_shutdown_timeout=DRAIN,
    )


def _delivery_worker(client: Client, parts: _Parts, emission: EmissionActivities) -> Worker:
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.DELIVERIES_QUEUE,
        activities=[
            parts.deliveries.deliver,
            parts.heartbeats.send_ping,
            parts.heartbeats.log_unknown,
            emission.publish_event,
        ],
        max_concurrent_activities=DELIVERY_SLOTS,
        disable_eager_activity_execution=True,  # an eager task would pass by the queue's priority and fairness
        graceful_shutdown_timeout=DRAIN,
    )


def _in_flight_worker(client: Client, parts: _Parts) -> Worker:
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=parts.in_flight_queue,
        activities=[parts.deliveries.adopt_delivery, parts.deliveries.adopt_many],
        max_concurrent_activities=EVENT_TASKS * INLINE_ONE_BY_ONE,
        graceful_shutdown_timeout=DRAIN,
    )


def _control_worker(
    client: Client, emission: EmissionActivities, incidents: IncidentActivities, parts: _Parts
) -> Worker:
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.CONTROL_QUEUE,
        workflows=[
            SubscriberDirectoryWorkflow,
            DeliveryLedgerWorkflow,
            IncidentWorkflow,
            IncidentNumbersWorkflow,
            SourcesWorkflow,
            ZeebeClusterWorkflow,
            HeartbeatWorkflow,
            LaneWorkflow,
            LimiterWorkflow,
            AlarmWorkflow,
            DrainWorkflow,
            ReplayWorkflow,
        ],
        activities=[
            emission.publish_event,
            incidents.declare_incident,
            incidents.resolve_incident,
            incidents.observe_incident,
            parts.lanes.lined_up,
            parts.drains.begin_drain,
            parts.drains.find_waiting,
            parts.drains.release_waiting,
            parts.replays.survey,
            parts.replays.page,
            parts.replays.send,
        ],
        workflow_runner=UnsandboxedWorkflowRunner(),
        sticky_queue_schedule_to_start_timeout=policies.STICKY_TIMEOUT,
        graceful_shutdown_timeout=DRAIN,
    )
