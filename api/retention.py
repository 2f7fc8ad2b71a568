"""Routes of the retention."""

from fastapi import APIRouter
from pydantic import ConfigDict, Field

from api import examples
from api.bodies import Body
from api.dependencies import ApiGateway
from api.operation_examples import RETENTION
from api.problems import problems
from api.scopes import ScopedRoute
from domain.retention import Retention
from domain.timing import parse_duration

router = APIRouter(prefix="/retention", tags=["operation"], route_class=ScopedRoute)


class SetRetention(Body):
    """How long to keep what ends."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"retention": "14d"}]})

    retention: str = Field(description="``14d``; from 1d to 365d.")


@router.get(
    "",
    operation_id="getRetention",
    summary="How long things that have ended are kept",
    responses=examples.answer(200, RETENTION),
)
async def get_retention(gateway: ApiGateway) -> Retention:
    """Events, closed incidents and replays; a setting of Temporal's namespace."""
    return await gateway.retention.get()


@router.put(
    "",
    operation_id="setRetention",
    summary="Change how long things that end are kept",
    responses=examples.answer(200, RETENTION) | problems(409, 415),
)
async def set_retention(body: SetRetention, gateway: ApiGateway) -> Retention:
    """Applies to what ends from then on. 409 if Temporal does not let this process: ``hint`` has the command."""
    return await gateway.retention.set(parse_duration(body.retention))
