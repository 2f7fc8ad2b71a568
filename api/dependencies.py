"""What handlers ask for: the backend, its gateway, and the declaration of the token."""

from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPBearer

from service.gateway import Gateway
from service.server import Backend

# Only declares the scheme in OpenAPI: the guard has checked the token before any body was read.
TOKEN = Security(HTTPBearer(auto_error=False, description="The value of IM_API_TOKEN.", scheme_name="token"))


def _backend(request: Request) -> Backend:
    backend: Backend = request.app.state.backend
    return backend


def _gateway(request: Request) -> Gateway:
    return _backend(request).gateway


ApiBackend = Annotated[Backend, Depends(_backend)]
ApiGateway = Annotated[Gateway, Depends(_gateway)]
