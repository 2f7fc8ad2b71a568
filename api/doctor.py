"""The route of the check-up."""

from fastapi import APIRouter

from api import examples
from api.dependencies import ApiGateway
from api.operation_examples import CHECKUP
from api.scopes import ScopedRoute
from domain.checkup import Checkup

router = APIRouter(prefix="/doctor", tags=["operation"], route_class=ScopedRoute)


@router.get(
    "",
    operation_id="checkUp",
    summary="What is wrong, and what to do about it",
    responses=examples.answer(200, CHECKUP),
)
async def check_up(gateway: ApiGateway) -> Checkup:
    """Looks at Temporal, workers, keys, clock, registries, certificates and subscribers, as this process sees them."""
    return await gateway.doctor.check()
