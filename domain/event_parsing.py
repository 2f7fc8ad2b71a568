"""CloudEvents from what publishers send: structured, batched and binary; everything is checked."""

import base64
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from domain.event_errors import EventTooLargeError, InvalidEventError
from domain.events import CONTEXT_ATTRIBUTES, SPEC_VERSION, CloudEvent
from domain.faults import shown
from domain.header_values import decode_header_value
from domain.strict_json import load_json

BATCH_CONTENT_TYPE = "application/cloudevents-batch+json"
MAX_BATCH_EVENTS = 1000
MAX_BATCH_BYTES = 1024 * 1024
MAX_EVENT_BYTES = 256 * 1024  # well under Temporal's 2 MiB a payload; CloudEvents asks for 64 KiB at least
MAX_ATTRIBUTE_LENGTH = 1024
MAX_ID_BYTES = 512  # keeps the workflow id under Temporal's 1,000 bytes
MAX_KEYWORD_BYTES = 255  # type and incident id are search attributes: 255 in SQL stores, 2 KiB escaped in all

_ATTRIBUTE_NAME = re.compile(r"[a-z0-9]{1,64}")
# CloudEvents 1.0, "String" type: no control characters, no surrogates, no noncharacters.
_FORBIDDEN_TEXT = re.compile(
    "[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane * 0x10000 + last) for plane in range(17) for last in (0xFFFE, 0xFFFF))
    + "]"
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)")
_JSON_MEDIA_TYPE = re.compile(r"[^/;\s]+/(json|[^/;\s]+\+json)\s*(;.*)?", re.IGNORECASE)


def parse_event(body: bytes) -> CloudEvent:
    """A CloudEvent from structured-mode JSON.

    Raises:
        InvalidEventError: for anything CloudEvents 1.0 forbids; the reason names the attribute.
        EventTooLargeError: past 256 KiB.
    """
    if len(body) > MAX_EVENT_BYTES:
        raise EventTooLargeError(size=len(body), limit=MAX_EVENT_BYTES)
    members = load_json(body)
    if not isinstance(members, dict):
        raise InvalidEventError(reason="it is not a JSON object")
    return event_from_members(members)


def parse_batch(body: bytes) -> list[CloudEvent]:
    """The CloudEvents of a JSON batch, at most 1,000 in 1 MiB; raises like `parse_event`, naming the event's place."""
    if len(body) > MAX_BATCH_BYTES:
        raise EventTooLargeError(size=len(body), limit=MAX_BATCH_BYTES)
    members = load_json(body)
    if not isinstance(members, list) or not members or len(members) > MAX_BATCH_EVENTS:
        raise InvalidEventError(reason=f"a batch is a JSON array of 1 to {MAX_BATCH_EVENTS} events")
    events = []
    for place, item in enumerate(members):
        if not isinstance(item, dict):
            raise InvalidEventError(reason=f"event {place} of the batch is not a JSON object")
        try:
            events.append(event_from_members(item))
        except InvalidEventError as error:
            raise InvalidEventError(reason=f"event {place} of the batch: {error.data['reason']}") from None
    return events


def event_from_members(members: Mapping[str, Any]) -> CloudEvent:
    """A CloudEvent from the members of its JSON object; raises like `parse_event`."""
    members = {name: value for name, value in members.items() if value is not None or name == "data"}
    if members.pop("specversion", None) != SPEC_VERSION:
        raise InvalidEventError(reason=f"specversion must be {SPEC_VERSION!r}")
    context = {name: members.pop(name) for name in CONTEXT_ATTRIBUTES[1:] if name in members}
    data, data_base64 = members.pop("data", None), members.pop("data_base64", None)
    for name in ("id", "source", "type"):
        if not context.get(name):
            raise InvalidEventError(reason=f"{name} is required and must not be empty")
    for name, value in context.items():
        _check_text(name, value)
    _check_identity(context["id"], context["type"], members)
    if "time" in context:
        check_time(context["time"])
    if data_base64 is not None:
        _check_base64(data, data_base64)
    event = CloudEvent(**context, data=data, data_base64=data_base64, extensions=_extensions(members))
    if len(event.body) > MAX_EVENT_BYTES:
        raise EventTooLargeError(size=len(event.body), limit=MAX_EVENT_BYTES)
    return event


def parse_binary_event(headers: Mapping[str, str], body: bytes) -> CloudEvent:
    """A CloudEvent from binary mode: ``ce-*`` headers (names in lower case) and the data as body.

    Raises:
        InvalidEventError: as for `parse_event`, and for headers that are not valid percent-encoded UTF-8.
        EventTooLargeError: past 256 KiB.
    """
    members: dict[str, Any] = {
        name[3:]: decode_header_value(name, value) for name, value in headers.items() if name.startswith("ce-")
    }
    if "datacontenttype" in members:
        raise InvalidEventError(reason="binary mode has no ce-datacontenttype; use Content-Type")
    if members.keys() & {"data", "data_base64"}:
        raise InvalidEventError(reason="binary mode has no header for data; it is the body")
    if content_type := headers.get("content-type"):
        members["datacontenttype"] = content_type
    if len(body) > MAX_EVENT_BYTES:
        raise EventTooLargeError(size=len(body), limit=MAX_EVENT_BYTES)
    if body and is_json(content_type):
        members["data"] = load_json(body)
    elif body:
        members["data_base64"] = base64.b64encode(body).decode()
    return event_from_members(members)


def is_json(content_type: str | None) -> bool:
    """Whether data of that type is JSON; so it is where no type is given."""
    return bool(_JSON_MEDIA_TYPE.fullmatch(content_type or "application/json"))


def check_time(value: str) -> None:
    """Raise `InvalidEventError` unless ``value`` is an RFC 3339 timestamp with an offset."""
    try:
        if _RFC3339.fullmatch(value):
            datetime.fromisoformat(re.sub(r"\.\d+", "", value.upper()))
            return
    except ValueError:
        pass
    raise InvalidEventError(reason=f"time {shown(value)} is not an RFC 3339 timestamp, such as 2025-12-26T14:30:00Z")


def _check_identity(event_id: str, event_type: str, members: Mapping[str, Any]) -> None:
    """What Temporal limits in bytes: it becomes part of a workflow id, or a search attribute."""
    if event_id in {".", ".."}:
        raise InvalidEventError(reason="id is a path of dots")
    if len(event_id.encode()) > MAX_ID_BYTES:
        raise InvalidEventError(reason=f"id is longer than {MAX_ID_BYTES} bytes")
    named = {"type": event_type} | {name: str(members.get(name, "")) for name in ("imincidentid", "imalarmid")}
    for name, value in named.items():
        if len(value.encode()) > MAX_KEYWORD_BYTES:
            raise InvalidEventError(reason=f"{name} is longer than {MAX_KEYWORD_BYTES} bytes")


def _check_text(name: str, value: object) -> None:
    if not isinstance(value, str):
        raise InvalidEventError(reason=f"{name} must be a string")
    if len(value) > MAX_ATTRIBUTE_LENGTH:
        raise InvalidEventError(reason=f"{name} is longer than {MAX_ATTRIBUTE_LENGTH} characters")
    if not value or _FORBIDDEN_TEXT.search(value):
        raise InvalidEventError(reason=f"{name} is empty or has forbidden characters")


def _check_base64(data: object, data_base64: object) -> None:
    if data is not None:
        raise InvalidEventError(reason="data and data_base64 exclude each other")
    if not isinstance(data_base64, str):
        raise InvalidEventError(reason="data_base64 must be a string")
    try:
        base64.b64decode(data_base64, validate=True)
    except ValueError:
        raise InvalidEventError(reason="data_base64 is not base64") from None


def _extensions(members: Mapping[str, Any]) -> dict[str, str | bool | int]:
    for name, value in members.items():
        if not _ATTRIBUTE_NAME.fullmatch(name):
            raise InvalidEventError(reason=f"{name[:64]!r} is not an attribute name (a-z and 0-9 only)")
        if isinstance(value, str):
            if value:
                _check_text(name, value)
        elif not isinstance(value, (bool, int)) or not -(2**31) <= value < 2**31:
            raise InvalidEventError(reason=f"extension {name} must be a string, boolean or 32-bit integer")
    return dict(members)
