"""Alarm notifications: exactly the keys of both formats, true to their schemas, and read back as they were written."""

import json
from typing import Any

import jsonschema
import pytest
from hypothesis import given

from api import alarm_examples
from api.alarms import SCHEMAS
from domain.alarm_checks import checked
from domain.alarm_errors import InvalidNotificationError
from domain.alarm_messages import alarm_event, flat, message_body, nested
from domain.alarm_parsing import UNSORTED, as_observation, parse_flat, parse_nested, parse_notification
from domain.alarm_texts import Impact
from domain.alarms import AlarmSeverity, Notification
from domain.event_parsing import parse_event
from domain.message_formats import MessageFormat
from domain.urgency import urgency_of
from tests.support.alarms import any_notification, make_alarm
from tests.support.builders import make_event

EXAMPLE = Notification.model_validate(alarm_examples.ALARM)


def tidied(state: Notification) -> Notification:
    """As it is once the platform has taken it in."""
    return Notification.model_validate(
        state.model_dump() | checked(as_observation(state), state.last_updated).model_dump(exclude={"identity"})
    )


def validator(name: str) -> Any:
    return jsonschema.Draft202012Validator(SCHEMAS[name], format_checker=jsonschema.FormatChecker())


def test_the_flat_format_is_the_one_of_the_notifier() -> None:
    assert flat(EXAMPLE) == alarm_examples.FLAT
    assert list(flat(EXAMPLE)) == [
        *("alarm_id", "alarm_type", "resource_id", "resource_type", "node_id", "cleared", "severity"),
        *("dashboard_link", "brief_description", "detailed_description", "impacted_resources"),
        *("suggested_actions", "last_updated"),
    ]


def test_the_nested_format_is_the_one_of_the_notifier() -> None:
    said = nested(EXAMPLE)
    assert said == alarm_examples.NESTED
    assert list(said) == ["alarm_id", "identifier", "cleared", "severity", "description", "last_updated"]
    assert list(said["identifier"]) == ["alarm_type", "resource_id", "resource_type", "node_id"]
    assert list(said["description"]) == [
        *("dashboard_link", "brief_description", "detailed_description", "suggested_actions", "impact_descriptions"),
    ]
    assert said["description"]["impact_descriptions"]["authenticator"].keys() == {"title", "impacted_dependencies"}


def test_what_is_absent_is_empty_and_its_key_is_there() -> None:
    bare = make_alarm(severity=AlarmSeverity.CLEARED)
    assert flat(bare).keys() == flat(EXAMPLE).keys()
    assert (flat(bare)["node_id"], flat(bare)["impacted_resources"], flat(bare)["cleared"]) == ("", "", "true")
    assert nested(bare)["description"] == {
        "dashboard_link": "",
        "brief_description": "",
        "detailed_description": [],
        "suggested_actions": [],
        "impact_descriptions": {},
    }
    assert (nested(bare)["cleared"], nested(bare)["severity"]) == (True, "CLEARED")


@given(any_notification)
def test_every_message_is_true_to_its_schema(state: Notification) -> None:
    state = tidied(state)
    validator("alarm-flat").validate(flat(state))
    validator("alarm-nested").validate(nested(state))
    assert all(isinstance(value, str) for value in flat(state).values())


@given(any_notification)
def test_both_formats_are_read_back_whole(state: Notification) -> None:
    state = tidied(state)
    for said in (flat(state), nested(state)):
        assert parse_notification(json.dumps(said).encode()) == state


@given(any_notification)
def test_an_event_of_any_alarm_is_a_cloudevent_that_every_format_can_say(state: Notification) -> None:
    state = tidied(state)
    event = alarm_event(state, "im.alarm.raised.v1", "evt_1")
    assert parse_event(event.body) == event
    assert event.ordering_key == f"alarm/{state.alarm_id}"
    assert json.loads(message_body(MessageFormat.FLAT, event)) == flat(state)
    assert json.loads(message_body(MessageFormat.NESTED, event)) == nested(state) == event.data


def test_schemas_are_schemas_and_refuse_what_they_should() -> None:
    for name, said in (("alarm-flat", flat(EXAMPLE)), ("alarm-nested", nested(EXAMPLE))):
        jsonschema.Draft202012Validator.check_schema(SCHEMAS[name])
        for wrong in (
            {"more": "x"},
            {"cleared": "TRUE"},
            {"severity": "SEV-1"},
            {"severity": "CLEARED"},
            {"last_updated": "yesterday"},
        ):
            assert not validator(name).is_valid(said | wrong), wrong
        for key in said:
            assert not validator(name).is_valid({k: v for k, v in said.items() if k != key}), key


def test_the_lines_of_another_platform_are_kept() -> None:
    lines = "Authenticators:\r\n* html-form\r\n* sms"
    state = parse_flat(alarm_examples.FLAT | {"impacted_resources": lines})
    assert state.impacted_resources == {
        UNSORTED: Impact(impacted_dependencies=["Authenticators:", "* html-form", "* sms"])
    }
    assert parse_flat(flat(state)) == state


def test_what_a_notification_may_leave_out() -> None:
    bare = {key: alarm_examples.FLAT[key] for key in ("alarm_id", "alarm_type", "resource_id", "resource_type")}
    bare |= {"cleared": "false", "severity": "MAJOR", "last_updated": "2025-12-26T15:30:00+01:00"}
    state = parse_flat(bare)
    assert (state.brief_description, state.suggested_actions, state.node_id) == ("", [], "")
    assert flat(state)["last_updated"] == "2025-12-26T14:30:00.000000Z"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"alarm_id": None}, "alarm_id must be a string in the flat format, as all of its values"),
        ({"cleared": False}, "cleared must be a string in the flat format, as all of its values"),
        ({"cleared": "no"}, "cleared must be the string 'true' or 'false'"),
        ({"cleared": "true"}, "severity and cleared contradict each other"),
        ({"severity": "SEV-1"}, "severity must be one of CRITICAL, MAJOR, MINOR, WARNING, CLEARED"),
        ({"severity": "critical"}, "severity must be one of"),
        ({"last_updated": "2025-12-26"}, "last_updated must be a date and time in ISO 8601"),
        ({"last_updated": "0001-01-01T00:00:00+14:00"}, "last_updated must be a date and time"),
        ({"suggested_actions": ["x"]}, "suggested_actions must be a string in the flat format, as all of its values"),
        ({"alarm_type": ""}, "alarm_type: it is empty"),
        ({"brief_description": "x" * 501}, "brief_description: it has more than 500 characters"),
        ({"extra": "x"}, "extra is no key of this format"),
    ],
)
def test_a_fault_of_a_flat_notification_is_named(wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidNotificationError, match=said):
        parse_notification(json.dumps(alarm_examples.FLAT | wrong).encode())


@pytest.mark.parametrize(
    ("place", "value", "said"),
    [
        ("cleared", "false", "cleared must be true or false"),
        ("cleared", 0, "cleared must be true or false"),
        ("identifier", [], "identifier must be a JSON object"),
        ("identifier.alarm_type", 7, "identifier.alarm_type must be a string"),
        ("identifier.more", "x", "identifier.more is no key"),
        ("description", None, "description must be a JSON object"),
        ("description.detailed_description", "x", "description.detailed_description must be an array of strings"),
        ("description.suggested_actions", [1], "description.suggested_actions must be an array of strings"),
        ("description.impact_descriptions", [], "description.impact_descriptions must be a JSON object"),
        ("description.impact_descriptions.a", "x", "impact_descriptions.a must be a JSON object"),
        ("description.impact_descriptions.a", {"title": 1}, "impact_descriptions.a.title must be a string"),
        ("description.impact_descriptions.a", {"x": 1}, "impact_descriptions.a.x is no key"),
        ("description.impact_descriptions.a:b", {}, "impacted_resources: a type has a colon"),
        ("node_id", "x", "node_id is no key"),
    ],
)
def test_a_fault_of_a_nested_notification_is_named(place: str, value: Any, said: str) -> None:
    members = json.loads(json.dumps(alarm_examples.NESTED))
    *holders, name = place.split(".")
    holder = members
    for step in holders:
        holder = holder[step]
    holder[name] = value
    with pytest.raises(InvalidNotificationError, match=said):
        parse_notification(json.dumps(members).encode())


@pytest.mark.parametrize("key", ["alarm_id", "alarm_type", "resource_id", "resource_type", "cleared", "severity"])
def test_a_missing_key_is_named(key: str) -> None:
    with pytest.raises(InvalidNotificationError, match=f"{key} is missing"):
        parse_flat({name: value for name, value in alarm_examples.FLAT.items() if name != key})


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'{"cleared": "true", "cleared": "false"}', b"\xff", b'"x"'])
def test_a_body_that_is_no_notification_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidNotificationError):
        parse_notification(body)


@pytest.mark.parametrize("data", [None, "x", [], {}, {"severity": "MAJOR"}])
def test_an_event_of_somebody_else_that_cannot_be_said_is_refused(data: Any) -> None:
    with pytest.raises(InvalidNotificationError):
        message_body(MessageFormat.FLAT, make_event(type="im.alarm.raised.v1", data=data))


@pytest.mark.parametrize(
    ("severity", "urgency"),
    [("CRITICAL", "SEV-1"), ("MAJOR", "SEV-2"), ("MINOR", "SEV-3"), ("WARNING", "SEV-4"), ("CLEARED", None)],
)
def test_alarms_are_as_urgent_as_incidents(severity: str, urgency: str | None) -> None:
    event = alarm_event(make_alarm(severity=severity), "im.alarm.raised.v1", "evt_1")
    assert (urgency_of(event), event.severity) == (urgency, None)
    assert urgency_of(make_event()) == "SEV-2"
    assert urgency_of(make_event(data={"severity": severity})) is None


def test_parse_nested_takes_an_alarm_event_of_this_platform() -> None:
    event = alarm_event(EXAMPLE, "im.alarm.raised.v1", "evt_1")
    assert parse_nested(event.data) == EXAMPLE


def test_what_a_notification_leaves_out_says_nothing() -> None:
    whole = flat(EXAMPLE)
    bare = {name: whole[name] for name in ("alarm_id", "alarm_type", "resource_id", "resource_type")}
    bare |= {name: whole[name] for name in ("cleared", "severity", "last_updated")}
    said = as_observation(parse_flat(bare))
    left_out = ("node_id", "dashboard_link", "brief_description", "detailed_description", "impacted_resources")
    assert {getattr(said, name) for name in left_out} == {None}


def test_what_alertmanager_posts_is_known_by_its_keys() -> None:
    body = {"version": "4", "groupKey": "{}:{}", "status": "firing", "alerts": [{"status": "firing"}]}
    with pytest.raises(InvalidNotificationError, match="Alertmanager posts") as refused:
        parse_notification(json.dumps(body).encode())
    assert "docs/alarms.md" in refused.value.advice
