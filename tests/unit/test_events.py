"""CloudEvents: what is an event and what is not, with the cloudevents package as a second opinion."""

import base64
import codecs
import json
from datetime import UTC, datetime
from typing import Any

import pytest
from cloudevents.core.bindings import http as oracle
from hypothesis import example, given
from hypothesis import strategies as st

from domain.event_errors import EventTooLargeError, InvalidEventError
from domain.event_parsing import MAX_ATTRIBUTE_LENGTH, MAX_EVENT_BYTES, MAX_ID_BYTES, parse_binary_event, parse_event
from domain.event_types import KNOWN_TYPES, OPERATIONAL_TYPES
from domain.events import CloudEvent
from domain.header_values import decode_header_value, encode_header_value
from domain.incidents import EVENT_TYPES
from domain.strict_json import MAX_JSON_DEPTH, load_json
from tests.support.builders import make_event

MINIMAL = {"specversion": "1.0", "id": "1", "source": "/a", "type": "t"}
GUIDE = """{
  "specversion": "1.0",
  "id": "evt_550e8400-e29b-41d4-a716-446655440000",
  "source": "/incidents/INC-12345",
  "type": "im.incident.declared.v1",
  "time": "2025-12-26T14:30:00Z",
  "datacontenttype": "application/json",
  "data": {
    "incident_id": "INC-12345",
    "title": "Production API latency spike",
    "severity": "SEV-2",
    "actor": "oncall@example.com"
  },
  "imincidentid": "INC-12345"
}"""

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Cn"]), min_size=1, max_size=50)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=10,
)
EVENTS = st.builds(
    CloudEvent,
    id=TEXT.filter(lambda text: text not in {".", ".."}),
    source=TEXT,
    type=TEXT,
    subject=st.none() | TEXT,
    time=st.none() | st.datetimes(timezones=st.just(UTC)).map(lambda at: at.isoformat().replace("+00:00", "Z")),
    datacontenttype=st.none() | st.just("application/json"),
    data=JSON,
    extensions=st.dictionaries(
        st.from_regex(r"x[a-z0-9]{1,18}", fullmatch=True),
        TEXT | st.booleans() | st.integers(-(2**31), 2**31 - 1),
        max_size=4,
    ),
)


def _body(**members: Any) -> bytes:
    return json.dumps(MINIMAL | members).encode()


def test_the_guides_example_is_sent_as_it_stands() -> None:
    assert json.loads(make_event().body) == json.loads(GUIDE)
    assert list(json.loads(make_event().body)) == list(json.loads(GUIDE)), "in the guide's order"
    assert parse_event(GUIDE.encode()) == make_event()


@given(EVENTS)
def test_an_event_survives_its_json_form(event: CloudEvent) -> None:
    assert parse_event(event.body) == event
    assert parse_event(event.body).body == event.body


@given(EVENTS)
def test_an_event_survives_storage_as_a_model(event: CloudEvent) -> None:
    stored = CloudEvent.model_validate_json(event.model_dump_json())
    assert stored.body == event.body


@given(EVENTS)
def test_the_cloudevents_package_reads_the_same_event(event: CloudEvent) -> None:
    headers = {"content-type": "application/cloudevents+json"}
    read = oracle.from_structured_event(oracle.HTTPMessage(headers, event.body))
    assert (read.get_id(), read.get_source(), read.get_type()) == (event.id, event.source, event.type)
    assert (read.get_subject(), read.get_datacontenttype()) == (event.subject, event.datacontenttype)
    assert {name: read.get_extension(name) for name in event.extensions} == event.extensions
    if event.time is not None:
        assert read.get_time() == datetime.fromisoformat(event.time)
    if event.data is not None:
        assert read.get_data() == event.data


@given(TEXT)
def test_header_values_survive_the_cloudevents_packages_binary_mode(value: str) -> None:
    headers = {"ce-specversion": "1.0", "ce-type": "t", "ce-source": "/a", "ce-id": encode_header_value(value)}
    assert oracle.from_binary_event(oracle.HTTPMessage(headers, b"")).get_id() == value


@given(st.text(st.characters(exclude_categories=["Cs"])))
@example("%41")
@example('"quoted"')
def test_header_values_survive_encoding(value: str) -> None:
    encoded = encode_header_value(value)
    assert decode_header_value("ce-id", encoded) == value
    assert all("\x21" <= char <= "\x7e" and char != '"' for char in encoded)


@pytest.mark.parametrize(
    ("value", "decoded"),
    [
        ("plain", "plain"),
        ("Euro%20%E2%82%AC%20%F0%9F%98%80", "Euro \u20ac \U0001f600"),  # CloudEvents HTTP binding, 3.1.3.2
        ('"quoted value"', "quoted value"),
        (r'"a \"b\" \\c"', r'a "b" \c'),
        ("%2541", "%41"),
        ("100%", "100%"),
        ("%e2%82%ac", "\u20ac"),
        ("%zz", "%zz"),
        ("", ""),
        ('"', '"'),
    ],
)
def test_header_values_are_unquoted_and_decoded_once(value: str, decoded: str) -> None:
    assert decode_header_value("ce-subject", value) == decoded


@pytest.mark.parametrize("value", ["%FF", "%C3", "%ED%A0%80", "%C0%80", "\xe9"])
def test_header_values_that_are_not_utf8_are_refused(value: str) -> None:
    with pytest.raises(InvalidEventError, match="ce-subject"):
        decode_header_value("ce-subject", value)


@pytest.mark.parametrize("missing", ["id", "source", "type", "specversion"])
def test_required_attributes_are_required(missing: str) -> None:
    with pytest.raises(InvalidEventError, match=missing):
        parse_event(json.dumps({name: value for name, value in MINIMAL.items() if name != missing}).encode())


@pytest.mark.parametrize("name", ["id", "source", "type"])
@pytest.mark.parametrize("value", ["", None, 1, True, [], {}, "a\x00", "a\x1f", "a\x7f", "a\x9f", "a\ufffe", "a\ufdd0"])
def test_required_attributes_are_nonempty_text(name: str, value: object) -> None:
    with pytest.raises(InvalidEventError):
        parse_event(_body(**{name: value}))


@pytest.mark.parametrize("character", ["\ufffe", "\uffff", "\ufdef", "\U0001fffe", "\U0001ffff", "\U0010ffff"])
def test_noncharacters_are_refused_in_every_plane(character: str) -> None:
    with pytest.raises(InvalidEventError):
        parse_event(_body(subject=f"a{character}"))


@pytest.mark.parametrize("version", ["0.3", "1.1", "1", 1.0, None, ""])
def test_other_versions_are_refused(version: object) -> None:
    with pytest.raises(InvalidEventError, match="specversion"):
        parse_event(_body(specversion=version))


@pytest.mark.parametrize(
    "members",
    [
        {"subject": ""},
        {"datacontenttype": 1},
        {"dataschema": ""},
        {"Upper": "x"},
        {"with_underscore": "x"},
        {"with-dash": "x"},
        {"": "x"},
        {"a" * 65: "x"},
        {"ext": 1.5},
        {"ext": 2**31},
        {"ext": -(2**31) - 1},
        {"ext": []},
        {"ext": {}},
        {"ext": "a\nb"},
        {"ext": "a" * (MAX_ATTRIBUTE_LENGTH + 1)},
        {"subject": "a" * (MAX_ATTRIBUTE_LENGTH + 1)},
        {"id": "a" * (MAX_ID_BYTES + 1)},
        {"data": 1, "data_base64": "QQ=="},
        {"data_base64": "QQ"},
        {"data_base64": "Q Q="},
        {"data_base64": "\xe9"},
        {"data_base64": 1},
    ],
    ids=repr,
)
def test_members_that_cloudevents_forbids_are_refused(members: dict[str, Any]) -> None:
    with pytest.raises(InvalidEventError):
        parse_event(_body(**members))


@pytest.mark.parametrize(
    "members",
    [
        {"ext": ""},
        {"ext": 2**31 - 1, "other": -(2**31), "flag": False},
        {"ext": None, "subject": None, "data": None},
        {"id": "a" * MAX_ID_BYTES},
        {"data_base64": base64.b64encode(bytes(range(256))).decode()},
        {"data": [1, {"a": None}]},
        {"dataschema": "https://example.com/schema", "subject": "\xe9\u20ac\U0001f600"},
    ],
    ids=repr,
)
def test_members_that_cloudevents_allows_are_taken(members: dict[str, Any]) -> None:
    read = json.loads(parse_event(_body(**members)).body)
    assert read == MINIMAL | {name: value for name, value in members.items() if value is not None}


@pytest.mark.parametrize(
    "time",
    [
        "2025-12-26T14:30:00Z",
        "2025-12-26t14:30:00z",
        "2025-12-26T14:30:00.123456789Z",
        "2025-12-26T14:30:00+05:30",
        "2025-12-26T14:30:00-23:59",
        "2024-02-29T00:00:00Z",
    ],
)
def test_rfc3339_times_are_kept_as_written(time: str) -> None:
    assert parse_event(_body(time=time)).time == time


@pytest.mark.parametrize(
    "time",
    [
        "2025-12-26",
        "2025-12-26T14:30:00",
        "2025-12-26 14:30:00Z",
        "2025-13-26T14:30:00Z",
        "2025-02-30T14:30:00Z",
        "2025-12-26T25:30:00Z",
        "2025-12-26T14:30Z",
        "2025-12-26T14:30:00+0530",
        "2025-12-26T14:30:00+10:75",
        "2025-12-26T14:30:00.Z",
        "\u0662\u0660\u0662\u0665-12-26T14:30:00Z",
        "2025-12-26T14:30:00Z\n",
        "yesterday",
        1766759400,
    ],
)
def test_other_times_are_refused(time: object) -> None:
    with pytest.raises(InvalidEventError):
        parse_event(_body(time=time))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b'"text"',
        b"\xff\xfe\xfd",
        b'{"specversion":"1.0","id":"1","id":"2","source":"/a","type":"t"}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":{"a":1,"a":2}}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":NaN}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":-Infinity}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":1e999}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":' + b"1" * 5000 + b"}",
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":"\\ud800"}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","data":{"\\udfff":1}}',
        b'{"specversion":"1.0","id":"1","source":"/a","type":"t","subject":"\\ud800"}',
        b"[" * 200_000,
    ],
    ids=lambda body: repr(body[:90]),
)
def test_what_is_not_an_event_in_json_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEventError):
        parse_event(body)


def test_a_body_in_another_encoding_than_utf8_is_refused() -> None:
    with pytest.raises(InvalidEventError):
        parse_event(json.dumps(MINIMAL).encode("utf-16"))


def test_a_byte_order_mark_is_named() -> None:
    with pytest.raises(InvalidEventError, match="byte order mark"):
        parse_event(codecs.BOM_UTF8 + json.dumps(MINIMAL).encode())


@pytest.mark.parametrize("depth", [MAX_JSON_DEPTH - 1, MAX_JSON_DEPTH])
def test_json_nested_deeper_than_the_limit_is_refused(depth: int) -> None:
    body = b"[" * depth + b"1" + b"]" * depth
    if depth < MAX_JSON_DEPTH:
        assert load_json(body)
    else:
        with pytest.raises(InvalidEventError, match="deeper"):
            load_json(body)


@pytest.mark.parametrize("size", [MAX_EVENT_BYTES, MAX_EVENT_BYTES + 1])
def test_the_size_of_an_event_is_limited(size: int) -> None:
    frame = len(CloudEvent(id="1", source="/a", type="t", data="").body)
    body = CloudEvent(id="1", source="/a", type="t", data="x" * (size - frame)).body
    assert len(body) == size
    if size <= MAX_EVENT_BYTES:
        assert parse_event(body).body == body
    else:
        with pytest.raises(EventTooLargeError) as caught:
            parse_event(body)
        assert caught.value.data == {"size": size, "limit": MAX_EVENT_BYTES}


def _binary(body: bytes = b"", /, **headers: str) -> CloudEvent:
    known = {"ce-specversion": "1.0", "ce-id": "1", "ce-source": "/a", "ce-type": "t"}
    return parse_binary_event(known | {name.replace("_", "-"): value for name, value in headers.items()}, body)


def test_binary_mode_with_json_has_its_value_as_data() -> None:
    event = _binary(b'{"a": 1}', content_type="application/json; charset=utf-8", ce_imincidentid="INC-1")
    assert (event.data, event.data_base64, event.incident_id) == ({"a": 1}, None, "INC-1")
    assert event.datacontenttype == "application/json; charset=utf-8"


@pytest.mark.parametrize("content_type", ["application/json", "application/vnd.api+json", "TEXT/JSON ; a=b"])
def test_binary_mode_knows_json_by_its_media_type(content_type: str) -> None:
    assert _binary(b"[1]", content_type=content_type).data == [1]


@pytest.mark.parametrize("content_type", ["text/plain", "application/octet-stream", "application/jsonl"])
def test_binary_mode_with_other_content_keeps_the_bytes(content_type: str) -> None:
    assert _binary(b"\x00\xff", content_type=content_type).data_base64 == "AP8="


def test_binary_mode_without_a_body_has_no_data() -> None:
    event = _binary(content_type="application/json")
    assert (event.data, event.data_base64) == (None, None)


def test_binary_mode_decodes_its_headers() -> None:
    assert _binary(ce_subject="Euro%20%E2%82%AC").subject == "Euro \u20ac"


@pytest.mark.parametrize(
    "headers",
    [
        {"ce_datacontenttype": "text/plain"},
        {"ce_data": "smuggled"},
        {"ce_data_base64": "QQ=="},
        {"ce_specversion": "0.3"},
        {"ce_id": ""},
        {"ce_time": "yesterday"},
        {"ce_subject": "%FF"},
        {"ce_x-y": "1"},
    ],
    ids=repr,
)
def test_binary_mode_with_forbidden_headers_is_refused(headers: dict[str, str]) -> None:
    with pytest.raises(InvalidEventError):
        _binary(b"", **headers)


def test_binary_mode_with_broken_json_is_refused() -> None:
    with pytest.raises(InvalidEventError):
        _binary(b"{", content_type="application/json")


def test_binary_mode_is_limited_in_size() -> None:
    with pytest.raises(EventTooLargeError):
        _binary(b"x" * (MAX_EVENT_BYTES + 1), content_type="text/plain")


@pytest.mark.parametrize(
    ("data", "severity"),
    [
        ({"severity": "SEV-1"}, "SEV-1"),
        ({"severity": "SEV-4"}, "SEV-4"),
        ({"severity": "sev-3"}, "SEV-3"),
        ({"severity": "\u017fEV-3"}, None),
        ({"severity": "SEV-5"}, None),
        ({"severity": "SEV-1\n"}, None),
        ({"severity": 1}, None),
        ({}, None),
        ("SEV-1", None),
        (None, None),
    ],
)
def test_the_severity_is_read_from_the_data(data: object, severity: str | None) -> None:
    assert make_event(data=data).severity == severity


def test_the_event_types_are_the_guides_the_heartbeats_the_alarms_and_operational_ones() -> None:
    steps = ("declared", "acknowledged", "mitigated", "resolved", "closed", "note_added")
    of_incidents = [f"im.incident.{step}.v1" for step in steps]
    assert list(EVENT_TYPES.values()) == of_incidents
    of_alarms = [f"im.alarm.{step}.v1" for step in ("raised", "changed", "cleared")]
    assert list(KNOWN_TYPES) == [*of_incidents, "im.heartbeat.unknown.v1", *of_alarms, *OPERATIONAL_TYPES]
