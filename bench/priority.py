"""``python -m bench.priority``: what waits for whom on the retry queue, with 10,000 SEV-4 deliveries in it.

A subscriber that always fails gets 10,000 SEV-4 events, while Temporal hands out 20 retries a second, so that they
queue. Then come a SEV-1 for the same subscriber, a SEV-4 for it, and a SEV-4 for another one that fails too. Printed is
how long each waited for its request from the queue, and how many of the 10,000 were asked in the meantime.
"""

import argparse
import asyncio
import os
import time

import httpx

from bench.exchange import event, publish, seen
from bench.queues import backlog, hold_back
from bench.stage import Stage, stage

PUBLISHERS = 8
ENOUGH = 0.95  # of the events, once so many wait: some are always in hand, or wait for their backoff
TRICKLE = 1  # retries a second while the queue fills
PATIENCE_SECONDS = 30


async def main() -> None:
    """Fill the queue, then see who passes."""
    asked = _asked()
    os.environ["IM_EVENTS_PER_WORKFLOW"] = "1"  # as at ordinary rates; a shared start is about another thing
    async with stage() as found, httpx.AsyncClient(timeout=60) as client:
        temporal = found.gateway.connection.client
        await hold_back(temporal, TRICKLE)
        for name, schedule in (("noisy", "3600"), ("other", "1")):
            types, url = [f"bench.{name}.v1"], f"{found.sink}/fail/{name}"
            await found.gateway.subscribers.add(name, url, types=types, schedule=schedule)
        began = time.monotonic()
        await fill(found, client, asked.waiting)
        waiting = 0
        while waiting < asked.waiting * ENOUGH:
            await asyncio.sleep(1)
            waiting = await backlog(temporal)
        print(f"{waiting} deliveries wait, after {time.monotonic() - began:.0f} s")
        await hold_back(temporal, asked.per_second)
        await seen(found, client)
        for name, severity in (("noisy", "SEV-1"), ("other", "SEV-4"), ("noisy", "SEV-4")):
            await told(found, client, name, severity)
        print(f"{await backlog(temporal)} deliveries wait still")


async def fill(found: Stage, client: httpx.AsyncClient, waiting: int) -> None:
    """Publish so many events, one by one, to who always fails."""
    todo = iter(range(waiting))

    async def publish_some() -> None:
        for number in todo:
            await publish(found, client, event("noisy", f"waiting-{number}", severity="SEV-4"))

    await asyncio.gather(*(publish_some() for _ in range(PUBLISHERS)))


async def told(found: Stage, client: httpx.AsyncClient, subscriber: str, severity: str) -> None:
    """Publish one event, and say when its request came from the queue."""
    one = event(subscriber, f"{severity}-{subscriber}", severity=severity)
    began, passed, mine = time.monotonic(), 0, 0
    await publish(found, client, one)
    wanted = 1 if subscriber == "noisy" else 2  # the other is tried within the workflow task first
    while mine < wanted and time.monotonic() - began < PATIENCE_SECONDS:
        await asyncio.sleep(0.05)
        arrivals = await seen(found, client)
        mine += sum(arrival[0] == one["id"] for arrival in arrivals)
        passed += sum("waiting" in arrival[0] for arrival in arrivals)
    waited = f"{time.monotonic() - began:6.2f} s" if mine >= wanted else f"over {PATIENCE_SECONDS} s"
    print(f"{severity} to {subscriber}: waited {waited}, while {passed} of the backlog were asked")


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.priority", description=__doc__)
    parser.add_argument("--waiting", type=int, default=10_000, help="SEV-4 deliveries in the queue (default 10000)")
    parser.add_argument("--per-second", type=float, default=20, help="retries that Temporal hands out (default 20)")
    return parser.parse_args()


if __name__ == "__main__":
    asyncio.run(main())
    os._exit(0)
