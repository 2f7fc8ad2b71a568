"""A subscriber of a test: what it is told, and how many requests to it are under way at once."""

import asyncio
from dataclasses import dataclass, field
from typing import Any

from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Script, Sink

HELD_UP_SECONDS = 1.5  # on the way to the receiver, by a loaded machine; at twice its rate each test sees more


def held_up(arrivals: list[float], per_second: float) -> float:
    """How long a request must have been on its way, in seconds, if they left at the rate: 0 when none came too early.

    A request that a loaded machine held up arrives close before the next ones, so no window of one length can be
    judged by counting. One that was sent too early, though, is early by ever more.
    """
    paced = [at - place / per_second for place, at in enumerate(sorted(arrivals))]
    return max(max(paced[: place + 1]) - at for place, at in enumerate(paced))


@dataclass
class Counted:
    """A slow answer that knows how many of its kind are under way."""

    seconds: float
    answer: Script = field(default_factory=Answer)
    now: int = 0
    most: int = 0

    async def play(self, writer: asyncio.StreamWriter) -> bool:
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(self.seconds)
            return await self.answer.play(writer)
        finally:
            self.now -= 1


@dataclass
class Told:
    """A subscriber and the type of event that it is told of."""

    platform: Platform
    sink: Sink
    name: str
    type: str

    @classmethod
    async def of(cls, platform: Platform, sink: Sink, *answers: Script, **options: Any) -> "Told":
        told = cls(platform, sink, unique_name("limited"), unique_type("limits"))
        if answers:
            sink.script(*answers, path=told.path)
        await platform.gateway.subscribers.add(told.name, sink.url(told.path), types=[told.type], **options)
        return told

    @property
    def path(self) -> str:
        return f"/{self.name}"

    @property
    def arrivals(self) -> list[float]:
        return [request.at for request in self.sink.received if request.path == self.path]

    @property
    def events(self) -> set[str]:
        """The ids of the events that arrived."""
        return {request.headers["ce-id"] for request in self.sink.received if request.path == self.path}

    async def emit(self, count: int) -> list[str]:
        return list(await asyncio.gather(*(self.platform.emit(self.type) for _ in range(count))))

    async def emit_singly(self, count: int) -> list[str]:
        """Emit one after the other: those of one moment may share a workflow for a while, and are counted about."""
        return [await self.platform.emit(self.type) for _ in range(count)]

    async def got(self, count: int, timeout: float = 30) -> list[float]:
        await eventually(lambda: len(self.arrivals) >= count, timeout)
        return self.arrivals
