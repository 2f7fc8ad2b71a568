"""The route of the event stream: server-sent events (WHATWG HTML, 9.2)."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Annotated

from fastapi import APIRouter, Header, Query
from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

from api.dependencies import ApiGateway
from api.event_examples import STREAM
from api.scopes import ScopedRoute
from service.changes import Watch
from service.follower import Listener, Told

router = APIRouter(prefix="/events", tags=["events"], route_class=ScopedRoute)

HEARTBEAT_SECONDS = 15.0
RETRY_MS = 3000  # after which a browser comes back
LONGEST_SECONDS = 900.0  # of one answer: whoever comes back shows the token again, which may be revoked
SEND_SECONDS = 30.0  # for a client to take what it is sent

_OLD = "it is a quarter of an hour old; come back with Last-Event-ID"


class EventStream(StreamingResponse):
    """What a listener is told, as it comes; a client that takes nothing is given up instead of waited for.

    Args:
        listener: its listening ends with the answer.
        listening: what is to be closed then.
    """

    media_type = "text/event-stream"

    def __init__(self, listener: Listener, listening: AsyncExitStack) -> None:
        super().__init__(_lines(listener))
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
    gateway: ApiGateway,
    type: Annotated[str | None, Query(description="An event type or a pattern.")] = None,  # noqa: A002
    subscriber: Annotated[str | None, Query(description="That it is for; with failed, that it failed for.")] = None,
    incident: Annotated[str | None, Query(description="An incident's id.")] = None,
    failed: Annotated[bool, Query(description="Only what failed for good.")] = False,
    last_event_id: Annotated[str | None, Header(description="The id of the last event received.")] = None,
) -> EventStream:
    """Server-sent events: `change` (an event is new, or its outcome is another), `gap` and `end`, with JSON as data.

    At least once: with `Last-Event-ID` everything that changed since is told, and some of it again; without, what
    changes from now on. Of one look at Temporal's store, a second apart, events come in the order in which they were
    emitted. `gap` says what cannot be told any more. After `end`, which a slow reader gets, too, come back.
    A comment every 15 s shows that the stream is alive.
    """
    async with AsyncExitStack() as stack:
        watch = Watch(type=type, subscriber=subscriber, incident=incident, failed=failed)
        listener = await stack.enter_async_context(gateway.follower.listening(watch, last_event_id))
        return EventStream(listener, stack.pop_all())


async def _lines(listener: Listener) -> AsyncIterator[str]:
    ends_at = time.monotonic() + LONGEST_SECONDS
    yield f"retry: {RETRY_MS}\nid: {listener.position}\n\n"
    while True:
        if time.monotonic() >= ends_at:
            listener.end(_OLD)
        told = await listener.next(HEARTBEAT_SECONDS)
        yield _heartbeat(listener) if told is None else _message(told)
        if told is not None and told.kind == "end":
            return


def _heartbeat(listener: Listener) -> str:
    """A comment; and the position, so that whoever filters much need not come back from long ago."""
    return f": still here\nid: {listener.position}\n\n"


def _message(told: Told) -> str:
    data = told.change.model_dump_json() if told.change else told.model_dump_json(include={"reason"})
    return f"id: {told.position}\nevent: {told.kind}\ndata: {data}\n\n"
