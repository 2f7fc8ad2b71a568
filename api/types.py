"""Routes of the event types that the platform emits, each with its JSON Schema."""

import json
from typing import Annotated

from fastapi import APIRouter, Path, Response

from api import examples
from api.pages import Page
from api.problems import problems
from api.scopes import ScopedRoute
from api.urls import location
from api.views import EmittedType
from domain.event_types import EMITTED_TYPES, INCIDENT_DECLARED
from service.event_schemas import MEDIA_TYPE, event_schema

router = APIRouter(prefix="/types", tags=["events"], route_class=ScopedRoute)


@router.get(
    "",
    operation_id="listEventTypes",
    summary="List the event types that im emits",
    responses=examples.listed(examples.EMITTED_TYPE),
)
async def list_types() -> Page[EmittedType]:
    """All in one page. Types that publishers emit themselves are not among them."""
    return Page(
        data=[
            EmittedType(type=name, description=text, schema_url=location("types", name))
            for name, text in EMITTED_TYPES.items()
        ]
    )


@router.get(
    "/{type}",
    operation_id="getEventTypeSchema",
    summary="The schema of an event type, with examples",
    response_class=Response,
    responses=problems(404) | {200: {"content": {MEDIA_TYPE: {"example": event_schema(INCIDENT_DECLARED)}}}},
)
async def get_type(event_type: Annotated[str, Path(alias="type", examples=[INCIDENT_DECLARED])]) -> Response:
    """JSON Schema, draft 2020-12, of the whole CloudEvent in its JSON form: what is posted to a subscriber."""
    return Response(json.dumps(event_schema(event_type), indent=2, ensure_ascii=False), media_type=MEDIA_TYPE)
