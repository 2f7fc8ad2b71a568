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

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.post(f"{PAGE}/event/resend")
async def resend(request: Request) -> Response:
    """An event, again, to one subscriber or to all that want it."""
    form = await fields(request)
    event_id, source = form.get("id", ""), form.get("source") or None
    await gateway_of(request).events.resend(event_id, form.get("subscriber") or None, source=source)
    gather_of(request).forget()
    return RedirectResponse(link("event", id=event_id, source=source, done="resent"), HTTPStatus.SEE_OTHER)
