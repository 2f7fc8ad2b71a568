"""The application: routes, problems and guards over one backend."""

from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.exceptions import RequestValidationError
from fastapi.telemetry import TelemetryConfig
from starlette.exceptions import HTTPException
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from api import (
    alarms,
    configuration,
    doctor,
    event_stream,
    events,
    heartbeats,
    http_clients,
    incidents,
    keys,
    replays,
    retention,
    subscriber_pauses,
    subscribers,
    system,
    types,
    zeebe,
)
from api.body_limit import LimitBody
from api.dependencies import KNOWN_QUERY, TOKEN
from api.direct import Shortcut
from api.hosts import Hosts, proxy_networks
from api.middleware import Guard, LastResort
from api.page import actions, changes, login, routes
from api.page.gather import Gather
from api.problems import declare_problem, on_http_error, on_im_error, on_validation_error, problems
from api.scopes import ScopeFinder, declare_scopes, refuse_unscoped
from api.urls import PREFIX
from domain.errors import ImError
from service.server import Backend

_DESCRIPTION = """Tells other systems what happened to your incidents: durable, signed CloudEvents over webhooks.

Errors are RFC 9457 problems with a stable `code`. Lists are `{data, next_cursor}`. A query parameter that an operation
does not have is refused (422); it is ignored only by the operations that take in events, alarm notifications and beats.
In a JSON body, write numbers and booleans without quotes. Secrets are never shown again.

A token has scopes: `read`, `publish` and `manage`, none of which includes another. Each operation names the one that it
needs. `IM_API_TOKEN` has all of them; `im token create` makes tokens with some."""

_TAGS = [
    {"name": "subscribers", "description": "Who is told, how, and how well that goes."},
    {"name": "events", "description": "CloudEvents and their deliveries."},
    {"name": "replays", "description": "Events sent again in bulk, at a rate."},
    {"name": "incidents", "description": "Incidents, whose every timeline entry becomes an event."},
    {"name": "alarms", "description": "Alarms, each told when it is raised, changes its severity or is cleared."},
    {"name": "zeebe", "description": "Clusters of Zeebe or Camunda 8, and the doors for what they tell."},
    {"name": "heartbeats", "description": "Jobs that must go on beating, and the doors for their beats."},
    {"name": "http-clients", "description": "Certificates, credentials and proxies that webhooks are posted with."},
    {"name": "operation", "description": "Keys, a check-up, and the configuration as a document."},
    {"name": "system", "description": "For probes and scrapers; no token needed."},
]


# FastAPI's own spans hold paths, and a beat URL's path is its secret; ours are made below, in service/.
_UNTRACED = TelemetryConfig(tracing=False, metrics=False, logs=False, auto_configure=False)


class Api(FastAPI):
    """FastAPI, with problems declared under their own media type."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document, made once."""
        if not self.openapi_schema:
            schema = super().openapi()
            declare_problem(schema)
            declare_scopes(schema)
        return super().openapi()


def described() -> FastAPI:
    """The routes and their description, over nothing yet.

    There are no /docs pages: they run scripts of a foreign host on our origin. /openapi.json feeds any viewer.
    """
    app = Api(
        title="im",
        version=version("incidents-platform"),
        description=_DESCRIPTION,
        openapi_tags=_TAGS,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        telemetry=_UNTRACED,
    )
    _route(app)
    refuse_unscoped(app)
    return app


def create_app(backend: Backend) -> FastAPI:
    """The API over a running backend."""
    app = described()
    app.state.backend = backend
    app.state.directory_version = None
    app.state.gather = Gather(backend.gateway)
    app.state.attempts = login.Attempts()
    app.add_exception_handler(ImError, on_im_error)
    app.add_exception_handler(HTTPException, on_http_error)
    app.add_exception_handler(RequestValidationError, on_validation_error)
    app.add_middleware(Shortcut, routes=events.publishing.routes, prefix=PREFIX)
    app.add_middleware(LimitBody)
    callers, settings = backend.gateway.callers, backend.settings
    app.add_middleware(Guard, callers=callers, scope_of=ScopeFinder(app))
    if settings.im_trusted_proxies:
        app.add_middleware(ProxyHeadersMiddleware, trusted_hosts=proxy_networks(settings.im_trusted_proxies))
    app.add_middleware(Hosts, needs_token=callers.needed, names=settings.im_api_hostnames)
    app.add_middleware(LastResort)  # the last one added is the outermost
    return app


def _route(app: FastAPI) -> None:
    app.include_router(system.router)
    declared = problems(401, 403, 408, 413, 422, 429, 500, 503)
    for shown in (routes.router, actions.router, changes.router, login.router, routes.unknown):
        app.include_router(shown)
    v1 = APIRouter(dependencies=[TOKEN, KNOWN_QUERY], responses=declared)
    v1.include_router(events.publishing)  # the first to be matched
    for part in (
        subscribers,
        subscriber_pauses,
        http_clients,
        event_stream,  # before the events, whose ids are paths
        events,
        replays,
        types,
        incidents,
        alarms,
        zeebe,
        heartbeats,
        keys,
        doctor,
        retention,
        configuration,
    ):
        v1.include_router(part.router)
    v1.include_router(alarms.schemas)
    # With the prefix here; given to a router that has routers in it, FastAPI makes every route of them once more.
    app.include_router(v1, prefix=PREFIX)
    doors = APIRouter(responses=declared)  # they ask for credentials of their own
    doors.include_router(zeebe.doors)
    app.include_router(doors, prefix=PREFIX)
    pings = APIRouter(responses=problems(408, 413, 422, 429, 500, 503))  # their path is the credential
    pings.include_router(heartbeats.doors)
    app.include_router(pings, prefix=PREFIX)
