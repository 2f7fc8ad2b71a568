"""What a record says is read exactly, and nothing it says does harm."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.zeebe import MAX_MESSAGE
from domain.zeebe_fields import LATEST, MAX_KEY
from domain.zeebe_parsing import parse_records
from tests.support.zeebe_records import BIG_KEY, JSON, KEY, SEED, body, incident


def only(record: Any) -> Any:
    parsed = parse_records(json.dumps(record).encode())
    assert (len(parsed.incidents), parsed.others, parsed.bad) == (1, [], [])
    return parsed.incidents[0]


def refused(record: Any) -> str:
    parsed = parse_records(json.dumps(record).encode())
    assert (parsed.incidents, parsed.others, len(parsed.bad)) == ([], [], 1)
    return parsed.bad[0].reason


def test_a_record_of_2020_is_read() -> None:
    assert only(SEED).model_dump() == {
        "resolved": False,
        "key": "2251799813685263",
        "partition": 1,
        "position": "4294998496",
        "timestamp": 1580785145828,
        "error_type": "IO_MAPPING_ERROR",
        "error_message": "No data found for query does_not_exist.",
        "process_id": "create-incident",
        "element_id": "Task_194z010",
        "process_instance_key": "2251799813685258",
        "process_definition_key": "2251799813685249",
        "element_instance_key": "2251799813685262",
        "job_key": None,
        "tenant_id": None,
        "broker_version": None,
        "link": None,
        "lasting": True,
    }


def test_a_record_of_today_is_read() -> None:
    read = only(incident())
    assert (read.process_instance_key, read.process_definition_key) == ("2251799813685301", "2251799813685300")
    assert (read.job_key, read.tenant_id, read.broker_version) == ("2251799813685303", "<default>", "8.8.2")


@pytest.mark.parametrize(
    ("parts", "sort"),
    [
        ({}, "raises"),
        ({"intent": "RESOLVED"}, "resolves"),
        ({"intent": "CREATE", "recordType": "COMMAND"}, "other"),
        ({"intent": "RESOLVE", "recordType": "COMMAND"}, "other"),
        ({"intent": "CREATED", "recordType": "COMMAND"}, "other"),
        ({"recordType": "COMMAND_REJECTION"}, "other"),
        ({"intent": "MIGRATED"}, "other"),
        ({"intent": "created"}, "other"),
        ({"valueType": "JOB", "intent": "FAILED"}, "other"),
        ({"valueType": "JOB", "intent": "CREATED"}, "other"),
        ({"valueType": "SOMETHING_NEW", "intent": "INVENTED", "value": {}}, "other"),
        ({"valueType": "JOB", "intent": "CREATED", "key": -1, "position": 1.5}, "other"),
    ],
)
def test_only_events_created_and_resolved_of_incidents_count(parts: dict[str, Any], sort: str) -> None:
    parsed = parse_records(body(incident(**parts)))
    assert not parsed.bad
    assert [read.resolved for read in parsed.incidents] == {"raises": [False], "resolves": [True], "other": []}[sort]
    assert len(parsed.others) == (sort == "other")


def test_other_records_say_their_process() -> None:
    job, without = incident(valueType="JOB"), incident(valueType="DEPLOYMENT")
    parsed = parse_records(body(job, without | {"value": {}}, without | {"value": None}))
    assert [other.process_id for other in parsed.others] == ["order", "", ""]
    assert {other.timestamp for other in parsed.others} == {1766759400123}


@given(st.integers(1, MAX_KEY), st.integers(1, MAX_KEY), st.booleans())
def test_keys_are_exact_to_the_last_digit(key: int, instance: int, written: bool) -> None:
    form = str if written else int
    read = only(incident(key=form(key), position=form(key), value={"processInstanceKey": form(instance)}))
    assert (read.key, read.position, read.process_instance_key) == (str(key), str(key), str(instance))


@pytest.mark.parametrize("name", ["key", "partitionId", "position", "timestamp"])
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "{} is missing"),
        (-1, "{} is not between 1 and"),
        (0, "{} is not between 1 and"),
        (2**63, "{} is not between 1 and"),
        (2251799813685263.0, "{} is a floating-point number, so its precision is lost"),
        (True, "{} is not a whole number"),
        ("", "{} is not a whole number"),
        ("12a", "{} is not a whole number"),
        ("１２", "{} is not a whole number"),
        ([1], "{} is not a whole number"),
        ("9" * 20, "{} is not a whole number"),
    ],
)
def test_a_record_without_its_place_is_refused_by_name(name: str, value: Any, reason: str) -> None:
    assert refused(incident(**{name: value})).startswith(reason.format(name))
    without = incident()
    del without[name]
    assert refused(without) == f"{name} is missing"


def test_a_time_no_calendar_holds_is_refused() -> None:
    assert only(incident(timestamp=LATEST)).timestamp == LATEST
    assert refused(incident(timestamp=LATEST + 1)).startswith("timestamp is not between")


@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("processInstanceKey", "process_instance_key"),
        ("processDefinitionKey", "process_definition_key"),
        ("elementInstanceKey", "element_instance_key"),
        ("jobKey", "job_key"),
    ],
)
def test_a_key_that_lost_digits_is_refused_and_minus_one_is_none(name: str, field: str) -> None:
    assert "precision" in refused(incident(value={name: float(BIG_KEY)}))
    assert refused(incident(value={name: 2**63})).startswith(f"{name} is not between")
    for none in (-1, "-1", 0, None):
        assert getattr(only(incident(value={name: none})), field) is None


@pytest.mark.parametrize("name", ["errorType", "bpmnProcessId", "elementId", "tenantId"])
def test_a_name_that_is_no_text_is_refused(name: str) -> None:
    assert refused(incident(value={name: 7})) == f"{name} is not a text"


def test_error_types_are_an_open_set() -> None:
    assert only(incident(value={"errorType": "OF_A_VERSION_TO_COME"})).error_type == "OF_A_VERSION_TO_COME"
    assert only(incident(value={"errorType": ""})).error_type == "UNKNOWN"
    assert len(only(incident(value={"errorType": "X" * 300})).error_type) == 255


def test_a_message_keeps_its_lines_and_loses_what_could_control_a_terminal() -> None:
    read = only(incident(value={"errorMessage": "at a\n\tat b\r\n\x1b[31mred\x00\u202e done", "elementId": "a\nb\x07"}))
    assert read.error_message == "at a\n\tat b \n\ufffd[31mred\ufffd\ufffd done"
    assert read.element_id == "a b\ufffd"


def test_a_long_message_is_cut() -> None:
    assert only(incident(value={"errorMessage": "x" * MAX_MESSAGE})).error_message == "x" * MAX_MESSAGE
    assert only(incident(value={"errorMessage": "x" * 5000})).error_message == "x" * (MAX_MESSAGE - 1) + "…"
    assert only(incident(value={"errorMessage": None})).error_message == ""


def test_unknown_members_are_ignored() -> None:
    assert only(incident(inventedIn=9, value={"invented": {"a": [1]}})).key == str(KEY)


@given(
    st.dictionaries(st.sampled_from(sorted(incident())), JSON),
    st.dictionaries(st.sampled_from(sorted(SEED["value"])), JSON),
)
def test_no_value_in_a_record_breaks_the_parser(parts: dict[str, Any], value: dict[str, Any]) -> None:
    sent = body(SEED, incident(value) | parts)
    parsed = parse_records(sent)
    assert len(parsed.incidents) + len(parsed.others) + len(parsed.bad) == 2
