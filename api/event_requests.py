"""A CloudEvent from an HTTP request: structured or binary mode (CloudEvents HTTP binding 1.0.2, 3.1 and 3.2)."""

import functools
from collections import Counter
from email.message import Message
from typing import Any

from fastapi import HTTPException
from starlette.datastructures import Headers
from starlette.requests import Request

from api import examples
from domain.event_errors import InvalidEventError
from domain.event_parsing import BATCH_CONTENT_TYPE, parse_batch, parse_binary_event, parse_event
from domain.events import STRUCTURED_CONTENT_TYPE, CloudEvent
from domain.tracing import caller_context

_UNDERSTOOD = f"send {STRUCTURED_CONTENT_TYPE}, {BATCH_CONTENT_TYPE}, or any other content type with ce- headers"

# FastAPI derives no body from a handler that reads the request itself.
DOCUMENTED: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "description": "Structured mode: the event. Binary mode: its data, and every attribute as a ``ce-`` header.",
        "content": {
            STRUCTURED_CONTENT_TYPE: {
                "schema": {
                    "type": "object",
                    "required": ["specversion", "id", "source", "type"],
                    "properties": {
                        "specversion": {"const": "1.0"},
                        "id": {"type": "string", "minLength": 1, "maxLength": 256},
                        "source": {"type": "string", "format": "uri-reference", "minLength": 1},
                        "type": {"type": "string", "minLength": 1},
                        "subject": {"type": "string"},
                        "time": {"type": "string", "format": "date-time"},
                        "datacontenttype": {"type": "string"},
                        "dataschema": {"type": "string", "format": "uri"},
                        "data": {},
                        "data_base64": {"type": "string", "contentEncoding": "base64"},
                    },
                    "additionalProperties": {"type": ["string", "boolean", "integer"]},
                },
                "example": examples.EVENT,
            },
            BATCH_CONTENT_TYPE: {
                "schema": {"type": "array", "minItems": 1, "maxItems": 1000, "items": {"type": "object"}},
                "example": [examples.EVENT],
            },
            "*/*": {"schema": {"description": "Binary mode."}, "example": examples.EVENT["data"]},
        },
    },
    "parameters": [
        {
            "name": "Idempotency-Key",
            "in": "header",
            "required": False,
            "description": "With any value, the event shares no workflow with others of a burst.",
            "schema": {"type": "string"},
            "example": "deploy-1",
        },
        {
            "name": "traceparent",
            "in": "header",
            "required": False,
            "description": "W3C Trace Context, kept as the event's extension of that name unless it has one.",
            "schema": {"type": "string"},
            "example": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        },
        *(
            {
                "name": f"ce-{name}",
                "in": "header",
                "required": False,
                "description": f"Binary mode: the event's {name}.",
                "schema": {"type": "string"},
                "example": examples.EVENT[name],
            }
            for name in ("specversion", "id", "source", "type")
        ),
    ],
}


async def read_event(request: Request) -> CloudEvent:
    """The event of a request.

    Raises:
        HTTPException: 415 for a media type, charset or encoding that is not understood.
        InvalidEventError: not a CloudEvents 1.0 event.
        EventTooLargeError: past 256 KiB.
    """
    headers, body = request.headers, await request.body()
    return parse_event(body) if _is_structured(headers) else parse_binary_event(dict(headers), body)


async def read_batch(request: Request) -> list[CloudEvent] | None:
    """The events of a request in batched mode; None for one in another mode. Raises like `read_event`."""
    if _media_type(request.headers) != BATCH_CONTENT_TYPE:
        return None
    return parse_batch(await request.body())


def read_context(request: Request) -> dict[str, str]:
    """The trace context of a request."""
    return caller_context(request.headers.getlist("traceparent"), request.headers.getlist("tracestate"))


def _media_type(headers: Headers) -> str:
    if headers.get("content-encoding", "identity").lower() != "identity":
        raise _not_understood("a Content-Encoding is not understood")
    media_type, charset = _parsed(headers.get("content-type", "application/json"))
    in_json = media_type in {STRUCTURED_CONTENT_TYPE, BATCH_CONTENT_TYPE}
    if in_json and charset not in {"utf-8", "us-ascii"}:
        raise _not_understood("a CloudEvent in JSON is UTF-8")
    return media_type


@functools.lru_cache(maxsize=64)
def _parsed(content_type: str) -> tuple[str, str]:
    """Media type and charset."""
    message = Message()
    message["content-type"] = content_type
    return message.get_content_type(), str(message.get_content_charset("utf-8"))


def _is_structured(headers: Headers) -> bool:
    media_type = _media_type(headers)
    if media_type == STRUCTURED_CONTENT_TYPE:
        return True
    if media_type.startswith("application/cloudevents") or not _attributes(headers):
        raise _not_understood("this is no CloudEvent in a form that is understood")
    return False


def _attributes(headers: Headers) -> Counter[str]:
    counted = Counter(name for name in headers if name.startswith("ce-"))
    if twice := next((name for name, count in counted.items() if count > 1), None):
        raise InvalidEventError(reason=f"header {twice} is given twice")
    return counted


def _not_understood(reason: str) -> HTTPException:
    return HTTPException(415, f"{reason}; {_UNDERSTOOD}", {"Accept": f"{STRUCTURED_CONTENT_TYPE}, */*"})
