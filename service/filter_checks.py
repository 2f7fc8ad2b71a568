"""Whether what a filter names is there at all: a list of nothing, or a watch without end, would not say so."""

from domain.errors import UnavailableError
from domain.incident_errors import IncidentNotFoundError
from domain.incidents import own_form
from domain.operational import asks_for
from domain.replay_errors import UnknownIncidentError, UnknownSubscriberError
from domain.subscriber_errors import SubscriberNotFoundError
from service.event_list import EventFilter
from service.event_rows import EventRow
from service.gateway import Gateway
from service.listing import quoted
from service.subscriber_views import SubscriberView


async def check_subscriber(im: Gateway, name: str | None) -> None:
    """Raise `UnknownSubscriberError` for a name that no subscriber has."""
    try:
        if name is not None:
            await im.subscribers.get(name)
    except SubscriberNotFoundError as error:
        raise UnknownSubscriberError(**error.data) from None


async def check_incident(im: Gateway, incident: str) -> None:
    """Raise `UnknownIncidentError` for an incident that was never declared, or is gone."""
    try:
        await im.incidents.get(incident)
    except IncidentNotFoundError as error:
        raise UnknownIncidentError(reason=str(error), fix=error.advice) from None


async def check_watched(im: Gateway, subscriber: str | None, incident: str | None) -> None:
    """Raise an error for a subscriber, or an incident of ours, that would be watched forever; or a text of no list."""
    await check_subscriber(im, subscriber)
    if incident is None:
        return
    quoted(incident)
    if own_form(incident):
        await check_incident(im, incident)


async def check_empty(im: Gateway, wanted: EventFilter) -> None:
    """Raise an error when no event was found because there is no such subscriber or incident, as far as it is known.

    Only then: of a subscriber that was removed, an incident that is gone, or one of a publisher's own, there may be
    events that the other conditions leave out.

    Raises:
        UnknownSubscriberError: there is none of that name.
        UnknownIncidentError: it was never declared, or is gone.
    """
    try:
        try:
            await check_subscriber(im, wanted.subscriber)
        except UnknownSubscriberError:
            if not await _any(im, EventFilter(subscriber=wanted.subscriber, limit=1)):
                raise
        try:
            if wanted.incident is not None:
                await check_incident(im, wanted.incident)
        except UnknownIncidentError:
            if not await _any(im, EventFilter(incident=wanted.incident, limit=1)):
                raise
    except UnavailableError:  # nobody there to ask: the list is right all the same
        return


async def doubts(im: Gateway, wanted: EventFilter, *, look_up: bool) -> list[str]:
    """What a list of one subscriber's events does not show: that it is disabled; that it may lack some.

    Some are lacking where an event has more subscribers than can be named; but none of types that the subscriber has
    not asked for since its last change. Nothing where nobody can be asked.

    Args:
        im: who is asked.
        wanted: what the list is of.
        look_up: whether to look the subscriber up although nothing may be lacking, which a worker answers.
    """
    if (name := wanted.subscriber) is None:
        return []
    try:
        rows = await im.events.lacking(wanted)
        known = await _known(im, name) if rows or look_up else None
    except UnavailableError:
        return []
    found = [disabled(name)] if known is not None and not known.enabled else []
    if _may_lack(rows, known):
        crowded = "some have more subscribers than Temporal's 2 KiB can name, those in trouble first"
        found.append(f"this list may lack events for {name}: {crowded}. Of one event: im why EVENT {name}")
    return found


def disabled(name: str) -> str:
    """That a subscriber is disabled."""
    return f"{name} is disabled: it is told of nothing until im subscriber enable {name}"


async def _known(im: Gateway, name: str) -> SubscriberView | None:
    try:
        return await im.subscribers.get(name)
    except SubscriberNotFoundError:
        return None


def _may_lack(rows: list[EventRow] | None, known: SubscriberView | None) -> bool:
    if not rows or known is None:
        return rows is None or bool(rows)
    return any(row.emitted_at < known.updated_at or asks_for(known.types, row.type) for row in rows)


async def _any(im: Gateway, wanted: EventFilter) -> bool:
    return bool((await im.events.find(wanted)).rows)
