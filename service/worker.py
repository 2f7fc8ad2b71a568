"""The workers of one process: seven task queues over one client, started and drained together."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from datetime import timedelta

from temporalio.client import Client
from temporalio.worker import Worker

from activities.courier import Courier
from activities.deliveries import DeliveryActivities
from activities.directory import LeasedDirectory
from activities.drains import DrainActivities
from activities.emission import EmissionActivities
from activities.flights import Flights
from activities.gate import InlineGate
from activities.handovers import HandOverActivities, Pressed
from activities.head_start import HeadStart
from activities.heartbeats import HeartbeatActivities
from activities.http_clients import HttpClients
from activities.incidents import IncidentActivities
from activities.lanes import LaneActivities
from activities.limits import LimitActivities, LimitedDeliveries
from activities.recorder import Recorder
from activities.replays import ReplayActivities
from activities.resolution import ResolutionActivities
from activities.sealing import Keyring
from activities.sender import Sender
from activities.standstill import Standstill
from activities.tracing import NO_SPANS, Spans
from activities.transport import GuardedTransport
from domain.addresses import AddressPolicy
from domain.limits import Limits
from domain.targets.base import Bases
from service.connection import Connection
from service.drains import Drains
from service.entities import Entities
from service.history import EventSource
from service.incidents import IncidentGateway
from service.lanes import Lanes
from service.limits import LimitedQueues, kept_served, limited_worker, serving_worker
from service.publisher import Accepted, Publisher
from service.queues import (
    DRAIN,
    Parts,
    control_worker,
    delivery_worker,
    event_worker,
    handover_worker,
    in_flight_worker,
    presence_worker,
)
from service.remembered import Remembered
from service.resender import Resends
from service.starts import Starts
from workflows import names, policies

# First requests that were asked for before the drain may begin seconds after, a crowd's in its turn, and take 10 s.
ADOPTED = timedelta(seconds=18)
CACHED_BURSTS = 8  # while they are handed over; of 512 KiB at most


@asynccontextmanager
async def running_workers(
    client: Client,
    *,
    keyring: Keyring,
    policy: AddressPolicy,
    bases: Bases,
    publishing: bool,
    gate: InlineGate,
    pressed: Pressed,
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
        pressed: whether this process's publisher accepts a burst, to which what goes on of others makes way.
        spans: of what is emitted and requested.

    Gives what the publisher calls for an event whose first task is with this process.
    """
    parts = _assemble(client, keyring, policy, gate, pressed, bases=bases, publishing=publishing, spans=spans)
    connection = Connection(client=client, keyring=keyring, policy=policy, publishing=publishing, has_worker=True)
    emission = EmissionActivities(Publisher(client, publishing=publishing, spans=spans).emit)
    incidents = IncidentActivities(IncidentGateway(connection))
    async with AsyncExitStack() as stack:
        stack.push_async_callback(parts.sender.aclose)
        stack.push_async_callback(parts.recorder.drain, DRAIN)
        await stack.enter_async_context(parts.flights.standstill.watched())
        # Left last: other queues' workflows may still ask this process for the requests it has in flight.
        await stack.enter_async_context(in_flight_worker(client, parts))
        control = control_worker(client, emission, incidents, parts)
        await stack.enter_async_context(control)  # the directory and the ledger answer until nothing asks them
        telling = [event_worker(client, parts), handover_worker(client, parts)]
        requesting = [delivery_worker(client, parts, emission), serving_worker(client, parts.limits, DRAIN)]
        for worker in [*requesting, *telling]:
            await stack.enter_async_context(worker)
        # One after the other, each would begin requests for as long as those before it end theirs.
        stack.push_async_callback(_shut_down, requesting, telling, parts.flights)
        await stack.enter_async_context(parts.keep_served())
        await stack.enter_async_context(presence_worker(client, keyring, publishing=publishing))
        yield parts.head_start.begin


async def _shut_down(requesting: Sequence[Worker], telling: Sequence[Worker], flights: Flights) -> None:
    """Have several workers begin no request, all from now on, and wait until what they have has ended.

    Events go on meanwhile, without requests: some have steps to take before they ask for what this process has in
    flight for them, such as an ordered delivery's place in line, or being handed over by the burst that they came in.
    """

    async def end_events() -> None:
        await flights.drained(ADOPTED)
        await asyncio.gather(*(worker.shutdown() for worker in telling))

    flights.begin_no_more()
    await asyncio.gather(*(worker.shutdown() for worker in requesting), end_events())


def _assemble(
    client: Client,
    keyring: Keyring,
    policy: AddressPolicy,
    gate: InlineGate,
    pressed: Pressed,
    *,
    bases: Bases,
    publishing: bool,
    spans: Spans,
) -> Parts:
    transport = GuardedTransport(policy)
    link = Entities(client)
    directory = LeasedDirectory(link.snapshot)
    sender = Sender(transport, keyring, policy, bases, HttpClients(directory.http_client, keyring, policy), spans=spans)
    recorder = Recorder(link.record)
    flights = Flights(Standstill(policies.STANDSTILL, policies.WORKED_OFF))
    courier = Courier(sender, gate, recorder, link.mark_gone)
    head_start = HeadStart(directory, courier, flights, gate)
    queue = names.in_flight_queue(uuid.uuid4().hex[:12])
    queues = LimitedQueues(client)
    limited = LimitedDeliveries(names.limited_queue, queues.ensure, queues.is_ensured)
    deliveries = DeliveryActivities(
        directory=directory,
        courier=courier,
        flights=flights,
        recorder=recorder,
        gate=gate,
        limited=limited,
        load_event=EventSource(client).load,
        in_flight_queue=queue,
    )
    lanes, drains = Lanes(client), Drains(client)

    def serve(subscriber: str, limits: Limits) -> AbstractAsyncContextManager[None]:
        return limited_worker(client, subscriber, limits, deliveries.deliver, DRAIN)

    return Parts(
        recorder=recorder,
        flights=flights,
        head_start=head_start,
        keep_served=lambda: kept_served(queues, directory),
        sender=sender,
        resolution=ResolutionActivities(directory, gate, limited, publishing=publishing, head_start=head_start),
        deliveries=deliveries,
        handovers=HandOverActivities(
            EventSource(client, cached=CACHED_BURSTS).load_input, Starts(client, Remembered()).go_on, pressed
        ),
        lanes=LaneActivities(lanes.enter, lanes.lined_up),
        drains=DrainActivities(directory, drains.begin, drains.find, drains.release),
        replays=ReplayActivities(
            directory, Resends(client, Publisher(client, publishing=publishing)), publishing=publishing
        ),
        limits=LimitActivities(directory, limited, serve),
        heartbeats=HeartbeatActivities(transport, keyring, policy),
        in_flight_queue=queue,
    )
