"""The SaaS console's alerts are incidents whose end nobody tells."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import InvalidRequestError, TooLargeError
from domain.zeebe_parsing import MAX_RECORDS, parse_alerts
from tests.support.zeebe_records import JSON, alert, alerts


def test_an_alert_of_the_console_is_an_incident_without_end() -> None:
    (read,) = parse_alerts(alerts(alert())).incidents
    assert (read.resolved, read.lasting, read.partition, read.position) == (False, False, 0, "0")
    assert (read.process_id, read.element_id, read.error_type) == ("order", "node-id", "JOB_NO_RETRIES")
    assert (read.process_instance_key, read.job_key) == ("2251799829404548", "2251799829404549")
    assert read.timestamp == 1766759400123
    assert read.link == alert()["operateUrl"]
    assert len(read.key) == 32


def test_the_same_alert_has_the_same_key_and_another_another() -> None:
    def key(**parts: Any) -> str:
        return parse_alerts(alerts(alert(**parts))).incidents[0].key

    same: list[dict[str, Any]] = [
        {},
        {"errorMessage": "b"},
        {"creationTime": 1766759400123},
        {"creationTime": "1766759400123"},
    ]
    assert len({key(**parts) for parts in same}) == 1
    other: list[dict[str, Any]] = [
        {"processInstanceId": 1},
        {"flowNodeId": "b"},
        {"errorType": "B"},
        {"creationTime": 1766759400124},
    ]
    assert len({key(), *(key(**parts) for parts in other)}) == 5


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2025-12-26T14:30:00Z", 1766759400000),
        ("2025-12-26T15:30:00.5+01:00", 1766759400500),
        ("2025-12-26T14:30:00", 1766759400000),
        (1766759400000, 1766759400000),
    ],
)
def test_times_of_alerts_are_read_in_each_form(text: Any, at: int) -> None:
    assert parse_alerts(alerts(alert(creationTime=text))).incidents[0].timestamp == at


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ({"creationTime": None}, "creationTime is missing"),
        ({"creationTime": "yesterday"}, "creationTime is no time in ISO 8601"),
        ({"creationTime": "0001-01-01T00:00:00+23:00"}, "creationTime is not between"),
        ({"creationTime": 1.5}, "creationTime is a floating-point number"),
        ({"processInstanceId": None}, "processInstanceId is missing"),
        ({"processInstanceId": 1e15}, "processInstanceId is a floating-point number"),
        ({"flowNodeId": 3}, "flowNodeId is not a text"),
    ],
)
def test_a_bad_alert_is_named_and_the_others_are_taken(parts: dict[str, Any], reason: str) -> None:
    parsed = parse_alerts(alerts(alert(**parts), alert()))
    assert len(parsed.incidents) == 1
    assert (parsed.bad[0].place, parsed.bad[0].reason.startswith(reason)) == (0, True)


@pytest.mark.parametrize("link", [None, 7, "javascript:alert(1)", "https://", "https://a b", "https://a/" + "x" * 2048])
def test_a_link_that_is_none_is_left_out(link: Any) -> None:
    assert parse_alerts(alerts(alert(operateUrl=link))).incidents[0].link is None


@pytest.mark.parametrize("sent", [b"", b"{", b"[]", b"{}", b'{"alerts": {}}', b'{"alerts": null}', b"\xff"])
def test_what_is_no_webhook_of_the_console_is_refused(sent: bytes) -> None:
    with pytest.raises(InvalidRequestError, match="no alert of the Camunda console"):
        parse_alerts(sent)


def test_no_more_than_10_000_alerts_are_taken_at_a_time() -> None:
    with pytest.raises(TooLargeError, match="10000 records"):
        parse_alerts(b'{"alerts": [' + b",".join([b"1"] * (MAX_RECORDS + 1)) + b"]}")


@given(st.dictionaries(st.sampled_from(sorted(alert())), JSON))
def test_no_value_in_an_alert_breaks_the_parser(parts: dict[str, Any]) -> None:
    parsed = parse_alerts(alerts(alert(), alert(**parts)))
    assert len(parsed.incidents) + len(parsed.bad) == 2
