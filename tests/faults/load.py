"""Publishers that send again until they are answered, and what arrived of what they were told is safe."""

import asyncio
import json
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import httpx

from tests.faults.scale import CLIENTS, SEED, SETTLE_SECONDS
from tests.faults.stage import Stage, api_client
from tests.support.eventually import eventually
from tests.support.sink import Sink

PAUSE_SECONDS = 0.1  # before the same event is sent again
# A request that was made, and of which Temporal was not told yet when a process died, is made again. What is slowest to
# tell is a shared start: 300 ms of first requests, up to 4 s of a workflow task that is lost and given to another; on a
# loaded machine twice as long.
IN_FLIGHT_SECONDS = 12
# Whoever takes over has everything at once; a machine that is too slow for that lets workflow tasks run out, which are
# then given to the process that has come back.
TAKING_OVER_SECONDS = 30


@dataclass
class Publishers:
    """Clients that publish events one after the other, each until it is answered.

    Attributes:
        accepted: event id to when it was answered 2xx, or told to be there already.
        tried_again: answers that were none of these, and broken connections.
        slowest: seconds that one request waited for an answer.
        odd: answers other than 2xx, 409, 429 and 503, which nobody should see.
    """

    stage: Stage
    event_type: str
    accepted: dict[str, float] = field(default_factory=dict)
    tried_again: int = 0
    slowest: float = 0.0
    odd: Counter[int] = field(default_factory=Counter)

    async def publish(self, count: int, clients: int = CLIENTS) -> None:
        """Publish so many events, and return when all are answered."""
        todo = iter(range(count))
        async with api_client(self.stage.url) as api, asyncio.TaskGroup() as group:
            for _ in range(clients):
                group.create_task(self._client(api, todo))

    async def until_accepted(self, count: int) -> None:
        """Wait until so many were accepted; looks every millisecond."""
        await eventually(lambda: len(self.accepted) >= count, 300, 0.001)

    async def _client(self, api: httpx.AsyncClient, todo: Iterator[int]) -> None:
        for number in todo:
            event_id = f"evt_{uuid.uuid4()}"
            body = {"specversion": "1.0", "id": event_id, "source": "/faults", "type": self.event_type}
            await self.until_answered(api, event_id, json.dumps(body | {"data": {"n": number}}).encode())

    async def until_answered(self, api: httpx.AsyncClient, event_id: str, body: bytes) -> None:
        """Send one event until it is answered 2xx, or told to be there already."""
        headers = {"Content-Type": "application/cloudevents+json"}
        while True:
            asked = time.monotonic()
            try:
                answer = await api.post("/api/v1/events", content=body, headers=headers)
            except httpx.TransportError:
                self.tried_again += 1
            else:
                self.slowest = max(self.slowest, time.monotonic() - asked)
                if answer.is_success or answer.status_code == 409:
                    self.accepted[event_id] = time.monotonic()
                    return
                self.tried_again += 1
                if answer.status_code not in {429, 503}:
                    self.odd[answer.status_code] += 1
            await asyncio.sleep(PAUSE_SECONDS)


def arrivals(sink: Sink, path: str | None = None) -> dict[str, list[float]]:
    """When each event arrived, at any path by default."""
    found: dict[str, list[float]] = {}
    for request in sink.received:
        if path is not None and request.path != path:
            continue
        found.setdefault(json.loads(request.body)["id"], []).append(request.at)
    return found


async def all_arrive(accepted: dict[str, float], *sinks: Sink, within: float = SETTLE_SECONDS) -> None:
    """Wait until everything that was accepted has arrived everywhere."""
    await eventually(lambda: all(not missing(accepted, sink) for sink in sinks), within, 0.2)


def missing(accepted: dict[str, float], sink: Sink) -> set[str]:
    """What was accepted and has not arrived."""
    return set(accepted) - set(arrivals(sink))


def repeats(sink: Sink) -> int:
    """Requests that brought an event which had arrived before."""
    return len(sink.received) - len(arrivals(sink))


def assert_repeats_were_in_flight(sink: Sink, kills: list[float]) -> None:
    """Every repeat is of a request that Temporal was not told of when something was killed, or was taken over."""
    for event_id, times in arrivals(sink).items():
        assert len(times) <= 1 + len(kills), (event_id, times)
        for earlier in times[:-1]:
            about = [kill for kill in kills if -TAKING_OVER_SECONDS < kill - earlier < IN_FLIGHT_SECONDS]
            assert about, (event_id, times, kills)


def tell(title: str, **figures: object) -> None:
    """Print what was counted; `make torture` shows it."""
    print(f"\n{title}: seed={SEED} " + " ".join(f"{name}={value}" for name, value in figures.items()))  # noqa: T201
