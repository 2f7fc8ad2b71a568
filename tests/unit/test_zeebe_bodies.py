"""Every form in which records arrive is read, and what is no record is named."""

import contextlib
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import ImError, TooLargeError
from domain.source_errors import InvalidRecordError
from domain.zeebe_parsing import MAX_RECORDS, parse_alerts, parse_records
from tests.support.zeebe_records import SEED, body, incident, ndjson

ACTION = {"index": {"_index": "zeebe-record_incident_8.8.2_2025-12-26", "routing": "1"}}


@pytest.mark.parametrize(
    "sent",
    [
        body(incident(), SEED),
        json.dumps([incident(), SEED], indent=2).encode(),
        ndjson(incident(), SEED),
        b"\n \n" + ndjson(incident(), SEED).replace(b"\n", b"\r\n\r\n") + b"\r\n",
        b"\xef\xbb\xbf" + ndjson(incident(), SEED),
        ndjson(ACTION, incident(), {"create": {"_id": "1-4"}}, SEED),
        ndjson({"_index": "a", "_source": incident()}, {"_index": "a", "_source": SEED}),
        body({"_source": incident(), "sort": [1]}, {"_source": SEED}),
        json.dumps({"took": 3, "hits": {"hits": [{"_source": incident()}, {"_source": SEED}]}}).encode(),
        ndjson([incident()], {"hits": {"hits": [{"_source": SEED}]}}),
    ],
    ids="array pretty lines crlf bom bulk dump hits-array answer mixed".split(),
)  # fmt: skip
def test_every_form_of_a_body_is_read(sent: bytes) -> None:
    parsed = parse_records(sent)
    assert [read.process_id for read in parsed.incidents] == ["order", "create-incident"]
    assert (parsed.others, parsed.bad) == ([], [])


def test_a_pretty_record_is_one_record() -> None:
    assert len(parse_records(json.dumps(SEED, indent=2).encode()).incidents) == 1


@pytest.mark.parametrize("sent", [b"[]", b'{"hits":{"total":{"value":0},"hits":[]}}', json.dumps(ACTION).encode()])
def test_no_records_are_none(sent: bytes) -> None:
    assert parse_records(sent).model_dump() == {"incidents": [], "others": [], "bad": []}


def test_a_bad_line_is_named_and_the_others_are_taken() -> None:
    sent = b"\n".join([ndjson(incident()), b"", b'{"key": ', ndjson(incident(key=1.5)), b"7", ndjson(SEED)])
    parsed = parse_records(sent)
    assert [read.process_id for read in parsed.incidents] == ["order", "create-incident"]
    assert [bad.place for bad in parsed.bad] == [2, 3, 4]
    assert [bad.reason.split(" (")[0].split(",")[0] for bad in parsed.bad] == [
        "not JSON in UTF-8",
        "key is a floating-point number",
        "it is no JSON object",
    ]


def test_a_bad_member_is_named_and_the_others_are_taken() -> None:
    parsed = parse_records(body(incident(), None, incident(value=None) | {"value": 3}, {"a": 1}, SEED))
    assert len(parsed.incidents) == 2
    assert [(bad.place, bad.reason) for bad in parsed.bad] == [
        (1, "it is no JSON object"),
        (2, "value is missing"),
        (3, "valueType is missing"),
    ]


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"", "the body is empty"),
        (b" \n\r\n", "the body is empty"),
        (b"{", "not JSON in UTF-8"),
        (b"\xff\xfe", "not JSON in UTF-8"),
        (b"7", "it is no JSON object"),
        (b'{"hello": "world"}', "valueType is missing"),
        (b'{"valueType": "INCIDENT", "recordType": 3}', "recordType is missing"),
        (b'[{"hello": "world"}, 7]', "valueType is missing"),
        (b"hello\nworld", "not JSON in UTF-8"),
        (b'{"key": 1, "key": 2}', "a JSON object has the same key twice"),
        (b'{"key": NaN}', "NaN is not JSON"),
        (b"[" * 100_000, "JSON nested deeper"),
        (b'{"key": 1' + b"0" * 2000 + b"}", "an integer has more than"),
    ],
)
def test_a_body_without_any_record_is_refused(sent: bytes, reason: str) -> None:
    with pytest.raises(InvalidRecordError) as error:
        parse_records(sent)
    assert str(error.value).startswith(f"no Zeebe records can be read: {reason}")


def test_a_lone_record_that_cannot_be_used_is_named_so_that_the_exporter_goes_on() -> None:
    assert parse_records(body(incident(key=None))).bad[0].reason == "key is missing"


def test_no_more_than_10_000_records_are_taken_at_a_time() -> None:
    record = json.dumps(incident(valueType="JOB", value={})).encode()
    assert len(parse_records(b"\n".join([record] * MAX_RECORDS)).others) == MAX_RECORDS
    for sent in (b"\n".join([record] * (MAX_RECORDS + 1)), b"[" + b",".join([b"1"] * (MAX_RECORDS + 1)) + b"]"):
        with pytest.raises(TooLargeError, match="10000 records"):
            parse_records(sent)


@given(st.binary(max_size=200))
def test_no_bytes_break_the_parser(sent: bytes) -> None:
    for parse in (parse_records, parse_alerts):
        with contextlib.suppress(ImError):
            parse(sent)


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
MEMBERS = sorted(incident())
VALUES = sorted(incident()["value"])


@st.composite
def odd_records(draw: st.DrawFn) -> bytes:
    """An incident with odd things in some places, as one line."""
    record = incident()
    record |= draw(st.dictionaries(st.sampled_from(MEMBERS), ANY_JSON, max_size=2))
    if isinstance(record["value"], dict):
        record["value"] = record["value"] | draw(st.dictionaries(st.sampled_from(VALUES), ANY_JSON, max_size=3))
    return json.dumps(record).encode()


@settings(max_examples=50)
@given(st.lists(odd_records() | st.binary(min_size=1, max_size=40).filter(lambda line: b"\n" not in line), max_size=5))
def test_odd_lines_take_no_good_one_with_them(odd: list[bytes]) -> None:
    good = json.dumps(incident(key=4711)).encode()
    parsed = parse_records(b"\n".join([*odd, good, b""]))
    assert parsed.incidents[-1].key == "4711"
    assert all(0 <= bad.place < len(odd) for bad in parsed.bad)
