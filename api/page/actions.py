"""What can be done from the page: buttons for those whose token may manage."""

from http import HTTPStatus

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from api.dependencies import gateway_of
from api.page.access import PageRoute, fields
from api.page.gather import gather_of
from api.page.render import link
from api.urls import PAGE
from domain.timing import parse_duration

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(f"{PAGE}/event/resend")
async def resend(request: Request) -> Response:
    """An event, again, to one subscriber or to all that want it."""
    form = await fields(request)
    event_id, source, to = form.get("id", ""), form.get("source") or None, form.get("subscriber") or None
    resent = await gateway_of(request).events.resend(event_id, to, source=source)
    gather_of(request).forget()
    told = link("event", id=event_id, source=source, done="resent", to=to, resend=resent.workflow_id)
    return RedirectResponse(told, HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/subscriber/pause")
async def pause(request: Request) -> Response:
    """What comes for a subscriber waits from now on."""
    form = await fields(request)
    name = form.get("name", "")
    await gateway_of(request).subscribers.pause(name, form.get("reason"))
    gather_of(request).forget()
    return RedirectResponse(link("subscriber", name=name, done="paused"), HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/subscriber/resume")
async def resume(request: Request) -> Response:
    """What waited for a subscriber is sent."""
    form = await fields(request)
    name, age = form.get("name", ""), form.get("drop_older_than")
    await gateway_of(request).subscribers.resume(name, parse_duration(age) if age else None)
    gather_of(request).forget()
    return RedirectResponse(link("subscriber", name=name, done="resumed"), HTTPStatus.SEE_OTHER)


@router.post(f"{PAGE}/subscriber/enable")
async def enable(request: Request) -> Response:
    """A disabled subscriber is told of events again, from the next one on."""
    name = (await fields(request)).get("name", "")
    await gateway_of(request).subscribers.update(name, enabled=True)
    gather_of(request).forget()
    return RedirectResponse(link("subscriber", name=name, done="enabled"), HTTPStatus.SEE_OTHER)
