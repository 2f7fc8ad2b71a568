"""What there is to see."""

from collections.abc import Awaitable
from http import HTTPStatus
from typing import TypeVar

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import gateway_of
from api.page.access import PageRoute
from api.page.gather import Gather, gather_of
from api.page.render import ASSETS, asset, explain, page
from api.pages import page_before, read_time
from api.urls import PAGE
from domain.errors import SlowSearchError, UnavailableError
from domain.incidents import incident_named
from service.event_list import EventFilter
from service.event_rows import EventRow
from service.incidents import IncidentRow
from service.resends import remarks

FIRST_EVENTS, EVENTS, INCIDENTS = 10, 50, 50
FIRST_INCIDENTS = 8
FOR_GOOD = "public, max-age=31536000, immutable"

Row = TypeVar("Row")

router = APIRouter(route_class=PageRoute, include_in_schema=False)
unknown = APIRouter(route_class=PageRoute, include_in_schema=False)  # the last to be matched


@router.get("/")
async def overview(request: Request) -> Response:
    """Subscribers, recent events, incidents."""
    gather = gather_of(request)
    subscribers = await gather.subscribers()
    recent = await _in_time(_recent(gather, EventFilter(limit=FIRST_EVENTS)))
    incidents = await _in_time(_latest_incidents(gather))
    return page(request, "overview.html", subscribers=subscribers, events=recent, incidents=incidents)


async def _in_time(finding: Awaitable[list[Row]]) -> list[Row] | None:
    """What is shown beside something else; None where finding it takes too long: the rest is shown then."""
    try:
        return await finding
    except SlowSearchError:
        return None


async def _recent(gather: Gather, wanted: EventFilter) -> list[EventRow]:
    return (await gather.events(wanted)).rows[: wanted.limit]


async def _latest_incidents(gather: Gather) -> list[IncidentRow]:
    return (await gather.incidents(FIRST_INCIDENTS)).rows


@router.get(f"{PAGE}/events")
async def events(request: Request) -> Response:
    """Events, the latest first, by filter."""
    asked = request.query_params
    chosen = {name: asked.get(name, "").strip() for name in ("type", "incident", "subscriber")}
    ended = {name: asked.get(name) == "true" for name in ("failed", "undelivered")}
    wanted = EventFilter(
        **ended,
        type=chosen["type"] or None,
        incident=incident_named(chosen["incident"]) or None,
        subscriber=chosen["subscriber"] or None,
        before=read_time(asked.get("cursor")),
        limit=EVENTS,
    )
    gather = gather_of(request)
    found = await gather.events(wanted)
    missing = None if found.rows or wanted.before else await gather.missing(wanted)
    names = [row.view.name for row in await gather.subscribers()]
    older = page_before(found.rows, found.older).next_cursor
    return page(
        request, "events.html", events=found.rows, older=older, missing=missing, chosen=chosen | ended, names=names
    )


@router.get(f"{PAGE}/event")
async def event(request: Request) -> Response:
    """One event's story, with every attempt."""
    asked = request.query_params
    found = await gather_of(request).event(asked.get("id", ""), asked.get("source") or None)
    web_ui = gateway_of(request).web_ui
    try:
        known = [row.view for row in await gather_of(request).subscribers()]
    except UnavailableError:  # no worker: what is known of the event is still shown
        known = []
    resend = asked.get("resend")  # it was sent again just now, by this workflow
    return page(
        request,
        "event.html",
        event=found.event,
        runs=found.runs,
        paused=found.paused,
        links={run.workflow_id: web_ui.workflow(run.workflow_id) for run in found.runs},
        names=[each.name for each in known],
        remarks=list(remarks(found, known, asked.get("to") or None, without=resend)) if resend else [],
    )


@router.get(f"{PAGE}/why")
async def why(request: Request) -> Response:
    """Why a subscriber was or was not told of an event."""
    asked = request.query_params
    found = await gather_of(request).why(asked.get("id", ""), asked.get("subscriber", ""), asked.get("source") or None)
    return page(request, "why.html", found=found)


@router.get(f"{PAGE}/incidents")
async def incidents(request: Request) -> Response:
    """Incidents, the latest first."""
    return page(request, "incidents.html", incidents=(await gather_of(request).incidents(INCIDENTS)).rows)


@router.get(f"{PAGE}/incident")
async def incident(request: Request) -> Response:
    """An incident with its timeline."""
    found = await gather_of(request).incident(request.query_params.get("id", ""))
    web_ui = gateway_of(request).web_ui.workflow(f"incident/{found.id}")
    return page(request, "incident.html", incident=found, web_ui=web_ui)


@router.get(f"{PAGE}/subscriber")
async def subscriber(request: Request) -> Response:
    """A subscriber, how it does, and its latest events."""
    gather, name = gather_of(request), request.query_params.get("name", "")
    row = await gather.subscriber(name)
    recent = await _in_time(_recent(gather, EventFilter(subscriber=name, limit=FIRST_EVENTS)))
    return page(request, "subscriber.html", row=row, events=recent)


@router.get(f"{PAGE}/static/{{file}}")
async def static(request: Request) -> Response:
    """Stylesheet, script and icon, kept by browsers for good: their addresses change with them."""
    name = request.path_params["file"]
    if name not in ASSETS:
        return explain(request, HTTPStatus.NOT_FOUND, f"There is no file {name!r}.", "")
    return Response(asset(name), media_type=ASSETS[name], headers={"Cache-Control": FOR_GOOD})


@unknown.get(f"{PAGE}/{{path:path}}")
async def nothing(request: Request) -> Response:
    """What is said of a page that does not exist."""
    return explain(request, HTTPStatus.NOT_FOUND, "There is no such page.", "Begin at the overview.")
