"""What keeps pages live: the event stream of the API, for who has a session instead of a token in a header."""

from contextlib import AsyncExitStack
from functools import partial

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import Response

from api.dependencies import gateway_of
from api.event_stream import EventStream, place_of
from api.page.access import PageRoute, check_again
from api.urls import PAGE
from service.changes import Watch

router = APIRouter(route_class=PageRoute, include_in_schema=False)


@router.get(f"{PAGE}/changes")
async def changes(request: Request) -> Response:
    """Server-sent events from now on; the script takes each as a reason to ask for its page again."""
    async with AsyncExitStack() as stack:
        place = place_of(request.state.visitor.caller)
        listener = await stack.enter_async_context(gateway_of(request).follower.listening(Watch(), caller=place))
        return EventStream(listener, stack.pop_all(), partial(check_again, request))
