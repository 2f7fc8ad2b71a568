"""The application over gateways in memory, called in-process."""

import copy
import functools
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, cast

import httpx
import pytest
import pytest_asyncio
from fastapi import FastAPI
from pydantic import SecretStr
from starlette.datastructures import State

import api.app
from service.gateway import Gateway
from service.metrics import MetricsPage
from service.server import Backend
from service.settings import Settings
from tests.api.stand_in import StandIn

TOKEN = "a-token-of-the-tests-0123456789"


@dataclass
class Service:
    """A running application: what it is made over, and a client that bears its token."""

    backend: Backend
    gateway: StandIn
    http: httpx.AsyncClient

    async def add_subscriber(self, name: str = "my-webhook", **parts: Any) -> httpx.Response:
        return await self.http.post("/api/v1/subscribers", json={"name": name, "url": "https://example.com/"} | parts)


Serve = Callable[..., Any]
_made_once = functools.cache(api.app.described)


def _made_before() -> FastAPI:
    """A further application with the routes of the first: to make them takes half a second, for each of a thousand."""
    app = copy.copy(_made_once())
    app.state, app.user_middleware, app.middleware_stack = State(), [], None
    app.exception_handlers = dict(app.exception_handlers)
    return app


def create_app(backend: Backend) -> FastAPI:
    """`api.app.create_app`, sooner."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(api.app, "described", _made_before)
        return api.app.create_app(backend)


@pytest_asyncio.fixture
async def serve() -> AsyncIterator[Serve]:
    """Makes an application: ``await serve(token=None, publishing=False)``."""
    async with AsyncExitStack() as stack:

        async def start(
            *,
            token: str | None = TOKEN,
            publishing: bool = True,
            base_url: str = "http://127.0.0.1:8080",
            **settings: Any,
        ) -> Service:
            administrator = SecretStr(token) if token else None
            gateway = StandIn(publishing=publishing, administrator=administrator)
            backend = Backend(
                settings=Settings(im_api_token=administrator, **settings),
                gateway=cast("Gateway", gateway),
                metrics=MetricsPage(cast("Any", gateway.health)),
                ready=True,
            )
            transport = httpx.ASGITransport(create_app(backend))
            headers = {"Authorization": f"Bearer {TOKEN}"} if token else {}
            http = httpx.AsyncClient(transport=transport, base_url=base_url, headers=headers)
            return Service(backend, gateway, await stack.enter_async_context(http))

        yield start


@pytest_asyncio.fixture
async def service(serve: Serve) -> Service:
    """An application with a token, publishing switched on."""
    return cast("Service", await serve())
