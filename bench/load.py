"""The load of the benchmark, a process of its own: publishes over real HTTP and prints when each event was accepted.

Reads one JSON object from standard input: ``url``, ``token``, ``type``, ``events``, ``publishers``, ``batch`` (0 for
single events) and ``rate`` (events/s; 0 for as fast as they go). Prints one: ``began``, ``ended``, ``accepted`` (event
id to [sent, accepted]) and ``refused`` (answers other than 202, which are sent again after their Retry-After).
"""

import asyncio
import json
import sys
import time
import uuid
from dataclasses import dataclass, field
from typing import Any

import aiohttp

DATA = {"incident_id": "INC-1", "title": "x" * 200, "severity": "SEV-3", "actor": "bench@example.com"}


@dataclass
class Load:
    """One case under way."""

    case: dict[str, Any]
    accepted: dict[str, tuple[float, float]] = field(default_factory=dict)
    refused: int = 0

    def events(self) -> list[dict[str, Any]]:
        """Every event of the case, made before the clock starts."""
        common = {"specversion": "1.0", "source": "/bench", "type": self.case["type"], "data": DATA}
        return [{"id": f"evt_{uuid.uuid4()}"} | common for _ in range(self.case["events"])]

    async def run(self) -> dict[str, Any]:
        """Publish everything."""
        size = self.case["batch"] or 1
        events = self.events()
        groups = [events[first : first + size] for first in range(0, len(events), size)]
        bodies = [(group, json.dumps(group if self.case["batch"] else group[0]).encode()) for group in groups]
        headers = {"Authorization": f"Bearer {self.case['token']}"}
        connector = aiohttp.TCPConnector(limit=0)
        began = time.time()
        async with aiohttp.ClientSession(headers=headers, connector=connector) as session:
            if self.case["rate"]:
                await self._at_rate(session, bodies)
            else:
                todo = iter(bodies)
                await asyncio.gather(*(self._publish_all(session, todo) for _ in range(self.case["publishers"])))
        return {"began": began, "ended": time.time(), "accepted": self.accepted, "refused": self.refused}

    async def _at_rate(self, session: aiohttp.ClientSession, bodies: list[Any]) -> None:
        began, tasks = time.monotonic(), []
        for number, body in enumerate(bodies):
            await asyncio.sleep(max(0.0, began + number / self.case["rate"] - time.monotonic()))
            tasks.append(asyncio.create_task(self._publish(session, *body)))
        await asyncio.gather(*tasks)

    async def _publish_all(self, session: aiohttp.ClientSession, todo: Any) -> None:
        for body in todo:
            await self._publish(session, *body)

    async def _publish(self, session: aiohttp.ClientSession, group: list[dict[str, Any]], body: bytes) -> None:
        kind = "application/cloudevents-batch+json" if self.case["batch"] else "application/cloudevents+json"
        sent = time.time()
        while True:
            async with session.post(self.case["url"], data=body, headers={"Content-Type": kind}) as answer:
                await answer.read()
                if answer.status == 202:
                    break
                self.refused += 1
                await asyncio.sleep(float(answer.headers.get("Retry-After", "1")))
        now = time.time()
        self.accepted.update((event["id"], (sent, now)) for event in group)


if __name__ == "__main__":
    print(json.dumps(asyncio.run(Load(json.load(sys.stdin)).run())))
