"""HTTP/1.1 as uvicorn speaks it, and no other protocol on the same connection.

A client may offer another one with any request: Java's does so with ``Upgrade: h2c``, and so does ``curl --http2``.
Whoever wants none of it takes the request as any other (RFC 9110, 7.8). httptools does not: of a request with an offer
it tells no body, and takes what follows for the next request. So uvicorn would have it answered as if it had none, and
what is in the body taken for requests.
"""

from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

_FRAMING = frozenset({b"content-length", b"transfer-encoding"})  # RFC 9112, 6.3


class Http11(HttpToolsProtocol):
    """A connection on which offers of other protocols are ignored."""

    parser: "_Parser"

    def __init__(self, **parts: Any) -> None:
        super().__init__(**parts)
        self.parser = _Parser(self, self)

    def on_message_complete(self) -> None:
        """A request has been sent whole; httptools says so behind the head of one with an offer, too."""
        if not self.parser.has_offer:
            self.on_request_sent()

    def on_request_sent(self) -> None:
        """A request has been sent whole."""
        super().on_message_complete()


class _Parser(httptools.HttpRequestParser):  # type: ignore[misc]  # httptools has no types
    """Tells of no offers.

    Args:
        connection: whose parser it is, until the first offer.
        hearer: what it tells of requests.
    """

    def __init__(self, connection: Http11, hearer: "Http11 | _Hearer") -> None:
        super().__init__(hearer)
        self.set_dangerous_leniencies(lenient_data_after_close=True)  # as uvicorn has it
        self._connection = connection

    @property
    def has_offer(self) -> bool:
        """Whether the request that it takes in has one."""
        return bool(super().should_upgrade())

    def should_upgrade(self) -> bool:
        """Never."""
        return False

    def feed_data(self, data: bytes) -> None:
        """Take in what comes; from a head with an offer on, somebody else does. Raises ``HttpParserError``."""
        parser, rest = self, memoryview(data)
        while (offered_at := parser._take(rest)) is not None:  # thousands of requests may come at once
            parser, rest = parser._succeeded(), rest[offered_at:]

    def _take(self, data: memoryview) -> int | None:
        """Take in what comes, to the end of a head with an offer: how much that was; None for all of it."""
        try:
            super().feed_data(data)
        except httptools.HttpParserUpgrade as offer:
            return int(offer.args[0])
        return None

    def _succeeded(self) -> "_Parser":
        """Whoever takes in what follows a head with an offer, as the rest of the same request."""
        successor = self._connection.parser = _Parser(self._connection, _Hearer(self._connection))
        successor.feed_data(_same_length(self._connection.headers))
        return successor


class _Hearer:
    """Passes on what a parser tells, but for the first head, which stands for one that was told already."""

    def __init__(self, connection: Http11) -> None:
        self._connection = connection
        self._told = False

    def on_message_begin(self) -> None:
        if self._told:
            self._connection.on_message_begin()

    def on_url(self, url: bytes) -> None:
        if self._told:
            self._connection.on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._told:
            self._connection.on_header(name, value)

    def on_headers_complete(self) -> None:
        if self._told:
            self._connection.on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._connection.on_body(body)

    def on_message_complete(self) -> None:
        self._told = True
        self._connection.on_message_complete()


def _same_length(headers: list[tuple[bytes, bytes]]) -> bytes:
    """The head of a request whose body ends where that of the one with these headers does."""
    framing = [name + b": " + value + b"\r\n" for name, value in headers if name.lower() in _FRAMING]
    return b"POST / HTTP/1.1\r\n" + b"".join(framing) + b"\r\n"
