"""The route of the event stream: server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.dependencies import ApiGateway
from api.event_examples import STREAM
from api.middleware import ANYBODY, CALLER
from api.scopes import ScopedRoute
from domain.errors import ImError
from domain.event_types import EMITTED_TYPES
from domain.incidents import incident_named
from domain.patterns import misread
from domain.source_errors import AccessDeniedError
from service.callers import Caller
from service.changes import Watch
from service.filter_checks import check_watched
from service.gateway import Gateway
from service.stream_listener import Listener, Told

router = APIRouter(prefix="/events", tags=["events"], route_class=ScopedRoute)

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 3000  # after which a browser comes back
CHECK_SECONDS = 15.0  # between two looks at whether the caller's token still counts
LONGEST_SECONDS = 900.0  # of one answer
SEND_SECONDS = 30.0  # for a client to take what it is sent

_OLD = "it is a quarter of an hour old; come back with Last-Event-ID"

Check = Callable[[], Awaitable[object]]


class EventStream(StreamingResponse):
    """What a listener is told, as it comes; a client that takes nothing is given up instead of waited for.

    Args:
        listener: its listening ends with the answer.
        listening: what is to be closed then.
        check: raises `AccessDeniedError` once the caller may not listen any more.
        warning: about what is listened for; it is a comment at the beginning.
    """

    media_type = "text/event-stream"

    def __init__(self, listener: Listener, listening: AsyncExitStack, check: Check, warning: str | None = None) -> None:
        super().__init__(_lines(listener, check, warning))
        self._listening = listening

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer until the client has gone or the stream ends."""

        async def in_time(message: Message) -> None:
            async with asyncio.timeout(SEND_SECONDS):
                await send(message)

        async with self._listening:
            with contextlib.suppress(TimeoutError):
                await super().__call__(scope, receive, in_time)


@router.get(
    "/stream",
    status_code=200,
    operation_id="streamEvents",
    summary="Follow events as their outcomes change",
    response_class=StreamingResponse,
    responses=STREAM,
)
async def stream_events(
    *,
    request: Request,
    gateway: ApiGateway,
    type: Annotated[str | None, Query(description="An event type or a pattern.", min_length=1)] = None,  # noqa: A002
    subscriber: Annotated[
        str | None,
        Query(description="A subscriber that the event is for; with ``failed``, one that it failed for.", min_length=1),
    ] = None,
    incident: Annotated[str | None, Query(description="An incident's id.", min_length=1)] = None,
    failed: Annotated[bool, Query(description="Only what failed for good.")] = False,
    last_event_id: Annotated[str | None, Header(description="The id of the last event received.")] = None,
) -> EventStream:
    """Server-sent events: `change` (an event is new, or its outcome has changed), `gap` and `end`, with JSON as data.

    At least once: with `Last-Event-ID` you are told everything that changed since, some of it again; without it, what
    changes from now on. Temporal's store is looked at once a second; the events of one look come in the order in which
    they were emitted. `gap` says what can no longer be told. After `end`, which a slow reader gets, too, connect again.
    A comment every 15 s shows that the stream is alive; the first one may warn of a type that looks misspelt. The
    stream ends within half a minute after its token has ended.
    """
    async with AsyncExitStack() as stack:
        incident = incident_named(incident)
        watch = Watch(type=type, subscriber=subscriber, incident=incident, failed=failed).checked()
        await check_watched(gateway, subscriber, incident)
        place = place_of(request.scope[CALLER])
        listener = await stack.enter_async_context(gateway.follower.listening(watch, last_event_id, place))
        warning = misread(type, list(EMITTED_TYPES))
        return EventStream(listener, stack.pop_all(), partial(_check_again, request, gateway), warning)


def place_of(caller: Caller) -> str | None:
    """Whose place a listener takes; None where no tokens tell callers apart."""
    return None if caller is ANYBODY else caller.name


async def _check_again(request: Request, gateway: Gateway) -> None:
    if gateway.callers.needed:  # scopes of a token do not change
        await gateway.callers.of(request.headers.getlist("authorization"), counts=False)


async def _lines(listener: Listener, check: Check, warning: str | None) -> AsyncIterator[str]:
    ends_at = time.monotonic() + LONGEST_SECONDS
    check_at = time.monotonic() + CHECK_SECONDS
    comment = f": warning: {warning}\n" if warning else ""
    yield f"{comment}retry: {RETRY_MS}\nid: {listener.position}\n\n"
    while True:
        if time.monotonic() >= ends_at:
            listener.end(_OLD)
        if time.monotonic() >= check_at:
            await _end_if_refused(listener, check)
            check_at = time.monotonic() + CHECK_SECONDS
        told = await listener.next(HEARTBEAT_SECONDS)
        yield _heartbeat(listener) if told is None else _message(told)
        if told is not None and told.kind == "end":
            return


async def _end_if_refused(listener: Listener, check: Check) -> None:
    try:
        await check()
    except AccessDeniedError as error:
        listener.end(str(error))
    except ImError:  # Temporal is away: revoking takes it, too
        return


def _heartbeat(listener: Listener) -> str:
    """A comment; and the position, so that whoever filters much need not come back from long ago."""
    return f": still here\nid: {listener.position}\n\n"


def _message(told: Told) -> str:
    data = told.change.model_dump_json() if told.change else told.model_dump_json(include={"reason"})
    return f"id: {told.position}\nevent: {told.kind}\ndata: {data}\n\n"
