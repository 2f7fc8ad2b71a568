"""A replay sends what it should, once each, marked, at its rate; it outlives the process that began it."""

import asyncio
from dataclasses import dataclass
from typing import Any

from tests.support.eventually import eventually
from tests.support.platform import Platform, unique_name, unique_type
from tests.support.sink import Answer, Received, Sink


@dataclass
class Told:
    """A subscriber, the type of event it is told of, and what it was sent."""

    platform: Platform
    sink: Sink
    name: str
    type: str

    @classmethod
    async def of(cls, platform: Platform, sink: Sink, event_type: str | None = None, **options: Any) -> "Told":
        told = cls(platform, sink, unique_name("told"), event_type or unique_type("replay"))
        await platform.gateway.subscribers.add(told.name, sink.url(f"/{told.name}"), types=[told.type], **options)
        return told

    def answers(self, *answers: Answer) -> None:
        self.sink.script(*answers, path=f"/{self.name}")

    def requests(self, *, replayed: bool | None = None) -> list[Received]:
        mine = [request for request in self.sink.received if request.path == f"/{self.name}"]
        return [each for each in mine if replayed is None or ("im-replay" in each.headers) == replayed]

    async def emit(self, count: int) -> list[str]:
        return list(await asyncio.gather(*(self.platform.emit(self.type) for _ in range(count))))

    async def emitted(self, count: int) -> list[str]:
        """Emit, wait until all deliveries have ended, and until visibility knows."""
        ids = await self.emit(count)
        for event_id in ids:
            await eventually(lambda event_id=event_id: self.platform.ended(event_id), 30)  # type: ignore[misc]
        return ids

    async def failing(self, count: int) -> list[str]:
        """Emit events that fail for good."""
        self.answers(Answer(404))
        ids = await self.emitted(count)

        async def known() -> bool:
            found = await self.platform.gateway.replays.survey(options(subscriber=self.name, failed_only=True))
            return found.matched == count

        await eventually(known)
        self.answers(Answer(200))
        return ids


def options(**given: Any) -> Any:
    from service.replays import ReplayOptions

    return ReplayOptions(**given)


async def test_what_failed_is_sent_once_each_with_the_header(platform: Platform, sink: Sink) -> None:
    told = await Told.of(platform, sink)
    reached = await told.emitted(30)
    failed = await told.failing(30)
    ran = await platform.im("replay", "--subscriber", told.name, "--failed-only", "--rate", "100/s", "--format", "json")
    assert ran.code == 0, ran.err
    assert (ran.json["stage"], ran.json["matched"], ran.json["sent"]) == ("done", 30, 30)
    await eventually(lambda: len(told.requests(replayed=True)) == 30)
    sent = told.requests(replayed=True)
    assert sorted(request.headers["ce-id"] for request in sent) == sorted(failed)
    assert {request.headers["im-replay"] for request in sent} == {ran.json["id"]}
    assert not {request.headers["ce-id"] for request in sent} & set(reached)

    async def none_left() -> bool:
        again = await platform.im("replay", "--subscriber", told.name, "--failed-only")
        return again.code == 0 and "the 30 that failed have arrived since" in again.err

    await eventually(none_left)
    assert len(told.requests(replayed=True)) == 30
