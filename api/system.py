"""Routes for whoever watches the process; without token."""

from typing import Literal

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel

from api.dependencies import ApiBackend
from api.problems import problems
from domain.errors import UnavailableError

METRICS_MEDIA_TYPE = "text/plain; version=0.0.4; charset=utf-8"

router = APIRouter(tags=["system"], responses=problems(500))


class ProcessStatus(BaseModel):
    """What a probe reads."""

    status: Literal["alive", "ready"]


@router.head("/healthz", include_in_schema=False)
@router.get("/healthz", operation_id="checkLiveness", summary="Is the process alive")
async def alive() -> ProcessStatus:
    """Answers whatever the state of Temporal, so that an outage there does not restart this process."""
    return ProcessStatus(status="alive")


@router.head("/readyz", include_in_schema=False)
@router.get(
    "/readyz", operation_id="checkReadiness", summary="Can the process serve and deliver", responses=problems(503)
)
async def ready(request: Request, backend: ApiBackend) -> ProcessStatus:
    """Asks Temporal and the directory; a problem says what is wrong."""
    if not backend.ready:
        raise UnavailableError(reason="the workers of this process do not run: it is starting or being stopped")
    # The version known already: an unchanged directory answers with that alone.
    state = request.app.state
    state.directory_version = (await backend.gateway.subscribers.snapshot(state.directory_version)).version
    return ProcessStatus(status="ready")


@router.get(
    "/metrics",
    operation_id="readMetrics",
    summary="Metrics for Prometheus",
    response_class=Response,
    responses={200: {"content": {"text/plain": {"schema": {"type": "string"}}}}},
)
async def metrics(backend: ApiBackend) -> Response:
    """The platform's own metrics, the health of each subscriber, and those of the Temporal SDK."""
    return Response(await backend.metrics.text(), media_type=METRICS_MEDIA_TYPE)
