"""Routes of subscribers and their health."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Query, Response

from api import examples
from api.bodies import AddSubscriber, UpdateSubscriber
from api.dependencies import ApiGateway
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_by_name, page_of
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import location
from api.views import TypeMatch, type_match
from domain.health import Health
from service.subscriber_views import Changed, SubscriberDetail, SubscriberView, unsigned
from service.trials import Trial

router = APIRouter(prefix="/subscribers", tags=["subscribers"], route_class=ScopedRoute)


@router.post(
    "",
    status_code=201,
    operation_id="addSubscriber",
    summary="Add a subscriber",
    responses=examples.answer(201, examples.CHANGED) | problems(409, 413, 415),
)
async def add_subscriber(body: AddSubscriber, gateway: ApiGateway, response: Response) -> Changed:
    """Events published after this answer are delivered to it. A generated secret is shown here and never again.

    ``warnings`` says so if its requests will not be signed.
    """
    changed = await gateway.subscribers.add(**body.arguments())
    response.headers["Location"] = location("subscribers", changed.subscriber.name)
    warnings = changed.warnings + unsigned(changed.subscriber, "PATCH it with generate_secret true")
    return changed.model_copy(update={"warnings": warnings})


@router.get(
    "",
    operation_id="listSubscribers",
    summary="List subscribers",
    responses=examples.listed(examples.SUBSCRIBER),
)
async def list_subscribers(
    gateway: ApiGateway, response: Response, limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None
) -> Page[SubscriberView]:
    """Subscribers by name, a page at a time."""
    page = page_of(await gateway.subscribers.all(), lambda row: row.name, limit, cursor)
    link_by_name(response, limit, page.next_cursor, "subscribers")
    return page


@router.get(
    "/health",
    operation_id="listSubscriberHealth",
    summary="Health of every subscriber",
    responses=examples.listed(examples.HEALTH),
)
async def list_health(gateway: ApiGateway) -> Page[Health]:
    """One row for every subscriber, by name, all in one page."""
    return Page(data=await gateway.health.all())


@router.get(
    "/match",
    operation_id="matchEventTypes",
    summary="Event types that patterns match",
    responses=examples.answer(200, examples.TYPE_MATCH),
)
async def match_types(
    types: Annotated[list[str], Query(description="Patterns, repeated or separated by commas.", examples=["im.**"])],
) -> TypeMatch:
    """Which of the known event types a list of patterns matches, and a warning for each that matches none."""
    return type_match(",".join(types))


@router.get(
    "/{name}",
    operation_id="getSubscriber",
    summary="Show a subscriber",
    responses=examples.answer(200, examples.SUBSCRIBER | {"health": examples.HEALTH}) | problems(404),
)
async def get_subscriber(name: str, gateway: ApiGateway) -> SubscriberDetail:
    """Its configuration and its health. Secrets and header values cannot be read back."""
    return await gateway.health.with_subscriber(name)


@router.patch(
    "/{name}",
    operation_id="updateSubscriber",
    summary="Change a subscriber or rotate its secret",
    responses=examples.answer(200, examples.CHANGED) | problems(404, 409, 413, 415),
)
async def update_subscriber(name: str, body: UpdateSubscriber, gateway: ApiGateway) -> Changed:
    """Deliveries that wait for a retry use the new values, except for the schedule, which applies to new deliveries.

    Disabling is refused (409 ``deliveries_waiting``) while events wait for the end of a pause, unless
    ``cancel_waiting``; ``warnings`` says how many are cancelled by it.
    """
    overlap = timedelta(seconds=body.overlap_seconds)
    return await gateway.subscribers.update(name, overlap=overlap, **body.arguments())


@router.delete(
    "/{name}",
    status_code=204,
    operation_id="removeSubscriber",
    summary="Remove a subscriber",
    responses=problems(404, 409),
)
async def remove_subscriber(
    name: str,
    gateway: ApiGateway,
    *,
    cancel_waiting: Annotated[bool, Query(description="Cancel what its pause holds.")] = False,
) -> None:
    """Events published after this answer are not delivered to it; deliveries that wait for a retry are cancelled.

    Refused (409 ``deliveries_waiting``) while events wait for the end of its pause, or are to be retried during it,
    unless ``cancel_waiting``.
    """
    await gateway.subscribers.remove(name, cancel_waiting=cancel_waiting)


@router.post(
    "/{name}/test",
    operation_id="testSubscriber",
    summary="Send a subscriber a test event",
    responses=examples.answer(200, examples.TRIAL) | problems(404, 409),
)
async def test_subscriber(name: str, gateway: ApiGateway) -> Trial:
    """Answers when the first request was answered, or after 12 s. It is 200 even if that failed: see ``state``."""
    return await gateway.trials.run(name)


@router.get(
    "/{name}/health",
    operation_id="getSubscriberHealth",
    summary="Health of a subscriber",
    responses=examples.answer(200, examples.HEALTH) | problems(404),
)
async def get_health(name: str, gateway: ApiGateway) -> Health:
    """Counted at least once: a crash can count a delivery twice, and loses none."""
    return await gateway.health.get(name)
