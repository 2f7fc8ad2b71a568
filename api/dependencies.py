"""What handlers ask for: the backend, its gateway, and the declaration of the token."""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from domain.errors import InvalidRequestError
from service.gateway import Gateway
from service.server import Backend

# Only declares the scheme in OpenAPI: the guard has checked the token before any body was read.
TOKEN = Security(
    HTTPBearer(auto_error=False, description="IM_API_TOKEN, or a token with the scope.", scheme_name="token")
)


# Both are asynchronous, because FastAPI sends plain functions to a thread: 5 % of the CPU of a publish.
async def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


async def _gateway(request: Request) -> Gateway:
    return gateway_of(request)


def gateway_of(request: Request) -> Gateway:
    """The gateway, for a handler that takes the request itself."""
    backend: Backend = request.app.state.backend
    return backend.gateway


async def _known_query(request: Request) -> None:
    """Raise `InvalidRequestError` for a parameter that the route has not: a misspelt filter would let all pass."""
    route: APIRoute = request.scope["route"]
    known = [each.alias for each in route.dependant.query_params]
    if unknown := [name for name in request.query_params if name not in known]:
        reason = f"there is no parameter {unknown[0]!r} in this query; there is {', '.join(known)}"
        raise InvalidRequestError(reason=reason)


KNOWN_QUERY = Depends(_known_query)
IdempotencyKey = Annotated[
    str | None,
    Header(min_length=1, max_length=255, pattern=r"^[\x21-\x7e]+$", description="Sent again with it, it is done once."),
]
ApiBackend = Annotated[Backend, Depends(_backend)]
ApiGateway = Annotated[Gateway, Depends(_gateway)]
