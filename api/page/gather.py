"""What the pages show, asked of the gateways no more often than `Brief` allows."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.requests import Request

from api.page.brief import Brief
from domain.errors import InvalidInputError
from domain.event_types import EMITTED_TYPES
from domain.explanations import Explanation
from domain.health import Health, HealthStatus
from domain.hours import HourCount
from domain.incidents import Incident
from domain.patterns import misread
from domain.subscriber_errors import SubscriberNotFoundError
from service.event_list import EventFilter, EventPage
from service.event_views import EventView
from service.filter_checks import check_empty
from service.gateway import Gateway
from service.incidents import IncidentPage
from service.subscriber_views import SubscriberView

HEALTH_SECONDS = 2.0
DAY_SECONDS = 10.0  # of a figure by the hour
NOBODY = [HourCount(0, 0)] * 24


@dataclass(frozen=True)
class SubscriberRow:
    """A subscriber as the overview shows it.

    Attributes:
        state: its health, or that it is disabled or paused.
        day: what ended in each of the latest 24 hours.
    """

    view: SubscriberView
    health: Health
    state: str
    day: Sequence[HourCount]


class Gather:
    """Asks the gateways.

    Args:
        gateway: with everything that there is to show.
    """

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._brief = Brief()

    async def subscribers(self) -> list[SubscriberRow]:
        """Every subscriber, by name."""
        views = await self._brief.get("views", self._gateway.subscribers.all)
        rows = await self._brief.get("health", self._gateway.health.all, HEALTH_SECONDS)
        days = await self._brief.get("days", self._gateway.health.last_day, DAY_SECONDS)
        health = {row.subscriber: row for row in rows}
        return [_row(view, health.get(view.name), days.get(view.name, NOBODY)) for view in views]

    async def subscriber(self, name: str) -> SubscriberRow:
        """One subscriber; raises `SubscriberNotFoundError`."""
        row = _named(await self.subscribers(), name)
        if row is None:
            await self._brief.get(("known", name), lambda: self._gateway.subscribers.get(name))
            self.forget()  # it is new
            row = _named(await self.subscribers(), name)
        if row is None:
            raise SubscriberNotFoundError(name=name)
        return row

    async def events(self, wanted: EventFilter) -> EventPage:
        """Events, the latest first."""
        return await self._brief.get(wanted.model_dump_json(), lambda: self._gateway.events.find(wanted))

    async def missing(self, wanted: EventFilter) -> str | None:
        """What a filter that found nothing names though it is not there, in words; None where all of it may be."""
        key = ("missing", wanted.subscriber, wanted.incident)
        try:
            await self._brief.get(key, lambda: check_empty(self._gateway, wanted))
        except InvalidInputError as error:
            return f"{str(error)[:1].upper()}{str(error)[1:]}. {error.advice}"
        doubt = misread(wanted.type, list(EMITTED_TYPES))
        return f"No event is like that: {doubt}" if doubt else None

    async def event(self, event_id: str, source: str | None) -> EventView:
        """An event and everything known of its deliveries."""
        return await self._brief.get(("event", event_id, source), lambda: self._gateway.events.get(event_id, source))

    async def why(self, event_id: str, subscriber: str, source: str | None) -> Explanation:
        """Why a subscriber was or was not told of an event."""
        key = ("why", event_id, subscriber, source)
        return await self._brief.get(key, lambda: self._gateway.why.explain(event_id, subscriber, source))

    async def incidents(self, limit: int) -> IncidentPage:
        """Incidents, the latest first."""
        return await self._brief.get(("incidents", limit), lambda: self._gateway.incidents.find(limit=limit))

    async def incident(self, incident_id: str) -> Incident:
        """An incident with its timeline."""
        return await self._brief.get(("incident", incident_id), lambda: self._gateway.incidents.get(incident_id))

    def forget(self) -> None:
        """Show what is, from now on: something was done."""
        self._brief.forget()


def gather_of(request: Request) -> Gather:
    """What the pages of this application are gathered by."""
    gather: Gather = request.app.state.gather
    return gather


def _named(rows: Sequence[SubscriberRow], name: str) -> SubscriberRow | None:
    return next((row for row in rows if row.view.name == name), None)


def _row(view: SubscriberView, health: Health | None, day: Sequence[HourCount]) -> SubscriberRow:
    health = health or Health(subscriber=view.name)
    state = health.status.value if view.enabled else "disabled"
    if health.paused and view.enabled:
        state = "paused"
    if state == HealthStatus.UNKNOWN and health.retrying:
        state = "retrying"
    return SubscriberRow(view, health, state, day)
