"""What api and cli call: one object with everything that can be done, over one connection to Temporal."""

# ruff: noqa: PLC0415, D102 - each part imports itself, so that a command loads what it calls, and is named after it

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from temporalio.client import Client

from activities.tracing import NO_SPANS, Spans
from service.bursts import Busy, never_busy
from service.connection import Connection
from service.doors import Door
from service.listeners import own_ports
from service.settings import Settings
from service.state_files import key_file, load_keyring
from service.temporal import connect, silent_runtime
from service.updates import Updates
from service.web_ui import WebUi
from workflows.names import DIRECTORY_ID

if TYPE_CHECKING:
    from service.alarms import AlarmGateway
    from service.callers import Callers
    from service.configuration import ConfigurationGateway
    from service.doctor import DoctorGateway
    from service.events import EventGateway
    from service.follower import Follower
    from service.health import HealthGateway
    from service.heartbeats import HeartbeatGateway
    from service.http_clients import HttpClientGateway
    from service.incidents import IncidentGateway
    from service.keys import KeyGateway
    from service.registries import Registries
    from service.replays import ReplayGateway
    from service.retention import RetentionGateway
    from service.sessions import Sessions
    from service.sources import SourceRegistry
    from service.subscribers import SubscriberGateway
    from service.tokens import TokenGateway
    from service.trials import TrialGateway
    from service.why import WhyGateway
    from service.zeebe_clusters import ZeebeGateway


class Gateway:
    """The gateways of a deployment, and the connection under them; each is loaded and made when first asked for.

    Args:
        settings: decides on publishing, keys and allowed networks.
        client: shared with the worker when ``has_worker``.
        has_worker: this process runs a worker.
        ports: on which this deployment listens besides those that settings tell; no subscriber may name them.
        busy: whether the worker of this process has all that it can do.
        spans: of what is published.

    Attributes:
        door: of this process.
    """

    def __init__(
        self,
        settings: Settings,
        client: Client,
        *,
        has_worker: bool = False,
        ports: Iterable[int] = (),
        busy: Busy = never_busy,
        spans: Spans = NO_SPANS,
    ) -> None:
        self._settings, self._busy, self._spans = settings, busy, spans
        self.connection = Connection(
            client=client,
            keyring=load_keyring(settings),
            policy=settings.address_policy(own_ports(settings, *ports)),
            publishing=settings.enable_event_publishing,
            has_worker=has_worker,
        )
        self._directory = Updates(self.connection, DIRECTORY_ID)
        self.door = Door()
        self.web_ui = WebUi(settings.im_temporal_ui_url, client.namespace)

    def load(self) -> None:
        """Have all of them made now.

        A server does before it serves: no request waits for a module, and an upgrade beneath a process that goes on
        does not mix two versions in it.
        """
        for name, part in vars(Gateway).items():
            if isinstance(part, cached_property):
                getattr(self, name)

    @cached_property
    def subscribers(self) -> "SubscriberGateway":
        from service.subscribers import SubscriberGateway

        return SubscriberGateway(self.connection, self._directory)

    @cached_property
    def health(self) -> "HealthGateway":
        from service.health import HealthGateway

        return HealthGateway(self.connection, self.subscribers)

    @cached_property
    def events(self) -> "EventGateway":
        from service.events import EventGateway
        from service.publisher import Publisher

        publisher = Publisher(
            self.connection.client,
            publishing=self.connection.publishing,
            per_workflow=self._settings.im_events_per_workflow,
            busy=self._busy,
            spans=self._spans,
        )
        return EventGateway(self.connection, publisher, self.subscribers)

    @cached_property
    def why(self) -> "WhyGateway":
        from service.why import WhyGateway

        return WhyGateway(self.connection, self.events, self.subscribers)

    @cached_property
    def follower(self) -> "Follower":
        from service.follower import Follower

        return Follower(self.connection.client)

    @cached_property
    def replays(self) -> "ReplayGateway":
        from service.replays import ReplayGateway

        return ReplayGateway(self.connection, self.subscribers)

    @cached_property
    def retention(self) -> "RetentionGateway":
        from service.retention import RetentionGateway

        return RetentionGateway(self.connection)

    @cached_property
    def trials(self) -> "TrialGateway":
        from service.trials import TrialGateway

        return TrialGateway(self.connection, self.events, self.subscribers)

    @cached_property
    def incidents(self) -> "IncidentGateway":
        from service.incidents import IncidentGateway

        return IncidentGateway(self.connection)

    @cached_property
    def alarms(self) -> "AlarmGateway":
        from service.alarms import AlarmGateway, AlarmRules

        rules = AlarmRules(self._settings.im_alarm_identity, self._settings.im_alarm_dashboard_url)
        return AlarmGateway(self.connection, rules)

    @cached_property
    def sources(self) -> "SourceRegistry":
        from service.sources import SourceRegistry

        return SourceRegistry(self.connection)

    @cached_property
    def zeebe(self) -> "ZeebeGateway":
        from service.zeebe_clusters import ZeebeGateway

        return ZeebeGateway(self.connection, self.sources, self.callers, self.heartbeats.beat)

    @cached_property
    def heartbeats(self) -> "HeartbeatGateway":
        from service.heartbeats import HeartbeatGateway

        return HeartbeatGateway(self.connection, self.sources, self.door)

    @cached_property
    def http_clients(self) -> "HttpClientGateway":
        from service.http_clients import HttpClientGateway

        return HttpClientGateway(self.connection, self.subscribers, self._directory)

    @cached_property
    def tokens(self) -> "TokenGateway":
        from service.tokens import TokenGateway

        return TokenGateway(self.connection, self.sources)

    @cached_property
    def callers(self) -> "Callers":
        from service.callers import Callers

        return Callers(self.sources, self._settings.im_api_token, self.tokens.note_uses)

    @cached_property
    def sessions(self) -> "Sessions":
        from service.sessions import Sessions

        return Sessions(self.connection, self.callers)

    @cached_property
    def keys(self) -> "KeyGateway":
        from service.keys import KeyGateway

        return KeyGateway(self.connection, self._registries, self._directory, self.sources, key_file(self._settings))

    @cached_property
    def doctor(self) -> "DoctorGateway":
        from service.doctor import DoctorGateway

        return DoctorGateway(self.connection, self._registries, self.health, self.heartbeats, self.keys)

    @cached_property
    def configuration(self) -> "ConfigurationGateway":
        from service.configuration import ConfigurationGateway
        from service.registry_writes import RegistryWrites

        writes = RegistryWrites(self._directory, self.sources, self.heartbeats)
        return ConfigurationGateway(self.connection, self._registries, writes)

    @cached_property
    def _registries(self) -> "Registries":
        from service.registries import Registries

        return Registries(self.subscribers, self.sources)


async def open_gateway(settings: Settings, spans: Spans = NO_SPANS) -> Gateway:
    """Connect and make a gateway, for a command that runs no worker, and says itself what there is to say."""
    return Gateway(settings, await connect(silent_runtime()), spans=spans)
