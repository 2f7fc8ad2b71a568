"""The JSON Schemas that are shipped: of every event type the platform emits, and of both alarm notifications.

Each is a file of its own in ``schemas/``, draft 2020-12, with examples. A published type is a contract, so what changes
in it shows in the diff of one file.
"""

import json
from functools import cache
from importlib.resources import files
from typing import Any

from domain.event_types import EMITTED_TYPES
from domain.patterns import meant_type
from domain.type_errors import UnknownTypeError

MEDIA_TYPE = "application/schema+json"


def event_schema(event_type: str) -> dict[str, Any]:
    """The schema of the CloudEvent, in its JSON form, that tells of one type. Do not change what you are given.

    Raises:
        UnknownTypeError: the platform emits none of that type.
    """
    if event_type not in EMITTED_TYPES:
        raise UnknownTypeError(name=event_type[:80], close=meant_type(event_type[:80], list(EMITTED_TYPES)))
    return load_schema(event_type)


def event_examples(event_type: str) -> list[dict[str, Any]]:
    """Examples of a type, the plainest first, in their JSON form; raises like `event_schema`."""
    found: list[dict[str, Any]] = event_schema(event_type)["examples"]
    return found


@cache
def load_schema(name: str) -> dict[str, Any]:
    """A schema by the name of its file, whole: what it refers to is put in its place."""
    schema: dict[str, Any] = json.loads((files("service") / "schemas" / f"{name}.json").read_text("utf-8"))
    data = schema.get("properties", {}).get("data", {})
    if reference := data.get("$ref"):
        shared = load_schema(reference.removesuffix(".json"))
        own = {key: value for key, value in data.items() if key != "$ref"}
        head = {"$schema", "$id", "title"}
        schema["properties"]["data"] = {key: value for key, value in shared.items() if key not in head} | own
    return schema
