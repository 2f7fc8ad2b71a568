"""Events of the measures that follow single ones: made, published with patience, and seen at the sink."""

import asyncio
from typing import Any

import httpx

from bench.stage import TOKEN, Stage


def event(subscriber: str, name: str, **data: str) -> dict[str, Any]:
    """A CloudEvent for a subscriber."""
    return {"specversion": "1.0", "id": name, "source": "/bench", "type": f"bench.{subscriber}.v1", "data": data}


async def publish(found: Stage, client: httpx.AsyncClient, body: dict[str, Any] | list[dict[str, Any]]) -> None:
    """Publish an event, or a batch of them, again as often as that is refused for the moment."""
    kind = "application/cloudevents-batch+json" if isinstance(body, list) else "application/cloudevents+json"
    headers = {"Authorization": f"Bearer {TOKEN}", "Content-Type": kind}
    url = f"http://127.0.0.1:{found.api_port}/api/v1/events"
    answer = await client.post(url, json=body, headers=headers)
    while answer.status_code == httpx.codes.SERVICE_UNAVAILABLE:
        await asyncio.sleep(float(answer.headers.get("Retry-After", 1)))
        answer = await client.post(url, json=body, headers=headers)
    answer.raise_for_status()


async def seen(found: Stage, client: httpx.AsyncClient) -> list[list[Any]]:
    """The arrivals at the sink since the last look: event id, path, time."""
    arrivals: list[list[Any]] = (await client.get(f"{found.sink}/seen")).json()
    return arrivals
