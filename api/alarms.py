"""Routes of alarms, the door for other platforms' notifications, and the schemas of both message formats."""

import json
from typing import Annotated, Any

from fastapi import APIRouter, HTTPException, Query, Request, Response
from fastapi import Path as PathParameter

from api import alarm_examples, examples
from api.alarm_bodies import ClearAlarm, RaiseAlarm, documented
from api.alarm_views import AlarmAnswer, alarm_answer
from api.dependencies import ANY_QUERY, ApiGateway
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_next, page_before, read_time
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import location
from domain.alarm_parsing import parse_notification
from domain.alarms import Alarm, AlarmSeverity, Identity
from service.alarms import AlarmFilter, AlarmRow
from service.event_schemas import MEDIA_TYPE, load_schema

SCHEMAS: dict[str, dict[str, Any]] = {name: load_schema(name) for name in ("alarm-flat", "alarm-nested")}

router = APIRouter(prefix="/alarms", tags=["alarms"], route_class=ScopedRoute)
schemas = APIRouter(prefix="/schemas", tags=["alarms"], route_class=ScopedRoute)

AlarmId = Annotated[str, PathParameter(examples=[alarm_examples.ALARM_ID])]


@router.post(
    "",
    operation_id="raiseAlarm",
    summary="Raise, change or clear an alarm",
    responses=examples.answer(200, alarm_examples.OBSERVED)
    | {201: {"model": AlarmAnswer, "description": "The alarm was not known before."}}
    | problems(413, 415),
)
async def raise_alarm(body: RaiseAlarm, gateway: ApiGateway, response: Response) -> AlarmAnswer:
    """One resource and alarm type are one alarm. ``outcome`` says what this request did to it.

    Subscribers are told when it is raised or cleared, or its severity changes, and at no other time.
    """
    identity = Identity(alarm_type=body.alarm_type, resource_type=body.resource_type, resource_id=body.resource_id)
    observed = await gateway.alarms.upsert(identity, body.severity, node_id=body.node_id, **body.said())
    response.headers["Location"] = location("alarms", observed.alarm.alarm_id)
    response.status_code = 201 if observed.created else 200
    return alarm_answer(observed)


@router.post(
    "/notifications",
    operation_id="takeInAlarmNotification",
    summary="Take in another platform's notification",
    responses=examples.answer(200, alarm_examples.OBSERVED) | problems(409, 413, 415),
    openapi_extra=documented(SCHEMAS),
    dependencies=[ANY_QUERY],
)
async def take_in_notification(request: Request, gateway: ApiGateway) -> AlarmAnswer:
    """Flat or nested; its alarm is found by ``alarm_id``.

    A notification whose ``last_updated`` is not later than the known one changes nothing; ``outcome`` is ``outdated``.
    """
    media_type = request.headers.get("content-type", "application/json").partition(";")[0].strip().lower()
    if media_type != "application/json" or request.headers.get("content-encoding", "identity") != "identity":
        raise HTTPException(415, "a notification is application/json, as it is", {"Accept": "application/json"})
    return alarm_answer(await gateway.alarms.take_in(parse_notification(await request.body())))


@router.get("", operation_id="listAlarms", summary="List alarms", responses=examples.listed(alarm_examples.ALARM_ROW))
async def list_alarms(
    *,
    request: Request,
    gateway: ApiGateway,
    response: Response,
    severity: Annotated[AlarmSeverity | None, Query(description="Only those of this severity.")] = None,
    cleared: Annotated[bool | None, Query(description="Only those that are cleared, or are not.")] = None,
    alarm_type: Annotated[
        str | None, Query(min_length=1, max_length=255, description="Only those of this type.")
    ] = None,
    resource_id: Annotated[
        str | None, Query(min_length=1, max_length=255, description="Only those of this resource.")
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[AlarmRow]:
    """The newest first, a second behind at most."""
    wanted = AlarmFilter(
        severity=severity,
        cleared=cleared,
        alarm_type=alarm_type,
        resource_id=resource_id,
        before=read_time(cursor),
        limit=limit,
    )
    found = await gateway.alarms.find(wanted)
    page = page_before(found.rows, found.older)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/{alarm_id:path}",
    operation_id="getAlarm",
    summary="Show an alarm",
    responses=examples.answer(200, alarm_examples.ALARM) | problems(404),
)
async def get_alarm(alarm_id: AlarmId, gateway: ApiGateway) -> Alarm:
    """As it stands now, and what is remembered of it."""
    return await gateway.alarms.get(alarm_id)


@router.post(
    "/{alarm_id:path}/clear",
    operation_id="clearAlarm",
    summary="Clear an alarm",
    responses=examples.answer(200, alarm_examples.OBSERVED) | problems(404, 413, 415),
)
async def clear_alarm(alarm_id: AlarmId, gateway: ApiGateway, body: ClearAlarm | None = None) -> AlarmAnswer:
    """An alarm that is cleared already stays as it is, and nobody is told."""
    return alarm_answer(await gateway.alarms.clear(alarm_id, **(body or ClearAlarm()).said()))


def _serve_schema(name: str, operation_id: str) -> None:
    async def schema() -> Response:
        """For receivers; JSON Schema, draft 2020-12."""
        return Response(json.dumps(SCHEMAS[name], indent=2), media_type=MEDIA_TYPE)

    schemas.add_api_route(
        f"/{name}.json",
        schema,
        operation_id=operation_id,
        summary=f"The schema of {name.replace('-', ' messages, ')}",
        response_class=Response,
        responses={200: {"content": {MEDIA_TYPE: {"example": SCHEMAS[name]}}}},
    )


_serve_schema("alarm-flat", "getFlatAlarmSchema")
_serve_schema("alarm-nested", "getNestedAlarmSchema")
