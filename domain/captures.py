"""Requests as somebody captured them: what a receiver logged, or what a tool wrote into a file."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from domain.errors import InvalidRequestError

_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+)[ \t]*[:=](.*)", re.DOTALL)
_LENGTH = re.compile("[0-9]{1,15}")
_END_OF_HEAD = re.compile(rb"\r?\n\r?\n")
_REQUEST_LINE = re.compile(r"[A-Z]+ \S+( HTTP/\d(\.\d)?)?")


class Capture(NamedTuple):
    """A captured request.

    Attributes:
        headers: names as spelt, and values, in order.
        body: the raw bytes, as far as the capture kept them.
    """

    headers: Sequence[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        """The value of a header, whatever the case of its name; None where there is none."""
        return next((value for each, value in self.headers if each.lower() == name.lower()), None)

    @property
    def length(self) -> int | None:
        """What ``Content-Length`` says; None where it says nothing that is a number."""
        value = self.header("content-length") or ""
        return int(value) if _LENGTH.fullmatch(value) else None

    def remarks(self) -> list[str]:
        """What is odd about the capture itself, before any signature is looked at."""
        found = []
        length, size = self.length, len(self.body)
        if length is not None and length != size:
            how = "more" if size > length else "less"
            found.append(
                f"Content-Length says {length} bytes and the body has {size}: the capture has {how} than was sent"
            )
        if (encoding := self.header("content-encoding")) not in {None, "identity"}:
            found.append(
                f"the body is said to be in {encoding}, which im never sends: something on the way compressed it"
            )
        if "chunked" in (self.header("transfer-encoding") or "").lower():
            found.append("the request was sent on in chunks: the body must be without the lines that hold their sizes")
        return found


def parse_capture(raw: bytes) -> Capture:
    """A request as it goes over the wire: a request line (it may be left out), headers, an empty line, the body.

    Raises:
        InvalidRequestError: there is no empty line, or a line before it that is no header.
    """
    end = _END_OF_HEAD.search(raw)
    if end is None:
        raise InvalidRequestError(
            reason="the request has no empty line between headers and body; or give --body FILE and --header"
        )
    lines = raw[: end.start()].decode("latin-1").replace("\r\n", "\n").split("\n")
    if _REQUEST_LINE.fullmatch(lines[0]):
        del lines[0]
    return Capture(headers=parse_headers(lines), body=raw[end.end() :])


def parse_headers(lines: Iterable[str]) -> list[tuple[str, str]]:
    """Headers as ``Name: value`` or ``Name=value``, one each; raises `InvalidRequestError` for anything else."""
    found = []
    for place, line in enumerate(lines, 1):
        header = _HEADER.fullmatch(line)
        if not header:  # the line itself is not repeated: it may hold what is secret
            raise InvalidRequestError(reason=f"header {place} is not of the form 'Name: value'")
        found.append((header[1], header[2].strip()))
    return found
