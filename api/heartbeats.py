"""Routes of heartbeats, and the doors by which beats come in: by name with the token, by key without it."""

from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from fastapi import APIRouter, Path, Request, Response
from fastapi.responses import PlainTextResponse

from api import examples, heartbeat_examples
from api.dependencies import ANY_QUERY, ApiGateway
from api.heartbeat_bodies import BEAT_BODY, AddHeartbeat, UpdateHeartbeat
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_by_name, page_of
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import PING_PATHS, PREFIX, location
from domain.heartbeats import MAX_BODY_READ, BeatKind, read_word
from domain.source_errors import HeartbeatNotFoundError
from service.gateway import Gateway
from service.heartbeat_views import HeartbeatAdded, HeartbeatView

router = APIRouter(prefix="/heartbeats", tags=["heartbeats"], route_class=ScopedRoute)
doors = APIRouter(prefix=PING_PATHS.removeprefix(PREFIX).rstrip("/"), tags=["heartbeats"])

Handler = TypeVar("Handler", bound=Callable[..., Any])
Word = Annotated[
    str, Path(description="``start``, ``fail``, ``log``, ``beat``, or an exit status of 0 to 255.", examples=["start"])
]


@router.post(
    "",
    status_code=201,
    operation_id="addHeartbeat",
    summary="Add a heartbeat",
    responses=examples.answer(201, heartbeat_examples.HEARTBEAT_ADDED) | problems(409, 413, 415),
)
async def add_heartbeat(body: AddHeartbeat, gateway: ApiGateway, response: Response) -> HeartbeatAdded:
    """Until its first beat it raises no alarm. ``ping_path`` makes its beat URL; it is a key, and never shown again."""
    added = await gateway.heartbeats.add(**body.arguments())
    response.headers["Location"] = location("heartbeats", added.heartbeat.name)
    return added


@router.get(
    "",
    operation_id="listHeartbeats",
    summary="List heartbeats",
    responses=examples.listed(heartbeat_examples.HEARTBEAT),
)
async def list_heartbeats(
    gateway: ApiGateway, response: Response, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[HeartbeatView]:
    """Heartbeats by name, a page at a time."""
    page = page_of(await gateway.heartbeats.all(), lambda row: row.name, limit, cursor)
    link_by_name(response, limit, page.next_cursor, "heartbeats")
    return page


@router.get(
    "/{name}",
    operation_id="getHeartbeat",
    summary="Show a heartbeat",
    responses=examples.answer(200, heartbeat_examples.HEARTBEAT) | problems(404),
)
async def get_heartbeat(name: str, gateway: ApiGateway) -> HeartbeatView:
    """Its status and latest changes. Unlike a GET of the beat URL, this GET is no beat."""
    return await gateway.heartbeats.get(name)


@router.patch(
    "/{name}",
    operation_id="updateHeartbeat",
    summary="Change a heartbeat",
    responses=examples.answer(200, heartbeat_examples.HEARTBEAT) | problems(404, 409, 413, 415),
)
async def update_heartbeat(name: str, body: UpdateHeartbeat, gateway: ApiGateway) -> HeartbeatView:
    """Its beat URL, its past and an open incident stay as they are.

    The deadline moves by as much as the times do. If it would have passed only because of that, a whole period begins
    now.
    """
    return await gateway.heartbeats.update(name, **body.arguments())


@router.delete(
    "/{name}", status_code=204, operation_id="removeHeartbeat", summary="Remove a heartbeat", responses=problems(404)
)
async def remove_heartbeat(name: str, gateway: ApiGateway) -> None:
    """Its open incident, if any, is resolved with a note."""
    await gateway.heartbeats.remove(name)


@router.post(
    "/{name}/pause",
    operation_id="pauseHeartbeat",
    summary="Pause a heartbeat",
    responses=examples.answer(200, heartbeat_examples.HEARTBEAT) | problems(404, 409),
)
async def pause_heartbeat(name: str, gateway: ApiGateway) -> HeartbeatView:
    """No beat is expected until it is resumed; its open incident, if any, is resolved with a note."""
    return await gateway.heartbeats.pause(name)


@router.post(
    "/{name}/resume",
    operation_id="resumeHeartbeat",
    summary="Resume a heartbeat",
    responses=examples.answer(200, heartbeat_examples.HEARTBEAT) | problems(404, 409),
)
async def resume_heartbeat(name: str, gateway: ApiGateway) -> HeartbeatView:
    """The deadline is counted from now. One that never had a beat waits for its first."""
    return await gateway.heartbeats.resume(name)


_TEXT = {"schema": {"type": "string"}}
_OK: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": _TEXT | {"example": "OK"}}}}
_UNKNOWN_KEY: dict[int | str, dict[str, Any]] = {
    404: {"description": "Not Found", "content": {"text/plain": _TEXT | {"example": "not found"}}}
}


def _take(
    where: APIRouter, path: str, operation: str, summary: str, methods: Sequence[str] = ("POST", "GET", "HEAD")
) -> Callable[[Handler], Handler]:
    """Declares one route for each method; OpenAPI names the POST for all of them."""
    failures = problems(404, 413) if where is router else _UNKNOWN_KEY | problems(408, 413)

    def declare(handler: Handler) -> Handler:
        for method in methods:
            where.add_api_route(
                path,
                handler,
                methods=[method],
                operation_id=operation,
                summary=summary,
                response_class=Response,
                responses=_OK | failures,
                openapi_extra=BEAT_BODY,
                dependencies=[ANY_QUERY],
                include_in_schema=method == "POST",
            )
        return handler

    return declare


@_take(router, "/{name}", "beat", "Beat: the job went well", methods=("POST", "HEAD"))
async def beat(name: str, request: Request, gateway: ApiGateway) -> Response:
    """A beat by name; HEAD does the same. Answered once Temporal has it. Without the token: by beat URL."""
    kind, note = read_word("", await _start_of_body(request))
    await gateway.heartbeats.beat(name, kind, note=note)
    return PlainTextResponse("OK")


@_take(router, "/{name}/{word}", "beatWith", "Beat: the job starts, fails, logs or has ended")
async def beat_with(name: str, word: Word, request: Request, gateway: ApiGateway) -> Response:
    """A beat by name that says more; GET and HEAD do the same."""
    kind, note = read_word(word, await _start_of_body(request))
    await gateway.heartbeats.beat(name, kind, note=note)
    return PlainTextResponse("OK")


@doors.api_route("/{key}/", methods=["POST", "GET", "HEAD"], include_in_schema=False, response_class=Response)
@_take(doors, "/{key}", "ping", "Beat by beat URL: the job went well")
async def ping(key: str, request: Request, gateway: ApiGateway) -> Response:
    """A beat in the manner of healthchecks.io: the URL is a secret and all that is needed; GET and HEAD do the same.

    Answered once Temporal has it. A query, such as ``rid=``, is ignored.
    """
    return await _pinged(gateway, key, *read_word("", await _start_of_body(request)))


@_take(doors, "/{key}/{word}", "pingWith", "Beat by beat URL: the job starts, fails, logs or has ended")
async def ping_with(key: str, word: Word, request: Request, gateway: ApiGateway) -> Response:
    """A beat by beat URL that says more; GET and HEAD do the same."""
    return await _pinged(gateway, key, *read_word(word, await _start_of_body(request)))


async def _pinged(gateway: Gateway, key: str, kind: BeatKind, note: str | None) -> Response:
    try:
        await gateway.heartbeats.ping(key, kind, note=note)
    except HeartbeatNotFoundError:
        return PlainTextResponse("not found", HTTPStatus.NOT_FOUND)
    return PlainTextResponse("OK")


async def _start_of_body(request: Request) -> bytes:
    """As much of a body as is looked at; a long one is no reason to refuse a beat."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) >= MAX_BODY_READ:
            break
    return body
