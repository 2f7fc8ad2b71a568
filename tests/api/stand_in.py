"""The gateways in memory: the domain's own rules, without Temporal between them and the API."""

import itertools
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Unpack, cast

from pydantic import SecretStr

from api.examples import RESENT
from domain import incidents
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.errors import ImError, PublishingDisabledError
from domain.event_errors import AmbiguousEventError, EventConflictError, EventNotFoundError
from domain.event_types import KNOWN_TYPES
from domain.events import CloudEvent
from domain.explanations import Carrier, Explanation, RunKind, Story
from domain.health import Counters, Health
from domain.health import view as health_view
from domain.hours import HourCount, hour_of, last_day
from domain.incident_errors import IncidentNotFoundError
from domain.incidents import Change, Declaration, Incident
from domain.outcomes import Attempt, Delivery, DeliveryState, Failure
from domain.patterns import misreadings
from domain.pause_errors import DeliveriesWaitingError
from domain.pauses import Pause, check_reason
from domain.receipts import PublishReceipt
from domain.subscriber_changes import apply_change, pause, resume
from domain.subscriber_errors import SubscriberExistsError, SubscriberNotFoundError
from domain.subscribers import Subscriber, new_subscriber
from domain.tracing import NO_CONTEXT, traced
from domain.why import explain
from service.callers import Callers
from service.connection import Connection
from service.doors import Door
from service.event_list import EventFilter, EventPage
from service.event_rows import EventRow
from service.event_views import EventView
from service.incidents import IncidentPage, IncidentRow, check_same
from service.progress import RunView
from service.resends import Resent, remarks
from service.sessions import Sessions
from service.subscriber_drafts import Drafts, check_together, settled_secret
from service.subscriber_options import ChangeOptions, SubscriberOptions
from service.subscriber_views import Changed, Removed, Resumed, SubscriberDetail, SubscriberView, view
from service.trials import Trial
from service.web_ui import WebUi
from tests.api.stand_in_alarms import Alarms
from tests.api.stand_in_follower import Following
from tests.api.stand_in_heartbeats import Heartbeats
from tests.api.stand_in_http_clients import HttpClients
from tests.api.stand_in_operation import ConfigurationDocuments, Doctor, Keys
from tests.api.stand_in_replays import Replays, Retentions
from tests.api.stand_in_tokens import Tokens
from tests.api.stand_in_zeebe import Zeebe
from tests.support.builders import make_keyring

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
GENERATED = "whsec_generatedgeneratedgeneratedgenerated"


class StandIn:
    """A gateway as routes see it. ``breaks`` is raised by whatever is called next."""

    def __init__(self, *, publishing: bool, administrator: SecretStr | None = None) -> None:
        self.breaks: Exception | None = None
        self.publishing = publishing
        self.subscribers = Subscribers(self)
        self.trials = Trials(self)
        self.health = HealthRows(self)
        self.events = Events(self)
        self.why = Why(self)
        self.follower = Following(self.called)
        self.incidents = Incidents(self)
        self.alarms = Alarms(self.called)
        self.zeebe = Zeebe(self.called)
        self.heartbeats = Heartbeats(self.called)
        self.http_clients = HttpClients(self.called, self.subscribers)
        self.keys = Keys(self.called)
        self.doctor = Doctor(self.called)
        self.replays = Replays(self.called)
        self.retention = Retentions(self.called)
        self.configuration = ConfigurationDocuments(self.called)
        self.door = Door()
        self.tokens = Tokens(self.zeebe.known)
        self.callers = Callers(self.tokens, administrator, self.tokens.note_uses)
        self.sessions = Sessions(cast("Connection", NobodyAsked()), self.callers)
        self.web_ui = WebUi("http://127.0.0.1:8233", "default")

    def called(self) -> None:
        if self.breaks is not None:
            raise self.breaks


class NobodyAsked:
    """As much of a connection as a session takes: the keys, and nobody to ask. A login needs no Temporal."""

    keyring = make_keyring()


class Subscribers:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner
        self.known: dict[str, Subscriber] = {}
        self._drafts = Drafts(make_keyring(), AddressPolicy())
        self.version = 0
        self.overlap: timedelta | None = None
        self.dropped: timedelta | None = None
        self.header_values: Mapping[str, str] | None = None

    async def add(self, name: str, url: str | None = None, **options: Unpack[SubscriberOptions]) -> Changed:
        self._owner.called()
        if name in self.known:
            raise SubscriberExistsError(name=name)
        check_together(options)
        self.header_values, options["secret"] = options.get("headers"), settled_secret(options)
        new = await self._drafts.new(name, url, options)
        self.known[name] = new_subscriber(new, AT)
        return self._changed(name, options, new.types)

    async def update(self, name: str, **options: Unpack[ChangeOptions]) -> Changed:
        if (await self.get(name)).paused and options.get("enabled") is False and not options.get("cancel_waiting"):
            raise DeliveriesWaitingError(name=name, count=3)
        self.overlap, self.header_values = options.get("overlap"), options.get("headers")
        check_together(options)
        options["secret"] = settled_secret(options)
        change = await self._drafts.change(name, options, self.known[name].url)
        self.known[name] = apply_change(self.known[name], change, AT)
        return self._changed(name, options, change.types or ())

    async def remove(self, name: str, *, cancel_waiting: bool = False) -> Removed:
        removed = await self.get(name)
        if removed.paused and not cancel_waiting:
            raise DeliveriesWaitingError(name=name, count=3)
        del self.known[name]
        return Removed(**removed.model_dump())

    async def pause(self, name: str, reason: str | None = None) -> SubscriberView:
        await self.get(name)
        self.known[name] = pause(self.known[name], check_reason(reason), AT)
        return view(self.known[name])

    def pause_now(self, name: str) -> None:
        self.known[name] = pause(self.known[name], "by hand", AT)

    async def resume(self, name: str, drop_older_than: timedelta | None = None) -> Resumed:
        await self.get(name)
        self.dropped, self.known[name] = drop_older_than, resume(self.known[name], AT)
        return Resumed(subscriber=view(self.known[name]), waiting=3)

    async def all(self) -> list[SubscriberView]:
        self._owner.called()
        return [view(self.known[name]) for name in sorted(self.known)]

    async def get(self, name: str) -> SubscriberView:
        self._owner.called()
        if name not in self.known:
            raise SubscriberNotFoundError(name=name)
        return view(self.known[name])

    async def snapshot(self, known_version: int | None) -> Snapshot:
        self._owner.called()
        return Snapshot(version=self.version, subscribers=None if known_version == self.version else self.known)

    def _changed(self, name: str, options: SubscriberOptions, patterns: Sequence[str]) -> Changed:
        generated = options.get("generate_secret")
        return Changed(
            subscriber=view(self.known[name]),
            warnings=misreadings(patterns, list(KNOWN_TYPES)),
            secret=GENERATED if generated else None,
            whsec="whsec_equivalent" if options.get("secret") and not generated else None,
        )


class Trials:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner

    async def run(self, name: str) -> Trial:
        await self._owner.subscribers.get(name)
        attempt = Attempt(at=AT, duration_ms=41, status=500, failure=Failure.HTTP_STATUS, response="no")
        delivery = Delivery(subscriber=name, state=DeliveryState.RETRYING, attempts=[attempt])
        return Trial(subscriber=name, event_id="evt_test", state=delivery.state, delivery=delivery)


class HealthRows:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner
        self.told: dict[str, object] = {}

    async def all(self) -> list[Health]:
        self._owner.called()
        return [self._row(name) for name in sorted(self._owner.subscribers.known)]

    async def last_day(self) -> dict[str, list[HourCount]]:
        self._owner.called()
        return {name: last_day({hour_of(AT): (3, 1)}, AT) for name in self._owner.subscribers.known}

    async def get(self, name: str) -> Health:
        await self._owner.subscribers.get(name)
        return self._row(name)

    async def with_subscriber(self, name: str) -> SubscriberDetail:
        found = await self._owner.subscribers.get(name)
        return SubscriberDetail(**found.model_dump(), health=self._row(name))

    def _row(self, name: str) -> Health:
        row = health_view(name, Counters(delivered=3, failed=1, last_final_at=AT), 0, AT)
        return row.model_copy(update=self.told)


class Events:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner
        self.known: dict[str, CloudEvent] = {}
        self.sources: dict[str, list[str]] = {}
        self.resent: list[tuple[str, str | None]] = []
        self.older: datetime | None = None
        self.wanted: EventFilter | None = None
        self.left_out: set[str] = set()
        self.kind: RunKind = "original"
        self.paused: dict[str, Pause] = {}

    async def publish_batch(
        self, events: Sequence[CloudEvent], caller: Mapping[str, str] = NO_CONTEXT
    ) -> list[PublishReceipt]:
        return [await self.publish(event, caller) for event in events]

    async def publish(
        self, event: CloudEvent, caller: Mapping[str, str] = NO_CONTEXT, *, alone: bool = False
    ) -> PublishReceipt:
        event, self.alone = traced(event, caller), alone
        self._owner.called()
        if not self._owner.publishing:
            raise PublishingDisabledError
        if known := self.known.get(event.id):
            if known.to_dict() != event.to_dict():
                raise EventConflictError(event_id=event.id, source=event.source)
            return PublishReceipt(event_id=event.id, published=True, duplicate=True, accepted_at=AT)
        self.known[event.id] = event
        return PublishReceipt(event_id=event.id, published=True, accepted_at=AT)

    async def lacking(self, wanted: EventFilter) -> list[EventRow] | None:
        return None if wanted.subscriber in self.left_out else []

    async def find(self, wanted: EventFilter) -> EventPage:
        self._owner.called()
        self.wanted = wanted
        rows = [
            EventRow(
                event_id=event.id,
                type=event.type,
                source=event.source,
                outcome="delivered",
                emitted_at=AT,
                workflow_id=f"event/{event.id}",
            )
            for event in self.known.values()
        ]
        return EventPage(rows=rows, older=self.older)

    async def get(self, event_id: str, source: str | None = None) -> EventView:
        event = self._found(event_id, source)
        attempt = Attempt(at=AT, duration_ms=41, status=200, response="ok")
        delivery = Delivery(subscriber="my-webhook", state=DeliveryState.DELIVERED, attempts=[attempt])
        if self.paused:
            delivery = delivery.model_copy(update={"state": DeliveryState.RETRYING, "next_retry_at": AT})
        run = RunView(
            workflow_id="event/1",
            run_id="1",
            kind=self.kind,
            outcome="delivered",
            accepted_at=AT,
            started_at=AT,
            deliveries=[delivery],
        )
        return EventView(event=event, runs=[run], paused=self.paused)

    async def resend(self, event_id: str, subscriber: str | None = None, *, source: str | None = None) -> Resent:
        before = await self.get(event_id, source)
        self.resent.append((event_id, subscriber))
        return Resent(
            event_id=event_id,
            published=True,
            accepted_at=AT,
            workflow_id=RESENT["workflow_id"],
            warnings=list(remarks(before, await self._owner.subscribers.all(), subscriber)),
        )

    def _found(self, event_id: str, source: str | None) -> CloudEvent:
        self._owner.called()
        if event_id not in self.known:
            raise EventNotFoundError(event_id=event_id)
        if source is None and len(self.sources.get(event_id, [])) > 1:
            raise AmbiguousEventError(event_id=event_id, sources=", ".join(self.sources[event_id]))
        return self.known[event_id]


class Why:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner

    async def explain(self, event_id: str, subscriber: str, source: str | None = None) -> Explanation:
        view = await self._owner.events.get(event_id, source)
        run = view.runs[0]
        found = [each for each in run.deliveries if each.subscriber == subscriber]
        carrier = Carrier(
            workflow_id=run.workflow_id,
            kind=run.kind,
            outcome=run.outcome,
            accepted_at=AT,
            started_at=AT,
            ended_at=AT,
            delivery=found[0] if found else None,
        )
        return explain(
            Story(
                now=AT,
                event_id=event_id,
                source=view.event.source,
                type=view.event.type,
                carriers=[carrier],
                name=subscriber,
                subscriber=self._owner.subscribers.known.get(subscriber),
            )
        )


class Incidents:
    def __init__(self, owner: StandIn) -> None:
        self._owner = owner
        self._numbers = itertools.count(1)
        self.known: dict[str, Incident] = {}
        self.keys: dict[str, str] = {}
        self.status: str | None = None
        self.before: datetime | None = None
        self.older: datetime | None = None

    async def declare(self, declaration: Declaration, idempotency_key: str | None = None) -> Incident:
        self._owner.called()
        if idempotency_key in self.keys:
            known = self.known[self.keys[idempotency_key]]
            check_same(known, declaration)
            return known
        incident = incidents.declare(f"INC-{next(self._numbers)}", declaration, AT, "evt_1")
        incident.timeline[0].published = self._owner.publishing
        self.known[incident.id] = incident
        if idempotency_key:
            self.keys[idempotency_key] = incident.id
        return incident

    async def change(self, incident_id: str, change: Change) -> Incident:
        incident = await self.get(incident_id)
        incidents.check_change(incident, change)
        entry = incidents.apply_change(incident, change, AT, f"evt_{len(incident.timeline) + 1}")
        entry.published = self._owner.publishing
        return incident

    async def get(self, incident_id: str) -> Incident:
        self._owner.called()
        if incident_id not in self.known:
            raise IncidentNotFoundError(incident_id=incident_id)
        return self.known[incident_id]

    async def find(
        self, *, status: str | None = None, limit: int = 100, before: datetime | None = None
    ) -> IncidentPage:
        self._owner.called()
        self.status, self.before = status, before
        rows = [
            IncidentRow(id=one.id, severity=one.severity, status=one.status, title=one.title, declared_at=AT)
            for one in list(self.known.values())[:limit]
        ]
        return IncidentPage(rows=rows, older=self.older)


def every_error(root: type[ImError] = ImError) -> list[type[ImError]]:
    """The whole tree of errors."""
    return [root] + [kind for child in root.__subclasses__() for kind in every_error(child)]
