"""Routes of incidents."""

from collections.abc import Awaitable, Callable
from typing import Annotated

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi import Path as PathParameter

from api import examples
from api.bodies import AddNote, DeclareIncident, TakeStep
from api.dependencies import ApiGateway, IdempotencyKey
from api.pages import DEFAULT_LIMIT, Cursor, Limit, Page, link_next, page_before, read_time
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import location
from api.views import IncidentDetail, incident_detail
from domain.incident_errors import IncidentNotFoundError
from domain.incidents import Action, Change, Declaration, Status, own_form
from service.incidents import IncidentRow

router = APIRouter(prefix="/incidents", tags=["incidents"], route_class=ScopedRoute)


def _known_form(incident_id: Annotated[str, PathParameter(examples=["INC-12345"])]) -> str:
    """``INC-7`` for ``INC-7``, ``inc-7`` or ``7``; what cannot be an incident's id is not looked for."""
    found = own_form(incident_id)
    if found is None:
        raise IncidentNotFoundError(incident_id=incident_id[:64])
    return found


IncidentId = Annotated[str, Depends(_known_form)]


@router.post(
    "",
    status_code=201,
    operation_id="declareIncident",
    summary="Declare an incident",
    responses=examples.answer(201, examples.INCIDENT) | problems(413, 415),
)
async def declare_incident(
    body: DeclareIncident, gateway: ApiGateway, response: Response, idempotency_key: IdempotencyKey
) -> IncidentDetail:
    """Answered once its event was emitted; ``warnings`` says so when publishing is off.

    An Idempotency-Key that was used for another declaration with the same token is refused.
    """
    declaration = Declaration(title=body.title, severity=body.severity, actor=body.actor)
    incident = await gateway.incidents.declare(declaration, idempotency_key)
    response.headers["Location"] = location("incidents", incident.id)
    return incident_detail(incident)


@router.get(
    "",
    operation_id="listIncidents",
    summary="List incidents",
    responses=examples.listed(examples.INCIDENT_ROW),
)
async def list_incidents(
    *,
    request: Request,
    gateway: ApiGateway,
    response: Response,
    status: Annotated[Status | None, Query(description="Only those that stand there.")] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> Page[IncidentRow]:
    """The latest first, a second behind at most."""
    found = await gateway.incidents.find(status=status, limit=limit, before=read_time(cursor))
    page = page_before(found.rows, found.older)
    link_next(request, response, page.next_cursor)
    return page


@router.get(
    "/{incident_id}",
    operation_id="getIncident",
    summary="Show an incident and its timeline",
    responses=examples.answer(200, examples.INCIDENT) | problems(404, 410),
)
async def get_incident(incident_id: IncidentId, gateway: ApiGateway) -> IncidentDetail:
    """Each timeline entry has the id of the event that tells of it, and whether that event was emitted."""
    return incident_detail(await gateway.incidents.get(incident_id))


def _step(action: Action) -> Callable[[str, ApiGateway, TakeStep | None], Awaitable[IncidentDetail]]:
    async def take(incident_id: IncidentId, gateway: ApiGateway, body: TakeStep | None = None) -> IncidentDetail:
        body = body or TakeStep()
        change = Change(action=action, actor=body.actor, note=body.note)
        return incident_detail(await gateway.incidents.change(incident_id, change))

    return take


for _action in (Action.ACKNOWLEDGE, Action.MITIGATE, Action.RESOLVE, Action.CLOSE):
    router.add_api_route(
        f"/{{incident_id}}/{_action}",
        _step(_action),
        methods=["POST"],
        operation_id=f"{_action}Incident",
        summary=f"{_action.capitalize()} an incident",
        description="Refused, naming what is allowed, when the incident's status does not permit it.",
        responses=examples.answer(200, examples.INCIDENT) | problems(404, 409, 410, 413, 415),
    )


@router.post(
    "/{incident_id}/notes",
    status_code=201,
    operation_id="addIncidentNote",
    summary="Add a note to an incident's timeline",
    responses=examples.answer(201, examples.INCIDENT) | problems(404, 409, 410, 413, 415),
)
async def add_note(incident_id: IncidentId, body: AddNote, gateway: ApiGateway) -> IncidentDetail:
    """A closed incident takes no more notes."""
    change = Change(action=Action.NOTE, actor=body.actor, note=body.note)
    return incident_detail(await gateway.incidents.change(incident_id, change))
