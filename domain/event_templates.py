"""Events made from the examples of their types: as of now, marked, and changed where somebody wants it otherwise."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from domain.alarm_messages import timestamp
from domain.alarm_parsing import parse_nested
from domain.errors import InvalidRequestError
from domain.event_parsing import event_from_members
from domain.event_types import ALARM_CHANGED, ALARM_CLEARED, ALARM_RAISED
from domain.events import CloudEvent
from domain.incidents import rfc3339

MARK = "imexample"  # an extension attribute, by which receivers can tell such an event from a real one
# In the data; the source has them too, and an extension may.
_IDENTITY = ("incident_id", "alarm_id", "heartbeat", "subscriber")
_PYTHON: dict[str, type | tuple[type, ...]] = {
    "object": dict,
    "array": list,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
}


def from_example(schema: Mapping[str, Any], changes: Mapping[str, str], now: datetime, event_id: str) -> CloudEvent:
    """The first example of a schema as an event that happens now.

    Args:
        schema: of an event type; see `service.event_schemas`.
        changes: values of the data by their paths, such as ``severity`` or ``details.cluster``; texts, or JSON where
            the schema has something else.
        now: in UTC.
        event_id: new.

    Raises:
        InvalidRequestError: the schema has no such member, or not with such a value.
        InvalidNotificationError: the changes contradict each other, in an alarm.
    """
    data_schema = schema["properties"]["data"]
    members = _as_of(schema["examples"][0], data_schema, changes, now)
    for path, text in changes.items():
        if path not in _IDENTITY:
            _change(members["data"], data_schema, path, text)
    event = event_from_members(members | {"id": event_id, MARK: True})
    if event.type in {ALARM_RAISED, ALARM_CHANGED, ALARM_CLEARED}:
        parse_nested(event.data)
    return event


def _as_of(
    example: Mapping[str, Any], data_schema: Mapping[str, Any], changes: Mapping[str, str], now: datetime
) -> dict[str, Any]:
    """The example with its time, and the identity of what it is about, replaced wherever they stand."""
    time = example["time"]
    now = now.astimezone(UTC)
    replaced = {time: timestamp(now) if "." in time else rfc3339(now.replace(microsecond=0))}
    for name in _IDENTITY:
        if name in changes:
            replaced[example["data"].get(name, "")] = _value(_member(data_schema, name, name), name, changes[name])
    text = json.dumps(example)
    for old, new in replaced.items():
        text = text.replace(json.dumps(old)[1:-1], json.dumps(new)[1:-1])
    found: dict[str, Any] = json.loads(text)
    return found


def _change(data: dict[str, Any], schema: Mapping[str, Any], path: str, text: str) -> None:
    *above, last = path.split(".")
    for name in above:
        schema = _member(schema, name, path)
        data = data.setdefault(name, {})
        if not isinstance(data, dict):
            raise InvalidRequestError(reason=f"{path}: {name} is no object")
    data[last] = _value(_member(schema, last, path), path, text)


def _member(schema: Mapping[str, Any], name: str, path: str) -> Mapping[str, Any]:
    """The schema of a member; an empty one where anything goes."""
    known: Mapping[str, Any] | None = schema.get("properties")
    if known is None:
        return {}
    if name not in known:
        raise InvalidRequestError(reason=f"{path}: the data has no {name or 'empty name'}; it has {', '.join(known)}")
    found: Mapping[str, Any] = known[name]
    return found


def _value(schema: Mapping[str, Any], path: str, text: str) -> Any:
    kind = schema.get("type")
    if "enum" in schema:
        if text not in schema["enum"]:
            raise InvalidRequestError(reason=f"{path}: {text!r} is none of {', '.join(schema['enum'])}")
        return text
    if kind == "string":
        if not re.search(schema.get("pattern", ""), text):
            raise InvalidRequestError(reason=f"{path}: {text!r} is not of the form {schema['pattern']}")
        return text
    try:
        value = json.loads(text)
    except ValueError:
        value = text
    if kind is not None and not isinstance(value, _PYTHON[kind]):
        raise InvalidRequestError(reason=f"{path}: {text!r} is not JSON of the type {kind}")
    return value
