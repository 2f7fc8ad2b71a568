"""The shipped schemas: one for every type that is emitted, with examples that are CloudEvents and validate."""

import json
from importlib.resources import files
from typing import Any

import jsonschema
import pytest

from domain.event_parsing import parse_event
from domain.event_types import EMITTED_TYPES
from domain.type_errors import UnknownTypeError
from service.event_schemas import event_examples, event_schema, load_schema

FOLDER = files("service") / "schemas"


def validator(event_type: str) -> Any:
    schema = event_schema(event_type)
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


@pytest.mark.parametrize("event_type", EMITTED_TYPES)
def test_examples_validate_and_are_cloudevents(event_type: str) -> None:
    for example in event_examples(event_type):
        validator(event_type).validate(example)
        assert example["type"] == event_type
        assert parse_event(json.dumps(example).encode()).to_dict() == example


@pytest.mark.parametrize("event_type", EMITTED_TYPES)
def test_a_schema_names_its_type_and_stands_alone(event_type: str) -> None:
    schema = event_schema(event_type)
    assert schema["title"] == event_type
    assert schema["$id"] == f"urn:im:schema:{event_type}"
    assert schema["description"]
    assert "$ref" not in json.dumps(schema)


@pytest.mark.parametrize("event_type", EMITTED_TYPES)
def test_an_event_of_another_type_or_without_data_is_refused_and_more_attributes_are_not(event_type: str) -> None:
    example = event_examples(event_type)[0]
    check = validator(event_type)
    assert check.is_valid(example | {"partnerextension": "x"})
    assert not check.is_valid(example | {"type": "im.other.v1"})
    assert not check.is_valid({name: value for name, value in example.items() if name != "data"})
    assert not check.is_valid(example | {"data": {}})


def test_a_note_is_required_of_a_note_alone() -> None:
    for event_type, needed in (("im.incident.note_added.v1", True), ("im.incident.resolved.v1", False)):
        example = event_examples(event_type)[0]
        bare = {name: value for name, value in example["data"].items() if name != "note"}
        assert validator(event_type).is_valid(example | {"data": bare}) is not needed


def test_every_file_belongs_to_a_type_or_a_message_format() -> None:
    shared = {"alarm-flat", "alarm-nested", "incident-data"}
    assert {path.name.removesuffix(".json") for path in FOLDER.iterdir()} == set(EMITTED_TYPES) | shared
    for name in shared:
        jsonschema.Draft202012Validator.check_schema(load_schema(name))


def test_a_name_that_is_no_type_opens_no_file() -> None:
    for name in ("alarm-flat", "../settings", "im.incident.*", ""):
        with pytest.raises(UnknownTypeError):
            event_schema(name)


def test_a_type_that_is_close_to_a_known_one_is_answered_with_that() -> None:
    with pytest.raises(UnknownTypeError) as refused:
        event_schema("im.incident.declard.v1")
    assert refused.value.advice.startswith("Did you mean im.incident.declared.v1? See those it does with: im types.")
