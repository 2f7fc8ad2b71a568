"""The receiver of `im listen`, open for the duration of a block."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from cli.listener_server import Arrival, Behaviour, Receiver


class Listening:
    """A receiver, and what it showed."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.shown: list[Arrival] = []
        self.receiver = Receiver("listen-here-1", behaviour, self.shown.append)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.receiver.port}/hook"


@asynccontextmanager
async def listening(
    forward_to: str | None = None, statuses: Sequence[int] | None = None, delay: float = 0
) -> AsyncIterator[Listening]:
    made = Listening(Behaviour(forward_to, statuses, delay))
    made.receiver.open("127.0.0.1", 0)
    try:
        yield made
    finally:
        await made.receiver.close()


@asynccontextmanager
async def saying(port: int, words: bytes) -> AsyncIterator[asyncio.StreamReader]:
    """A connection on which so much is said, and no more."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(words)
        await writer.drain()
        yield reader
    finally:
        writer.close()
