"""Examples as events: every type makes a valid one of now, marked, and only with values that its schema allows."""

from datetime import UTC, datetime
from typing import Any

import jsonschema
import pytest

from domain.errors import InvalidInputError
from domain.event_templates import MARK, from_example
from domain.event_types import EMITTED_TYPES
from domain.events import CloudEvent
from service.event_schemas import event_schema

NOW = datetime(2026, 11, 21, 9, 30, 1, 234567, tzinfo=UTC)


def made(event_type: str, **changes: str) -> CloudEvent:
    given = {name.replace("__", "."): value for name, value in changes.items()}
    event = from_example(event_schema(event_type), given, NOW, "evt_new")
    jsonschema.Draft202012Validator(event_schema(event_type)).validate(event.to_dict())
    return event


@pytest.mark.parametrize("event_type", EMITTED_TYPES)
def test_every_type_makes_a_valid_marked_event_of_now(event_type: str) -> None:
    event = made(event_type)
    assert (event.id, event.type, event.extensions[MARK]) == ("evt_new", event_type, True)
    assert (event.time or "").startswith("2026-11-21T09:30:01")
    assert "2025-12-26" not in event.body.decode(), "no time of the example is left"


@pytest.mark.parametrize(
    ("event_type", "changes", "member", "value"),
    [
        ("im.incident.declared.v1", {"severity": "SEV-1"}, ("severity",), "SEV-1"),
        ("im.incident.declared.v1", {"title": "404"}, ("title",), "404"),
        ("im.incident.declared.v1", {"details__count": "3"}, ("details", "count"), 3),
        ("im.incident.declared.v1", {"details": '{"a": 1}'}, ("details",), {"a": 1}),
        ("im.alarm.raised.v1", {"severity": "MINOR"}, ("severity",), "MINOR"),
        ("im.alarm.raised.v1", {"identifier__node_id": "n2"}, ("identifier", "node_id"), "n2"),
        (
            "im.alarm.raised.v1",
            {"description__suggested_actions": '["x"]'},
            ("description", "suggested_actions"),
            ["x"],
        ),
    ],
)
def test_a_value_is_set(event_type: str, changes: dict[str, str], member: tuple[str, ...], value: Any) -> None:
    found = made(event_type, **changes).data
    for name in member:
        found = found[name]
    assert found == value


def test_another_identity_is_so_everywhere() -> None:
    event = made("im.incident.resolved.v1", incident_id="INC-7")
    assert (event.source, event.incident_id, event.data["incident_id"]) == ("/incidents/INC-7", "INC-7", "INC-7")
    assert made("im.alarm.raised.v1", alarm_id="cpu-1").ordering_key == "alarm/cpu-1"


@pytest.mark.parametrize(
    ("event_type", "changes"),
    [
        ("im.incident.declared.v1", {"severity": "SEV-9"}),
        ("im.incident.declared.v1", {"colour": "red"}),
        ("im.incident.declared.v1", {"": "red"}),
        ("im.incident.declared.v1", {"title__x": "red"}),
        ("im.incident.declared.v1", {"incident_id": "7"}),
        ("im.incident.declared.v1", {"details": "text"}),
        ("im.incident.declared.v1", {"alarm_id": "x"}),
        ("im.alarm.raised.v1", {"severity": "CLEARED"}),
        ("im.alarm.raised.v1", {"cleared": "perhaps"}),
    ],
)
def test_what_the_schema_forbids_is_refused(event_type: str, changes: dict[str, str]) -> None:
    with pytest.raises(InvalidInputError):
        made(event_type, **changes)
