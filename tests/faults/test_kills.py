"""kill -9 of each process at random moments, under publishers that send again until they are answered."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from tests.faults.load import Publishers, all_arrive, arrivals, assert_repeats_were_in_flight, missing, repeats, tell
from tests.faults.scale import CLIENTS, SCALE, TORTURE, chance
from tests.faults.stage import TEMPORAL, Stage, stage
from tests.support.eventually import LOADED, eventually
from tests.support.platform import unique_name, unique_type
from tests.support.sink import Answer, Sink, SlowAnswer

# From the restart to the first request of what was not delivered. Torture has the machine to itself; where others load
# it, that takes up to three times as long.
REDELIVERY_SECONDS = 10 if TORTURE else 10 * LOADED
SLOW_SECONDS = 0.5

pytestmark = pytest.mark.timeout(3600 if TORTURE else 300)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def place(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with stage(tmp_path_factory.mktemp("kills"), "serve") as found:
        yield found


@dataclass
class Killer:
    """Kills and restarts one process at random moments.

    Attributes:
        killed: when.
        waited: seconds from each restart to the first request of an event that had not arrived when it was killed.
    """

    stage: Stage
    victim: str
    publishers: Publishers
    sinks: tuple[Sink, ...]
    killed: list[float] = field(default_factory=list)
    waited: list[float] = field(default_factory=list)

    async def run(self, rng: random.Random) -> None:
        """Kill so often while the events are published."""
        for accepted in sorted(rng.sample(range(1, SCALE.publishes - CLIENTS), SCALE.kills)):
            await self.publishers.until_accepted(accepted)
            await asyncio.sleep(rng.uniform(0, 0.2))
            await self._once()

    async def _once(self) -> None:
        await self.stage.kill(self.victim)
        self.killed.append(time.monotonic())
        waiting = [(sink, missing(self.publishers.accepted, sink)) for sink in self.sinks]
        restarting = time.monotonic()
        await self.stage.up(self.victim)
        back = time.monotonic()
        for sink, missed in waiting:
            if missed:
                self.waited.append(max(0.0, await _first_of(sink, missed, restarting) - back))


async def _first_of(sink: Sink, events: set[str], since: float) -> float:
    """When the first of these events arrived after a moment."""

    def first() -> float | None:
        found = (time for event, times in arrivals(sink).items() if event in events for time in times)
        return min((time for time in found if time >= since), default=None)

    return await eventually(first, 60, 0.05)


@pytest.mark.parametrize("victim", ["serve", "worker", TEMPORAL])
async def test_what_was_accepted_arrives_whatever_is_killed(place: Stage, victim: str) -> None:
    if victim == "worker":
        await place.up("worker")
    async with Sink() as fast, Sink() as slow, Sink() as flaky:
        slow.script(SlowAnswer(SLOW_SECONDS))
        flaky.script(*[Answer(503)] * SCALE.publishes, Answer(200))
        event_type, retried = unique_type("kills"), unique_name("flaky")
        for name, sink in ((unique_name("fast"), fast), (unique_name("slow"), slow), (retried, flaky)):
            await place.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=12)
        publishers = Publishers(place, event_type)
        killer = Killer(place, victim, publishers, (fast, slow))
        await asyncio.gather(publishers.publish(SCALE.publishes), killer.run(chance(victim)))
        await all_arrive(publishers.accepted, fast, slow)
        await place.idle()
        health = await place.gateway.health.get(retried)
    tell(
        f"kill -9 of {victim}",
        accepted=len(publishers.accepted),
        sent_again=publishers.tried_again,
        delivered=f"{len(arrivals(fast))}+{len(arrivals(slow))}",
        after_failures=health.delivered,
        lost=len(missing(publishers.accepted, fast) | missing(publishers.accepted, slow)),
        repeats=f"{repeats(fast)}+{repeats(slow)}",
        redelivery_seconds=[round(waited, 1) for waited in killer.waited],
    )
    assert len(publishers.accepted) == SCALE.publishes
    assert not publishers.odd
    assert health.failed == 0
    assert health.delivered >= SCALE.publishes
    assert max(killer.waited, default=0.0) < REDELIVERY_SECONDS
    for sink in (fast, slow):
        assert_repeats_were_in_flight(sink, killer.killed)
