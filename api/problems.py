"""Every error answer, as RFC 9457 ``application/problem+json``; the one place that maps errors to statuses."""

import re
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import structlog
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.models import Schema
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from api.faults import Fault, faults_of
from domain.errors import (
    ConfigurationError,
    ConflictError,
    IdempotencyKeyReusedError,
    ImError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from domain.retention_errors import EventGoneError, IncidentGoneError
from domain.source_errors import AccessDeniedError, TooManyBeatsError
from domain.statuses import code_of, phrase_of
from domain.token_errors import RateLimitedError, ScopeMissingError, TokenMissingError, TokenRefusedError

MEDIA_TYPE = "application/problem+json"
RETRY_AFTER_SECONDS = 5  # Temporal or a worker that is being restarted is back by then

STATUSES: dict[type[ImError], HTTPStatus] = {
    AccessDeniedError: HTTPStatus.UNAUTHORIZED,
    ScopeMissingError: HTTPStatus.FORBIDDEN,
    RateLimitedError: HTTPStatus.TOO_MANY_REQUESTS,
    TooManyBeatsError: HTTPStatus.TOO_MANY_REQUESTS,
    InvalidInputError: HTTPStatus.UNPROCESSABLE_ENTITY,
    TooLargeError: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    ConflictError: HTTPStatus.CONFLICT,
    EventGoneError: HTTPStatus.GONE,
    IncidentGoneError: HTTPStatus.GONE,
    NotFoundError: HTTPStatus.NOT_FOUND,
    ConfigurationError: HTTPStatus.INTERNAL_SERVER_ERROR,
    UnavailableError: HTTPStatus.SERVICE_UNAVAILABLE,
}

_HEADERS = {
    HTTPStatus.UNAUTHORIZED: {"WWW-Authenticate": "Bearer"},
    HTTPStatus.TOO_MANY_REQUESTS: {"Retry-After": "1"},
    HTTPStatus.SERVICE_UNAVAILABLE: {"Retry-After": str(RETRY_AFTER_SECONDS)},
}

_SCHEMAS = "#/components/schemas/{model}"
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")  # RFC 6749, 3.3

_log = structlog.get_logger("api")


class Problem(BaseModel):
    """An error, as RFC 9457 describes it, with a stable ``code`` to program against."""

    model_config = ConfigDict(
        json_schema_extra={
            "example": {
                "type": "urn:im:problem:subscriber_not_found",
                "title": "Subscriber not found",
                "status": 404,
                "detail": "no subscriber is named 'my-webhook'",
                "instance": "/api/v1/subscribers/my-webhook",
                "code": "subscriber_not_found",
                "hint": "See the names with: im subscriber list.",
            }
        }
    )

    type: str = Field(description="``urn:im:problem:`` and the code.")
    title: str = Field(description="The code in words; the same for every occurrence.")
    status: int
    detail: str = Field(description="What happened this time.")
    instance: str = Field(description="Path of the request.")
    code: str = Field(description="Stable identifier.")
    hint: str | None = Field(None, description="What to do about it.")
    errors: list[Fault] | None = Field(None, description="The values that were refused.")


def problem_response(
    status: HTTPStatus,
    detail: str,
    *,
    instance: str,
    code: str | None = None,
    hint: str = "",
    errors: Sequence[Fault] = (),
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A problem as a response; without a code, the status' own phrase makes one (``method_not_allowed``)."""
    code = code or code_of(status)
    problem = Problem(
        type=f"urn:im:problem:{code}",
        title=code.replace("_", " ").capitalize(),
        status=status,
        detail=detail,
        instance=instance,
        code=code,
        hint=hint or None,
        errors=list(errors) or None,
    )
    body = problem.model_dump(mode="json", exclude_none=True)
    return JSONResponse(body, status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def status_of(error: ImError) -> HTTPStatus:
    """The status that an error of the product is answered with."""
    found = (status for kind, status in STATUSES.items() if isinstance(error, kind))
    return next(found, HTTPStatus.INTERNAL_SERVER_ERROR)


async def on_im_error(request: Request, error: Exception) -> Response:
    """Answers an error of the product."""
    assert isinstance(error, ImError)  # noqa: S101  # Starlette's signature for handlers is wider
    status = status_of(error)
    by_guard = isinstance(error, (TokenMissingError, TokenRefusedError))  # which logs what is worth it
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR or (status is HTTPStatus.UNAUTHORIZED and not by_guard):
        _log.warning("a request could not be served", code=error.code, error=str(error))
    return problem_response(
        status,
        str(error),
        instance=request.url.path,
        code=error.code,
        hint=error.advice,
        errors=_faults_of(error, request),
        headers=headers_of(error, status),
    )


def headers_of(error: ImError, status: HTTPStatus) -> Mapping[str, str]:
    """What the status asks for: RFC 9110, 10.2.3, and RFC 6750, 3.1."""
    if isinstance(error, ScopeMissingError):
        scope = error.data["scope"]  # has the name of a cluster in it, as the request gives it
        named = f', scope="{scope}"' if _SCOPE.fullmatch(scope) else ""
        return {"WWW-Authenticate": f'Bearer error="insufficient_scope"{named}'}
    if isinstance(error, TokenRefusedError):
        return {"WWW-Authenticate": 'Bearer error="invalid_token"'}
    if isinstance(error, RateLimitedError):
        return {"Retry-After": str(error.data["seconds"])}
    return _HEADERS.get(status, {})


def _faults_of(error: ImError, request: Request) -> list[Fault]:
    if parameter := error.data.get("parameter"):
        return [Fault(parameter=parameter, detail=str(error))]
    field = error.field if isinstance(error, InvalidInputError) else ""
    if not field or field in {"event", "alarm", "body"}:  # the detail names the attribute
        return []
    of_header = field == IdempotencyKeyReusedError.field
    by_name = of_header or request.method == "GET" or field in request.path_params
    place = {"parameter": field} if by_name else {"pointer": f"#/{field}"}
    return [Fault(**place, detail=str(error))]


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answers what routing and handlers raise by status: 404, 405, 415 and the like."""
    assert isinstance(error, HTTPException)  # noqa: S101
    status = HTTPStatus(error.status_code)
    hint = "The routes are listed in /openapi.json." if status in {404, 405} else ""
    return problem_response(status, error.detail, instance=request.url.path, hint=hint, headers=error.headers)


async def on_validation_error(request: Request, error: Exception) -> Response:
    """Answers a request that does not have the declared form; of its values only parameters of a query are repeated."""
    assert isinstance(error, RequestValidationError)  # noqa: S101
    faults = error.errors()
    if any(fault["loc"] == ("body",) and isinstance(fault.get("input"), bytes) for fault in faults):
        return problem_response(
            HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
            "the body is not declared as JSON",
            instance=request.url.path,
            hint="Send it with Content-Type: application/json.",
            headers={"Accept": "application/json"},
        )
    errors = faults_of(faults, request.scope["route"])
    return problem_response(
        HTTPStatus.UNPROCESSABLE_ENTITY,
        "; ".join(f"{fault.parameter or fault.pointer}: {fault.detail}" for fault in errors),
        instance=request.url.path,
        code="invalid_request",
        errors=errors,
    )


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Declares the problems that a route can answer with, for OpenAPI.

    Their schema is named rather than given: of a model given, FastAPI makes a validator for each status of each route.
    """
    content = {MEDIA_TYPE: {"schema": {"$ref": _SCHEMAS.format(model=Problem.__name__)}}}
    return {status: {"description": phrase_of(status), "content": content} for status in sorted(statuses)}


def declare_problem(schema: dict[str, Any]) -> None:
    """Add the schema that `problems` names to an OpenAPI document."""
    problem = Problem.model_json_schema(mode="serialization", ref_template=_SCHEMAS)
    made = problem.pop("$defs") | {Problem.__name__: problem}
    parts = schema["components"]["schemas"]
    for name, part in made.items():  # written as FastAPI writes those that it makes
        parts[name] = Schema.model_validate(part).model_dump(mode="json", by_alias=True, exclude_none=True)
    schema["components"]["schemas"] = {name: parts[name] for name in sorted(parts)}
