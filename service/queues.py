"""Which worker polls which task queue, for what, and how much it has in hand at once."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import version

from temporalio.client import Client
from temporalio.worker import Worker

from activities.deliveries import DeliveryActivities
from activities.drains import DrainActivities
from activities.emission import EmissionActivities
from activities.flights import Flights
from activities.handovers import HandOverActivities
from activities.head_start import HeadStart
from activities.heartbeats import DoorActivities, HeartbeatActivities
from activities.incidents import IncidentActivities
from activities.lanes import LaneActivities
from activities.limits import LimitActivities
from activities.presence import own_presence, present
from activities.recorder import Recorder
from activities.replays import ReplayActivities
from activities.resolution import ResolutionActivities
from activities.sealing import Keyring
from activities.sender import Sender
from domain.tasks import INLINE_ONE_BY_ONE
from service.doors import Door
from service.runs import FreeingRunner
from service.temporal import BUILD_ID
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

# The SDK takes a workflow that has computed for 2 s for one that never yields, fails its task and interrupts it; where
# that hits signals that had not begun, it can evict the workflow no more, and no worker of the process goes on with it.
# On a loaded machine a ledger's backlog, 0.2 s of CPU, has taken that long. There is no option for it.
COMPUTING_SECONDS = 60

EVENT_TASKS = 100  # workflow tasks and local activities in hand at once; a burst beyond waits in Temporal
# Retries in hand at once. A receiver that hangs holds a slot for 10 s, so few slots would let one such subscriber
# delay everybody's retries (with 100 and 300 events to a hanging one: by up to 8 s); a slot is a task and a socket.
DELIVERY_SLOTS = 1000
# Each starts one workflow after the other. With 16 at once other events were accepted at a third of the rate, with two
# or one they were no quicker (docs/decisions/0043-bursts-hand-over-in-turns.md).
HANDED_OVER_AT_ONCE = 4


@dataclass(frozen=True)
class Parts:
    """What the workers of a process work with."""

    recorder: Recorder
    flights: Flights
    head_start: HeadStart
    keep_served: Callable[[], AbstractAsyncContextManager[None]]
    sender: Sender
    resolution: ResolutionActivities
    deliveries: DeliveryActivities
    handovers: HandOverActivities
    lanes: LaneActivities
    drains: DrainActivities
    replays: ReplayActivities
    limits: LimitActivities
    heartbeats: HeartbeatActivities
    in_flight_queue: str


def patient(worker: Worker) -> Worker:
    """The same worker of workflows, which lets these compute for a minute."""
    workflows = worker._workflow_worker  # noqa: SLF001 - see `COMPUTING_SECONDS`
    if workflows is not None and workflows._deadlock_timeout_seconds is not None:  # noqa: SLF001 - None: TEMPORAL_DEBUG
        workflows._deadlock_timeout_seconds = COMPUTING_SECONDS  # noqa: SLF001 - likewise
    return worker


def event_worker(client: Client, parts: Parts) -> Worker:
    """Fresh events: their workflows, and first requests inline."""
    worker = Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.EVENTS_QUEUE,
        workflows=[EventWorkflow],
        activities=[
            parts.resolution.resolve_subscribers,
            parts.deliveries.deliver_first,
            parts.deliveries.deliver_many,
            parts.deliveries.record_outcomes,
            parts.lanes.line_up,
            parts.lanes.hold_places,
        ],
        # The hot path runs outside the sandbox (5 instead of 8 ms of CPU an event); a lint and a replay test keep
        # workflows/ deterministic, and the tests run it sandboxed.
        workflow_runner=FreeingRunner(),
        max_concurrent_workflow_tasks=EVENT_TASKS,
        max_concurrent_local_activities=EVENT_TASKS * INLINE_ONE_BY_ONE,
        max_workflow_task_external_storage_concurrency=1,  # there is none: more would make a task for each payload
        sticky_queue_schedule_to_start_timeout=policies.STICKY_TIMEOUT,
        graceful_shutdown_timeout=DRAIN,
    )
    return patient(worker)


def delivery_worker(client: Client, parts: Parts, emission: EmissionActivities) -> Worker:
    """Retries and pings, by priority and in fairness between subscribers."""
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


def handover_worker(client: Client, parts: Parts) -> Worker:
    """What bursts leave, in fairness between subscribers, as workflows of one event each."""
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.HANDOVERS_QUEUE,
        activities=[parts.handovers.hand_over],
        max_concurrent_activities=HANDED_OVER_AT_ONCE,
        max_concurrent_activity_task_polls=HANDED_OVER_AT_ONCE,
        disable_eager_activity_execution=True,
        graceful_shutdown_timeout=DRAIN,
    )


def in_flight_worker(client: Client, parts: Parts) -> Worker:
    """First requests that this process has under way, and nobody else."""
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=parts.in_flight_queue,
        activities=[parts.deliveries.adopt_delivery, parts.deliveries.adopt_many],
        max_concurrent_activities=EVENT_TASKS * INLINE_ONE_BY_ONE,
        graceful_shutdown_timeout=DRAIN,
    )


def control_worker(client: Client, emission: EmissionActivities, incidents: IncidentActivities, parts: Parts) -> Worker:
    """Registries, incidents, alarms, heartbeats, lanes, drains and replays."""
    worker = Worker(
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
        workflow_runner=FreeingRunner(),
        sticky_queue_schedule_to_start_timeout=policies.STICKY_TIMEOUT,
        graceful_shutdown_timeout=DRAIN,
    )
    return patient(worker)


def presence_worker(client: Client, keyring: Keyring, *, publishing: bool) -> Worker:
    """A worker that does nothing but poll under a name that tells what this process is.

    On a queue of its own, because the name of a worker is written into every history that it works on.
    """
    return Worker(
        client,
        build_id=BUILD_ID,
        task_queue=names.PRESENCE_QUEUE,
        activities=[present],
        identity=str(own_presence(keyring, version("incidents-platform"), publishing=publishing)),
        max_concurrent_activities=1,
        max_concurrent_activity_task_polls=1,
    )


def door_worker(client: Client, door: Door) -> Worker:
    """A worker that answers for the door; only a process that serves the API runs one."""
    attest = DoorActivities(lambda: door.clear_since).attest
    return Worker(client, build_id=BUILD_ID, task_queue=names.DOORS_QUEUE, activities=[attest])
