"""Routes that pause and resume subscribers."""

from datetime import timedelta

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api import examples, pause_examples
from api.bodies import Body
from api.dependencies import ApiGateway
from api.problems import problems
from api.scopes import ScopedRoute
from domain.pauses import MAX_REASON_CHARS, MAX_TIME
from service.subscriber_views import Resumed, SubscriberView

router = APIRouter(prefix="/subscribers", tags=["subscribers"], route_class=ScopedRoute)


class PauseSubscriber(Body):
    """Why a subscriber is paused."""

    model_config = ConfigDict(json_schema_extra={"examples": [pause_examples.PAUSE]})

    reason: str | None = Field(
        None, max_length=MAX_REASON_CHARS, description="Shown wherever the pause is; ``by hand`` if absent."
    )


class ResumeSubscriber(Body):
    """What becomes of what waited."""

    model_config = ConfigDict(json_schema_extra={"examples": [pause_examples.RESUME]})

    drop_older_than_seconds: int | None = Field(
        None,
        ge=1,
        le=int(MAX_TIME.total_seconds()),
        description="What was emitted longer ago ends as cancelled instead of being sent.",
    )


@router.post(
    "/{name}/pause",
    operation_id="pauseSubscriber",
    summary="Pause a subscriber",
    responses=examples.answer(200, pause_examples.PAUSED) | problems(404, 409, 413, 415),
)
async def pause_subscriber(name: str, gateway: ApiGateway, body: PauseSubscriber | None = None) -> SubscriberView:
    """New events wait, and so do retries; requests under way end. A subscriber that is paused already stays so."""
    return await gateway.subscribers.pause(name, body.reason if body else None)


@router.post(
    "/{name}/resume",
    operation_id="resumeSubscriber",
    summary="Resume a subscriber",
    responses=examples.answer(200, pause_examples.RESUMED) | problems(404, 413, 415),
)
async def resume_subscriber(name: str, gateway: ApiGateway, body: ResumeSubscriber | None = None) -> Resumed:
    """What waited is sent, oldest first: one as a probe, then more and more at once while that goes well.

    Answers when that begins; ``health.drain`` of the subscriber shows the progress.
    """
    seconds = body.drop_older_than_seconds if body else None
    return await gateway.subscribers.resume(name, None if seconds is None else timedelta(seconds=seconds))
