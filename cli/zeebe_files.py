"""Files of Zeebe records, read in pieces: a record a line, or whole JSON documents; as they are, or in gzip."""

import codecs
import gzip
import io
import itertools
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO, cast

from domain.errors import InvalidRequestError
from domain.event_errors import InvalidEventError
from domain.strict_json import load_json
from domain.zeebe_parsing import members

RECORDS_A_CHUNK = 500
BYTES_A_CHUNK = 1024 * 1024
LONGEST_DOCUMENT = 256 * 1024 * 1024  # held in memory whole, unlike a file with a record a line
_GZIP = b"\x1f\x8b"
_BROKEN = object()


@dataclass
class Chunk:
    """Records to be taken in at once, one a line, and where each of them stands in the file."""

    places: list[str] = field(default_factory=list)
    lines: list[bytes] = field(default_factory=list)
    size: int = 0

    @property
    def body(self) -> bytes:
        """The records as NDJSON."""
        return b"\n".join(self.lines)

    def add(self, place: str, line: bytes) -> None:
        """Add a record."""
        self.places.append(place)
        self.lines.append(line)
        self.size += len(line)


def read_chunks(file: BinaryIO) -> Iterator[Chunk]:
    """The records of a file, at most 500 or about 1 MiB at a time.

    Raises:
        InvalidRequestError: broken gzip, or a JSON document of more than 256 MiB.
    """
    chunk = Chunk()
    try:
        for place, line in _records(_unpacked(file)):
            if chunk.lines and (len(chunk.lines) >= RECORDS_A_CHUNK or chunk.size + len(line) > BYTES_A_CHUNK):
                yield chunk
                chunk = Chunk()
            chunk.add(place, line)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise InvalidRequestError(reason=f"the file is no whole gzip file ({error})") from None
    if chunk.lines:
        yield chunk


def _unpacked(file: BinaryIO) -> BinaryIO:
    head = file.peek(2)[:2] if hasattr(file, "peek") else b""
    return cast("BinaryIO", gzip.GzipFile(fileobj=file)) if head == _GZIP else file


def _records(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Each record with its place: a line of the file, or a number within a document of several lines."""
    lines = _numbered(file)
    number, first = next(lines, (0, b""))
    if not first:
        return
    if _parsed(first) is _BROKEN and (rest := file.read(LONGEST_DOCUMENT)):
        document = _parsed(first + rest)
        if document is not _BROKEN:
            yield from ((f"record {place}", _line(member)) for place, member in enumerate(members(document), start=1))
            return
        if file.read(1):
            raise InvalidRequestError(
                reason="the file is no JSON document a line, and too large to be one; give it a record a line"
            )
        lines = _numbered(io.BytesIO(rest), number + 1)
    for place, line in itertools.chain([(number, first)], lines):
        yield from _in_line(place, line)


def _numbered(file: BinaryIO, start: int = 1) -> Iterator[tuple[int, bytes]]:
    """The lines that are not blank."""
    for number in itertools.count(start):
        line = file.readline(LONGEST_DOCUMENT + 1)
        if len(line) > LONGEST_DOCUMENT:
            raise InvalidRequestError(reason=f"line {number} has more than {LONGEST_DOCUMENT} bytes")
        if not line:
            return
        if line.strip():
            yield number, line


def _in_line(number: int, line: bytes) -> Iterator[tuple[str, bytes]]:
    """The record of a line, or those of the whole document that it is."""
    document = _parsed(line) if line.lstrip()[:1] == b"[" or b'"hits"' in line[:BYTES_A_CHUNK] else _BROKEN
    found = members(document)
    if len(found) == 1 and found[0] is document:
        yield f"line {number}", line.strip()
    else:
        yield from ((f"line {number}, record {place}", _line(one)) for place, one in enumerate(found, start=1))


def _parsed(text: bytes) -> Any:
    try:
        return load_json(text.removeprefix(codecs.BOM_UTF8))
    except InvalidEventError:
        return _BROKEN


def _line(record: Any) -> bytes:
    return json.dumps(record, ensure_ascii=False).encode()
