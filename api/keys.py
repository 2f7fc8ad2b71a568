"""Routes of sealing keys."""

from fastapi import APIRouter

from api import examples
from api.dependencies import ApiGateway
from api.operation_examples import KEYS, ROTATION
from api.scopes import ScopedRoute
from domain.keys import KeyReport, Rotation

router = APIRouter(prefix="/keys", tags=["operation"], route_class=ScopedRoute)


@router.get("", operation_id="listKeys", summary="Which keys are in use", responses=examples.answer(200, KEYS))
async def list_keys(gateway: ApiGateway) -> KeyReport:
    """Ids and counts; never key material."""
    return await gateway.keys.report()


@router.post(
    "/rotate",
    operation_id="rotateKeys",
    summary="Seal everything anew with the newest key",
    responses=examples.answer(200, ROTATION),
)
async def rotate_keys(gateway: ApiGateway) -> Rotation:
    """Refused, with nothing changed, while a worker lacks the newest key. ``advice`` says what is next."""
    return await gateway.keys.rotate()
