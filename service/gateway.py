"""What api and cli call: one object with everything that can be done, over one connection to Temporal."""

from collections.abc import Iterable
from dataclasses import dataclass

from temporalio.client import Client

from activities.tracing import NO_SPANS, Spans
from service.alarms import AlarmGateway, AlarmRules
from service.bursts import Busy, never_busy
from service.callers import Callers
from service.configuration import ConfigurationGateway
from service.connection import Connection
from service.doctor import DoctorGateway
from service.doors import Door
from service.events import EventGateway
from service.follower import Follower
from service.health import HealthGateway
from service.heartbeats import HeartbeatGateway
from service.http_clients import HttpClientGateway
from service.incidents import IncidentGateway
from service.keys import KeyGateway
from service.listeners import own_ports
from service.publisher import Publisher
from service.registries import Registries
from service.registry_writes import RegistryWrites
from service.replays import ReplayGateway
from service.retention import RetentionGateway
from service.sessions import Sessions
from service.settings import Settings
from service.sources import SourceRegistry
from service.state_files import key_file, load_keyring
from service.subscribers import SubscriberGateway
from service.temporal import connect, silent_runtime
from service.tokens import TokenGateway
from service.trials import TrialGateway
from service.updates import Updates
from service.web_ui import WebUi
from service.why import WhyGateway
from service.zeebe_clusters import ZeebeGateway
from workflows.names import DIRECTORY_ID


@dataclass(frozen=True)
class Gateway:
    """The gateways of a deployment, and the connection under them."""

    connection: Connection
    subscribers: SubscriberGateway
    health: HealthGateway
    events: EventGateway
    why: WhyGateway
    follower: Follower
    replays: ReplayGateway
    retention: RetentionGateway
    trials: TrialGateway
    incidents: IncidentGateway
    alarms: AlarmGateway
    sources: SourceRegistry
    zeebe: ZeebeGateway
    heartbeats: HeartbeatGateway
    http_clients: HttpClientGateway
    tokens: TokenGateway
    callers: Callers
    sessions: Sessions
    keys: KeyGateway
    doctor: DoctorGateway
    configuration: ConfigurationGateway
    door: Door
    web_ui: WebUi


def make_gateway(
    settings: Settings,
    client: Client,
    *,
    has_worker: bool = False,
    ports: Iterable[int] = (),
    busy: Busy = never_busy,
    spans: Spans = NO_SPANS,
) -> Gateway:
    """A gateway over a connected client.

    Args:
        settings: decides on publishing, keys and allowed networks.
        client: shared with the worker when ``has_worker``.
        has_worker: this process runs a worker.
        ports: on which this deployment listens besides those that settings tell; no subscriber may name them.
        busy: whether the worker of this process has all that it can do.
        spans: of what is published.
    """
    connection = Connection(
        client=client,
        keyring=load_keyring(settings),
        policy=settings.address_policy(own_ports(settings, *ports)),
        publishing=settings.enable_event_publishing,
        has_worker=has_worker,
    )
    directory = Updates(connection, DIRECTORY_ID)
    subscribers = SubscriberGateway(connection, directory)
    publisher = Publisher(
        client,
        publishing=settings.enable_event_publishing,
        per_workflow=settings.im_events_per_workflow,
        busy=busy,
        spans=spans,
    )
    sources, door = SourceRegistry(connection), Door()
    heartbeats = HeartbeatGateway(connection, sources, door)
    registries = Registries(subscribers, sources)
    health = HealthGateway(connection, subscribers)
    keys = KeyGateway(connection, registries, directory, sources, key_file(settings))
    events = EventGateway(connection, publisher, subscribers)
    tokens = TokenGateway(connection, sources)
    callers = Callers(sources, settings.im_api_token, tokens.note_uses)
    return Gateway(
        connection=connection,
        subscribers=subscribers,
        health=health,
        events=events,
        why=WhyGateway(connection, events, subscribers),
        follower=Follower(client),
        replays=ReplayGateway(connection, subscribers),
        retention=RetentionGateway(connection),
        trials=TrialGateway(connection, events, subscribers),
        incidents=IncidentGateway(connection),
        alarms=AlarmGateway(connection, AlarmRules(settings.im_alarm_identity, settings.im_alarm_dashboard_url)),
        sources=sources,
        zeebe=ZeebeGateway(connection, sources, callers, heartbeats.beat),
        heartbeats=heartbeats,
        http_clients=HttpClientGateway(connection, subscribers, directory),
        tokens=tokens,
        callers=callers,
        sessions=Sessions(connection, callers),
        keys=keys,
        configuration=ConfigurationGateway(connection, registries, RegistryWrites(directory, sources, heartbeats)),
        doctor=DoctorGateway(connection, registries, health, heartbeats, keys),
        door=door,
        web_ui=WebUi(settings.im_temporal_ui_url, client.namespace),
    )


async def open_gateway(settings: Settings, spans: Spans = NO_SPANS) -> Gateway:
    """Connect and make a gateway, for a command that runs no worker, and says itself what there is to say."""
    return make_gateway(settings, await connect(silent_runtime()), spans=spans)
