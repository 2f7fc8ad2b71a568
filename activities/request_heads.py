"""The head of a request, as it is written to a connection."""

from collections.abc import Mapping

_LINE_ENDS = frozenset("\r\n\0")


def head_of(method: str, target: str, headers: Mapping[str, str], length: int) -> bytes:
    """The head of a request (RFC 9112, 3 and 5).

    Args:
        method: a token.
        target: the request target, in whichever form is due.
        headers: all of them, but for the length.
        length: bytes of the body; a request that has none says so where its method leads to expect one.

    Raises:
        ValueError: a part of it would end its line.
    """
    parts = [f"{method} {target} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    if length or method == "POST":
        parts.append(f"Content-Length: {length}")
    if not _LINE_ENDS.isdisjoint("".join(parts)):
        raise ValueError("a header of a request has a line break in it")
    return "\r\n".join((*parts, "", "")).encode()
