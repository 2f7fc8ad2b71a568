"""Routes of replays: send events again in bulk, watch, cancel."""

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Request, Response
from pydantic import ConfigDict, Field

from api import examples, replay_examples
from api.bodies import Body
from api.dependencies import ApiGateway, IdempotencyKey
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_next, page_before, read_time
from api.problems import problems
from api.scopes import ScopedRoute
from api.times import read_moment
from api.urls import location
from domain.errors import InvalidRequestError
from domain.patterns import parse_patterns
from domain.replays import DEFAULT_RATE, ReplayReport, Survey
from service.idempotency import Once
from service.replay_views import ReplayOptions, ReplayView, doubts_of, replay_rate

TYPES_MISTAKEN = "One for each of the types that looks mistaken, such as one that nobody emits."

router = APIRouter(prefix="/replays", tags=["replays"], route_class=ScopedRoute)

Moment = Annotated[str, Field(max_length=64, description="RFC 3339, or a duration before now such as 15m, 24h.")]


class Select(Body):
    """Which events are replayed, and to whom."""

    model_config = ConfigDict(json_schema_extra={"examples": [replay_examples.START, replay_examples.BACKFILL]})

    subscriber: str | None = Field(
        None,
        description="Whose events: all retained ones that it wants; with undelivered, failed_only or to, what it was "
        "sent. With to it may have been removed.",
    )
    to: str | None = Field(None, description="Who is sent them. Null: the subscriber itself.")
    since: Moment | None = None
    until: Moment | None = None
    types: str | None = Field(None, description="Patterns, separated by commas, besides those of the receiver.")
    failed_only: bool = Field(False, description="Only what failed for good and has not arrived since.")
    undelivered: bool = Field(False, description="What failed for good or was cancelled, and has not arrived since.")
    rate: str = Field(DEFAULT_RATE, description="``10/s`` or ``100/m``; 0.1 to 1000 a second.")

    def options(self) -> ReplayOptions:
        """What is asked for, with times that count from now; raises what is wrong with it by the names it has here."""
        if self.subscriber is None and self.to is None:
            raise InvalidRequestError(reason="give subscriber, whose events, or to, who is sent all that it wants")
        for member in ("failed_only", "undelivered"):
            if getattr(self, member) and self.subscriber is None:
                raise InvalidRequestError(reason=f"{member} needs subscriber: whom did they not reach?")
        if self.failed_only and self.undelivered:
            raise InvalidRequestError(reason="undelivered takes what failed too: give it or failed_only, not both")
        now = datetime.now(UTC)
        return ReplayOptions(
            subscriber=self.subscriber,
            to=self.to,
            since=read_moment("since", self.since, now),
            until=read_moment("until", self.until, now),
            types=list(parse_patterns(self.types)) if self.types is not None else None,
            failed_only=self.failed_only,
            undelivered=self.undelivered,
            rate=replay_rate(self.rate),
        )


class Started(ReplayView):
    """A replay that was started."""

    warnings: list[str] = Field([], description=TYPES_MISTAKEN)


class Surveyed(Survey):
    """What a replay would send."""

    warnings: list[str] = Field([], description=TYPES_MISTAKEN)


@router.post(
    "",
    status_code=202,
    operation_id="startReplay",
    summary="Send events again, in bulk",
    responses=examples.answer(202, replay_examples.STARTED) | problems(409, 415),
)
async def start_replay(
    body: Select, gateway: ApiGateway, response: Response, idempotency_key: IdempotencyKey
) -> Started:
    """Each event once, under its own id, at a rate; the requests carry the header ``Im-Replay``.

    It goes on by itself, even if this process ends. If nothing matches, it is ``done``, with ``matched`` 0. A request
    repeated with the same Idempotency-Key and token is answered with the replay that was started first, even if the
    subscriber has changed since; with other options it is refused.
    """
    once = Once(idempotency_key, body.model_dump_json()) if idempotency_key else None
    options = body.options()
    started = await gateway.replays.start(options, once)
    response.headers["Location"] = location("replays", started.id)
    return Started(**dict(started), warnings=doubts_of(options))


@router.post(
    "/survey",
    operation_id="surveyReplay",
    summary="Count what a replay would send",
    responses=examples.answer(200, replay_examples.SURVEYED) | problems(415),
)
async def survey_replay(body: Select, gateway: ApiGateway) -> Surveyed:
    """The dry run: how many events of each type, the first and the last. Nothing is sent; counting ends at 20,000."""
    options = body.options()
    return Surveyed(**dict(await gateway.replays.survey(options)), warnings=doubts_of(options))


@router.get("", operation_id="listReplays", summary="List replays", responses=examples.listed(replay_examples.ROW))
async def list_replays(
    request: Request, gateway: ApiGateway, response: Response, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[ReplayReport]:
    """The latest first, a second behind at most."""
    found = await gateway.replays.find(limit=limit, before=read_time(cursor))
    page = page_before(found.rows, found.older)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/{replay_id}",
    operation_id="getReplay",
    summary="Show how far a replay has come",
    responses=examples.answer(200, replay_examples.REPLAY) | problems(404),
)
async def get_replay(replay_id: str, gateway: ApiGateway) -> ReplayView:
    """``matched``, ``sent``, what became of it, and how long it takes."""
    return await gateway.replays.get(replay_id)


@router.post(
    "/{replay_id}/cancel",
    operation_id="cancelReplay",
    summary="Stop a replay",
    responses=examples.answer(200, replay_examples.REPLAY) | problems(404),
)
async def cancel_replay(replay_id: str, gateway: ApiGateway) -> ReplayView:
    """It stops within two seconds or twenty events. What it has sent is delivered; one that ended stays so."""
    return await gateway.replays.cancel(replay_id)
