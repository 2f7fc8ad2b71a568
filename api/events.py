"""Routes of events: publish, find, explain, send again, and the CloudEvents handshake."""

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Header, Query, Request, Response

from api import examples
from api.bodies import Resend
from api.dependencies import ANY_QUERY, ApiGateway, gateway_of
from api.direct import DirectRoute
from api.event_examples import EXPLANATION
from api.event_requests import DOCUMENTED, read_batch, read_context, read_event
from api.pages import DEFAULT_LIMIT, Cursor, Limit, WarnedPage, link_next, page_before, read_time
from api.problems import problems
from api.scopes import ScopedRoute
from api.times import read_moment
from api.urls import location
from api.views import EventDetail, event_detail
from domain.event_types import EMITTED_TYPES
from domain.explanations import Explanation
from domain.incidents import incident_named
from domain.patterns import misread
from domain.receipts import BatchReceipt, PublishReceipt
from service.event_list import EventFilter
from service.event_rows import EventRow
from service.filter_checks import check_empty, doubts
from service.resends import Resent

router = APIRouter(prefix="/events", tags=["events"], route_class=ScopedRoute)
publishing = APIRouter(prefix="/events", tags=["events"], route_class=DirectRoute)


@publishing.post(
    "",
    status_code=202,
    operation_id="publishEvent",
    summary="Publish a CloudEvent",
    responses=examples.answer(202, examples.RECEIPT) | problems(409, 413, 415),
    openapi_extra=DOCUMENTED,
)
async def publish_event(request: Request) -> Response:
    """Answered once the event is safe: its delivery then survives any crash.

    Source and id identify an event. Published again, it gets the same answer, marked as duplicate, and is not delivered
    again, for as long as the Temporal namespace retains it; with other content it is refused. In a burst, events share
    workflows, and a repeat that reaches another process within a second can be delivered again, under the same id;
    with an Idempotency-Key it cannot. A batch is accepted as a whole or not at all, and the same batch only once.
    """
    events, caller = gateway_of(request).events, read_context(request)
    if (batch := await read_batch(request)) is not None:
        return _accepted(BatchReceipt(accepted=await events.publish_batch(batch, caller)))
    receipt = await events.publish(await read_event(request), caller, alone="idempotency-key" in request.headers)
    return _accepted(receipt, {"Location": location("events", receipt.event_id)})


def _accepted(receipt: PublishReceipt | BatchReceipt, headers: dict[str, str] | None = None) -> Response:
    return Response(receipt.model_dump_json(), HTTPStatus.ACCEPTED, headers, media_type="application/json")


@router.options(
    "",
    status_code=204,
    operation_id="grantWebhookOrigin",
    summary="CloudEvents abuse-protection handshake",
    dependencies=[ANY_QUERY],
)
async def grant_origin(
    response: Response,
    origin: Annotated[str | None, Header(alias="WebHook-Request-Origin", description="Who wants to deliver.")] = None,
) -> None:
    """Allows the origin to deliver events here, at any rate (CloudEvents webhook specification 1.0, section 4)."""
    response.headers["Allow"] = "GET, OPTIONS, POST"
    if origin:
        response.headers["WebHook-Allowed-Origin"] = origin
        response.headers["WebHook-Allowed-Rate"] = "*"


@router.get(
    "",
    operation_id="listEvents",
    summary="List events",
    responses=examples.listed(examples.EVENT_ROW, warnings=[]),
)
async def list_events(
    *,
    request: Request,
    gateway: ApiGateway,
    response: Response,
    type: Annotated[str | None, Query(description="An event type or a pattern.", min_length=1)] = None,  # noqa: A002
    incident: Annotated[str | None, Query(description="An incident's id.", min_length=1)] = None,
    subscriber: Annotated[
        str | None,
        Query(
            description="A subscriber that the event was for; with ``failed``, one that it failed for.", min_length=1
        ),
    ] = None,
    since: Annotated[
        str | None, Query(description="RFC 3339, or a duration such as 15m, 24h.", min_length=1, max_length=64)
    ] = None,
    failed: Annotated[bool, Query(description="Only events with a delivery that failed for good.")] = False,
    undelivered: Annotated[
        bool, Query(description="Only events with a delivery that failed for good or was cancelled.")
    ] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> WarnedPage[EventRow]:
    """The latest first, a second behind at most. Every condition given must hold.

    Events that share a workflow are never split between pages, so a page can have more rows than ``limit``.
    A resend and a replay have rows of their own (``kind``), whose ``emitted_at`` is when they sent the event.

    With ``subscriber``, ``state`` is where the delivery to that subscriber stands. If nothing is found, a filter that
    names an unknown subscriber or incident is refused. ``warnings`` says that a type looks misspelt, that the list of
    one subscriber's events may lack some (of events with more subscribers than can be named), or that it is empty
    because the subscriber is disabled.
    """
    at = read_moment("since", since, datetime.now(UTC))
    wanted = EventFilter(
        failed=failed,
        undelivered=undelivered,
        type=type,
        incident=incident_named(incident),
        subscriber=subscriber,
        since=at,
        before=read_time(cursor),
        limit=limit,
    )
    found = await gateway.events.find(wanted)
    if not found.rows and cursor is None:
        await check_empty(gateway, wanted)
    page = page_before(found.rows, found.older)
    link_next(request, response, page.next_cursor)
    doubt = misread(type, list(EMITTED_TYPES))
    warnings = [doubt] if doubt else []
    warnings += await doubts(gateway, wanted, look_up=not found.rows)
    return WarnedPage(data=page.data, next_cursor=page.next_cursor, warnings=warnings)


Source = Annotated[str | None, Query(description="The event's source; needed if several sources use its id.")]


@router.get(
    "/{event_id:path}/why/{subscriber}",
    operation_id="explainDelivery",
    summary="Say why a subscriber was or was not told",
    responses=examples.answer(200, EXPLANATION) | problems(404, 409),
)
async def explain_delivery(event_id: str, subscriber: str, gateway: ApiGateway, source: Source = None) -> Explanation:
    """A verdict, the facts behind it, every request with the waits between, what happens next, and what to do.

    The subscriber may be gone. Of a name that nobody has and the event has no delivery to, 404 says so, and who the
    event was for. A fact says so if only its present settings are known.
    """
    return await gateway.why.explain(event_id, subscriber, source)


@router.get(
    "/{event_id:path}",
    operation_id="getEvent",
    summary="Show an event and its deliveries",
    responses=examples.answer(200, examples.EVENT_DETAIL) | problems(404, 409, 410),
)
async def get_event(event_id: str, gateway: ApiGateway, source: Source = None) -> EventDetail:
    """Per subscriber: state, every known attempt, last error, next retry. Found about a second after publishing."""
    return event_detail(await gateway.events.get(event_id, source))


@router.post(
    "/{event_id:path}/resend",
    status_code=202,
    operation_id="resendEvent",
    summary="Deliver an event again",
    responses=examples.answer(202, examples.RESENT) | problems(404, 409, 410, 413, 415),
)
async def resend_event(
    event_id: str, gateway: ApiGateway, response: Response, body: Resend | None = None, source: Source = None
) -> Resent:
    """A fresh delivery under the same event id, to all subscribers that want it now or to one of them.

    ``warnings`` has a sentence for each of them that is paused, or to which an earlier delivery is still going on.
    """
    resent = await gateway.events.resend(event_id, body.subscriber if body else None, source=source)
    response.headers["Location"] = location("events", event_id)
    return resent
