"""A file of records is read piece by piece, whatever its form, and every record's place is known."""

import gzip
import io
import json
from typing import Any

import pytest

import cli.zeebe_files
from cli.zeebe_files import RECORDS_A_CHUNK, Chunk, read_chunks
from domain.errors import InvalidRequestError
from tests.support.zeebe_records import SEED, body, incident, ndjson

ACTION = {"index": {"_index": "zeebe-record_incident"}}


def chunks(content: bytes) -> list[Chunk]:
    return list(read_chunks(io.BufferedReader(io.BytesIO(content))))


def places(content: bytes) -> list[str]:
    return [place for chunk in chunks(content) for place in chunk.places]


def keys(content: bytes) -> list[Any]:
    found = [json.loads(line) for chunk in chunks(content) for line in chunk.lines]
    return [one.get("key", one.get("_source", {}).get("key")) for one in found]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (ndjson(incident(key=1), incident(key=2)), ["line 1", "line 2"]),
        (b"\n\r\n" + ndjson(incident(key=1)) + b"\r\n\r\n" + ndjson(incident(key=2)) + b"\n", ["line 3", "line 5"]),
        (b"\xef\xbb\xbf" + ndjson(incident(key=1), incident(key=2)), ["line 1", "line 2"]),
        (body(incident(key=1), incident(key=2)), ["line 1, record 1", "line 1, record 2"]),
        (json.dumps([incident(key=1), incident(key=2)], indent=1).encode(), ["record 1", "record 2"]),
        (
            json.dumps({"hits": {"hits": [{"_source": incident(key=1)}, {"_source": incident(key=2)}]}}).encode(),
            ["line 1, record 1", "line 1, record 2"],
        ),
        (
            json.dumps(
                {"hits": {"hits": [{"_source": incident(key=1)}, {"_source": incident(key=2)}]}}, indent=1
            ).encode(),
            ["record 1", "record 2"],
        ),
        (ndjson({"_source": incident(key=1)}, incident(key=2)), ["line 1", "line 2"]),
        (ndjson([incident(key=1)], incident(key=2)), ["line 1, record 1", "line 2"]),
    ],
    ids="ndjson blank bom array pretty answer pretty-answer dump mixed".split(),
)
@pytest.mark.parametrize("packed", [False, True])
def test_every_form_of_a_file_is_read(content: bytes, expected: list[str], *, packed: bool) -> None:
    content = gzip.compress(content) if packed else content
    assert places(content) == expected
    assert keys(content) == [1, 2]


def test_a_pretty_record_is_one() -> None:
    assert places(json.dumps(SEED, indent=2).encode()) == ["record 1"]


def test_a_record_that_says_hits_is_still_a_record() -> None:
    content = ndjson(incident(value={"errorMessage": 'no "hits"'}), incident(value={"hits": {"hits": []}}))
    assert places(content) == ["line 1", "line 2"]


def test_a_bad_line_stays_a_line_of_its_own() -> None:
    content = b"\n".join([b'{"key": ', ndjson(incident(key=2)), b"x", ndjson(incident(key=4))])
    assert places(content) == ["line 1", "line 2", "line 3", "line 4"]
    assert chunks(content)[0].lines[0] == b'{"key":'


@pytest.mark.parametrize("content", [b"", b"\n \r\n", gzip.compress(b"", mtime=0)])
def test_an_empty_file_has_no_records(content: bytes) -> None:
    assert chunks(content) == []


def test_a_file_is_cut_into_pieces_of_500_records() -> None:
    content = ndjson(*[incident(key=number) for number in range(1, 2 * RECORDS_A_CHUNK + 2)])
    assert [len(chunk.lines) for chunk in chunks(content)] == [RECORDS_A_CHUNK, RECORDS_A_CHUNK, 1]
    assert places(content)[-1] == f"line {2 * RECORDS_A_CHUNK + 1}"


def test_a_piece_is_at_most_a_mebibyte() -> None:
    content = ndjson(*[incident(value={"errorMessage": "x" * 300_000})] * 7)
    assert [len(chunk.lines) for chunk in chunks(content)] == [3, 3, 1]
    assert len(chunks(ndjson(*[incident(value={"errorMessage": "x" * 3_000_000})] * 2))) == 2


def test_a_big_array_is_cut_too() -> None:
    assert [len(chunk.lines) for chunk in chunks(body(*[incident()] * 1200))] == [500, 500, 200]


def test_keys_stay_exact_when_a_document_is_cut() -> None:
    assert keys(body(incident(key=2**63 - 1), incident(key=9007199254740993))) == [2**63 - 1, 9007199254740993]


@pytest.mark.parametrize("cut", [20, 5])
def test_a_broken_gzip_file_is_refused(cut: int) -> None:
    with pytest.raises(InvalidRequestError, match="gzip"):
        chunks(gzip.compress(ndjson(incident()))[:-cut])


def test_a_document_too_large_for_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.zeebe_files, "LONGEST_DOCUMENT", 4000)
    assert len(places(ndjson(*[incident()] * 50))) == 50, "a record a line has no limit"
    with pytest.raises(InvalidRequestError, match="line 1 has more than 4000 bytes"):
        chunks(body(*[incident()] * 50))
    with pytest.raises(InvalidRequestError, match="give it a record a line"):
        chunks(json.dumps([incident()] * 50, indent=1).encode())


def test_actions_of_bulk_stay_beside_their_documents() -> None:
    assert places(ndjson(ACTION, incident(key=1))) == ["line 1", "line 2"]
