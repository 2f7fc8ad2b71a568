"""What handlers ask for: the backend, its gateway, and the declaration of the token."""

from typing import Annotated

from fastapi import Depends, Header, Request, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from api.faults import found_elsewhere
from api.middleware import CALLER
from domain.errors import InvalidRequestError
from domain.likeness import name_meant
from service.gateway import Gateway
from service.idempotency import key_of
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


async def _any_query() -> None:
    """Check nothing: this dependency is a mark that `_known_query` looks for."""


# Marks a route that other platforms and jobs call. They may append parameters of their own, and what they tell must not
# be lost for that. (A `DirectRoute` resolves no dependencies, so it takes any query without the mark.)
ANY_QUERY = Depends(_any_query)


async def _known_query(request: Request) -> None:
    """Raise `InvalidRequestError` for a query parameter that the route does not have, before anything is done.

    A misspelt filter would let everything pass, and a misspelt ``dry_run`` would be done in earnest.
    """
    route: APIRoute = request.scope["route"]
    if not request.query_params or ANY_QUERY in route.dependencies:
        return
    known = [each.alias for each in route.dependant.query_params]
    if unknown := [name for name in request.query_params if name not in known]:
        reason = f"there is no parameter {unknown[0]!r} in this query; " + (
            f"there is {', '.join(known)}" if known else "it has none"
        )
        if meant := found_elsewhere(route.operation_id, unknown[0]):
            reason = f"{reason}; {meant}"
        raise InvalidRequestError(reason=reason, parameter=unknown[0], close=name_meant(unknown[0], known))


KNOWN_QUERY = Depends(_known_query)
_Key = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="A request that is repeated with the same key is carried out only once.",
    ),
]


async def _own_key(request: Request, idempotency_key: _Key = None) -> str | None:
    return key_of(request.scope[CALLER].name, idempotency_key) if idempotency_key else None


IdempotencyKey = Annotated[str | None, Depends(_own_key)]  # of this token: others may use the same for something else
ApiBackend = Annotated[Backend, Depends(_backend)]
ApiGateway = Annotated[Gateway, Depends(_gateway)]
