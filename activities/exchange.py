"""A request and its answer, as our code sees them; `activities.transport` moves them.

They take the place of httpx's, whose making and reading cost a third of a delivery's CPU
(docs/decisions/0022-deliveries-go-past-httpx.md). What can go wrong is in `activities.transport_errors`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(slots=True)
class Request:
    """One request.

    Attributes:
        url: absolute; path and query are sent as they are written.
        connected: set by the transport as it writes the first byte: from there on it may have been received.
        secrets: what must not be kept of the answer; a transport adds what it shows the receiver.
        tls_observer: called with the ``ssl.SSLObject`` of the connection, or None.
    """

    method: str
    url: str
    headers: dict[str, str] = field(default_factory=dict, repr=False)
    content: bytes = field(default=b"", repr=False)
    connected: bool = False
    secrets: list[str] = field(default_factory=list, repr=False)
    tls_observer: Callable[[Any], None] | None = None


class Answer(Protocol):
    """A status, and a body that is read as it comes."""

    status: int

    def header(self, name: str) -> str | None:
        """The first header of a name, in any case."""
        ...

    async def read_into(self, body: bytearray, limit: int) -> None:
        """Read the body until it ends, or ``limit`` bytes of it have come.

        Raises:
            TransportFault: it broke off; what came before is in ``body``.
        """
        ...

    def close(self) -> None:
        """Finish with the answer: its connection is kept if the body was read to the end, and dropped otherwise."""
        ...


class Transport(Protocol):
    """Moves requests and answers."""

    async def send(self, request: Request) -> Answer:
        """Send one request; the answer's body is still to be read, and the answer to be closed.

        Raises:
            TransportFault: there is none.
        """
        ...

    async def aclose(self) -> None:
        """Close every connection."""
        ...
