"""``python -m bench.storm``: what others see of a subscriber that fails for 10,000 events at once.

They come in batches, by four publishers, while single events go to a healthy subscriber, five a second, from two
seconds before until half a minute after. Printed is how long those took, and how often the failing one was asked.
"""

import argparse
import asyncio
import os
import time
from dataclasses import dataclass, field
from statistics import median, quantiles

import httpx

from bench.exchange import event, publish, seen
from bench.stage import Stage, stage

PUBLISHERS, BATCH = 4, 500
SINGLES_PER_SECOND = 5
BEFORE_SECONDS = 2
PATIENCE_SECONDS = 60  # for the last of the single events


@dataclass
class Storm:
    """One under way: when each single event was sent."""

    found: Stage
    client: httpx.AsyncClient
    sent: dict[str, float] = field(default_factory=dict)
    over: bool = False

    async def singles(self) -> None:
        """Publish to the healthy one until it is over, each at its time."""
        began, publishing = time.monotonic(), list[asyncio.Task[None]]()
        while not self.over:
            one = event("healthy", f"single-{len(publishing)}")
            self.sent[one["id"]] = time.time()
            publishing.append(asyncio.create_task(publish(self.found, self.client, one)))
            await asyncio.sleep(max(0.0, began + len(publishing) / SINGLES_PER_SECOND - time.monotonic()))
        await asyncio.gather(*publishing)

    async def batches(self, events: int) -> None:
        """Publish to the failing one."""
        todo = iter(range(0, events, BATCH))

        async def publish_some() -> None:
            for first in todo:
                batch = [event("failing", f"batched-{number}") for number in range(first, min(first + BATCH, events))]
                await publish(self.found, self.client, batch)

        await asyncio.gather(*(publish_some() for _ in range(PUBLISHERS)))

    async def arrivals(self) -> tuple[dict[str, float], int]:
        """When each single event arrived first, once all have, or patience has ended; and requests to the other."""
        at: dict[str, float] = {}
        asked, deadline = 0, time.monotonic() + PATIENCE_SECONDS
        while len(at) < len(self.sent) and time.monotonic() < deadline:
            await asyncio.sleep(1)
            for event_id, path, when in await seen(self.found, self.client):
                asked += path.startswith("/fail/")
                if event_id in self.sent:
                    at.setdefault(event_id, when)
        return at, asked


async def main() -> None:
    """Have the storm, and say what it was like."""
    asked_for = _asked()
    async with stage() as found, httpx.AsyncClient(timeout=60) as client:
        for name, kind in (("healthy", "ok"), ("failing", "fail")):
            await found.gateway.subscribers.add(name, f"{found.sink}/{kind}/{name}", types=[f"bench.{name}.v1"])
        storm = Storm(found, client)
        singles = asyncio.create_task(storm.singles())
        await asyncio.sleep(BEFORE_SECONDS)
        began = time.monotonic()
        await storm.batches(asked_for.events)
        print(f"{asked_for.events} events to the failing one were accepted within {time.monotonic() - began:.1f} s")
        await asyncio.sleep(asked_for.after)
        storm.over = True
        await singles
        at, asked = await storm.arrivals()
        tell(storm.sent, at, asked / (time.monotonic() - began))


def tell(sent: dict[str, float], at: dict[str, float], asked: float) -> None:
    """Say how long the single events took, and how often the failing one was asked a second."""
    took = sorted(1000 * (at[event_id] - when) for event_id, when in sent.items() if event_id in at)
    if len(took) > 1:
        p99 = quantiles(took, n=100, method="inclusive")[-1]
        print(
            f"{len(took)} single events arrived: p50 {median(took):.0f} ms, p99 {p99:.0f} ms, worst {took[-1]:.0f} ms"
        )
    print(f"{len(sent) - len(took)} single events did not arrive")
    print(f"the failing one was asked {asked:.0f} times a second")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.storm", description=__doc__)
    parser.add_argument("--events", type=int, default=10_000, help="to the failing subscriber (default 10000)")
    parser.add_argument("--after", type=float, default=30, help="seconds to go on for after those (default 30)")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
