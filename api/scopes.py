"""Which scope each route needs: one table. A route that is not in it cannot be made."""

import re
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any

from fastapi import FastAPI
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path

from api.middleware import CALLER, OPEN_PATHS, has_own_door
from api.page.access import PageRoute
from api.strict import StrictRequest
from domain.token_errors import ScopeMissingError, TokenMissingError
from domain.tokens import Scope
from service.callers import Caller

# By operation id. What changes who is told, or makes requests, is `manage`; what tells of something is `publish`.
_OPERATIONS = {
    Scope.READ: """
        checkUp explainDelivery getAlarm getEvent getEventTypeSchema getFlatAlarmSchema getHeartbeat getHttpClient
        getIncident getNestedAlarmSchema getReplay getRetention getSubscriber getSubscriberHealth getZeebeCluster
        listAlarms listEventTypes listEvents listHeartbeats listHttpClients listIncidents listKeys listReplays
        listSubscriberHealth listSubscribers listZeebeClusters matchEventTypes streamEvents surveyReplay
    """,
    Scope.PUBLISH: """
        acknowledgeIncident addIncidentNote beat beatWith clearAlarm closeIncident declareIncident grantWebhookOrigin
        mitigateIncident publishEvent raiseAlarm resolveIncident takeInAlarmNotification
    """,
    Scope.MANAGE: """
        addHeartbeat addHttpClient addSubscriber addZeebeCluster exportConfiguration importConfiguration pauseHeartbeat
        pauseSubscriber resumeSubscriber
        removeHeartbeat removeHttpClient removeSubscriber removeZeebeCluster resendEvent resumeHeartbeat rotateKeys
        testHttpClient testSubscriber updateHeartbeat updateHttpClient updateSubscriber updateZeebeCluster
        cancelReplay startReplay
        setRetention
    """,
}
SCOPES: dict[str, Scope] = {name: scope for scope, names in _OPERATIONS.items() for name in names.split()}

Handler = Callable[[Request], Coroutine[Any, Any, Response]]


class ScopedRoute(APIRoute):
    """A route of those who have its scope; and its body is JSON as strict as everywhere else."""

    def get_route_handler(self) -> Handler:
        """The handler, behind the check of the scope."""
        handler = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return self.scoped(strict)

    def scoped(self, handler: Handler) -> Handler:
        """A handler, behind the check of the scope.

        Raises:
            LookupError: the route is not in the table.
        """
        scope = SCOPES.get(self.operation_id or "")
        if scope is None:
            raise LookupError(f"{self.operation_id} ({self.path}) has no scope: add it to the table in api/scopes.py")

        async def checked(request: Request) -> Response:
            check_scope(request, scope)
            return await handler(request)

        return checked


def check_scope(request: Request, scope: Scope) -> None:
    """Raise `ScopeMissingError` when the caller may not, and `TokenMissingError` when no guard let anybody in."""
    caller: Caller | None = request.scope.get(CALLER)
    if caller is None:
        raise TokenMissingError
    if not caller.may(scope):
        raise ScopeMissingError(name=caller.name, scope=scope.value)


class ScopeFinder:
    """Finds the scope that a request would need, for the advice to who bears no token, or one that does not count.

    Args:
        app: whose routes are looked through, when first asked.
    """

    def __init__(self, app: FastAPI) -> None:
        self._app = app

    def __call__(self, method: str, path: str) -> str | None:
        """The scope of a request's route; None where there is no such route, or it has no scope."""
        found = (scope for pattern, methods, scope in self._routes if method in methods and pattern.match(path))
        return next(found, None)

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], set[str], str]]:
        return [
            (compile_path(route.path or "")[0], set(route.methods or ()), scope.value)
            for route in iter_route_contexts(self._app.routes)
            if (scope := SCOPES.get(getattr(route.original_route, "operation_id", None) or ""))
        ]


def refuse_unscoped(app: FastAPI) -> None:
    """Raise LookupError for an application with a route that needs neither a scope nor any credential of its own."""
    for route in iter_route_contexts(app.routes):
        path = route.path or ""
        if not (
            isinstance(route.original_route, (ScopedRoute, PageRoute))
            or path in OPEN_PATHS
            or has_own_door(_sample(path))
        ):
            raise LookupError(f"{path} is neither open nor behind a scope or a door of its own")


def declare_scopes(schema: dict[str, Any]) -> None:
    """Name the scope of every operation in an OpenAPI document, as 3.1 allows with any scheme of security."""
    for path in schema["paths"].values():
        for operation in path.values():
            if scope := SCOPES.get(operation["operationId"]):
                operation["security"] = [{"token": [scope.value]}]


def _sample(path: str) -> str:
    """A path as it may be asked for: each parameter in braces an ``x``."""
    return "/".join("x" if segment.startswith("{") else segment for segment in path.split("/"))
