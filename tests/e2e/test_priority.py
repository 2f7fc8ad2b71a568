"""The retry queue has an order: urgent events first, and subscribers in turn."""

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
import pytest_asyncio

from bench.queues import backlog, hold_back
from domain.events import CloudEvent
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, temporal_dev_server
from tests.support.sink import Answer, Received, Sink

WAITING = 200  # SEV-4 deliveries to a subscriber that fails
PER_SECOND = 5  # of them and all others: 40 s for those that wait, and they fail and come again


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def receiver() -> AsyncIterator[Sink]:
    """Answers 503 to everybody."""
    async with Sink() as sink:
        sink.script(Answer(503))
        yield sink


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def jammed(tmp_path_factory: pytest.TempPathFactory, receiver: Sink) -> AsyncIterator[Platform]:
    """A platform whose retry queue holds 200 deliveries of ``noisy``, and is slow."""
    folder = tmp_path_factory.mktemp("jammed")
    async with temporal_dev_server(folder) as temporal:
        platform = await Platform.over(temporal, folder)
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with (
            platform.process("serve") as serve,
            httpx.AsyncClient(base_url=serve.url, headers=headers, timeout=20) as platform.api,
        ):
            await hold_back(platform.client, PER_SECOND)
            for name in ("noisy", "other"):
                await platform.gateway.subscribers.add(name, receiver.url(f"/{name}"), types=[f"test.{name}.v1"])
            await publish(platform, [event("noisy", place) for place in range(WAITING)])
            await eventually(lambda: is_long(platform), 40)
            yield platform


async def is_long(platform: Platform) -> bool:
    return await backlog(platform.client) > WAITING * 0.7


def event(subscriber: str, place: int, severity: str = "SEV-4") -> CloudEvent:
    data = {"severity": severity}
    return CloudEvent(id=f"{subscriber}-{severity}-{place}", source="/tests", type=f"test.{subscriber}.v1", data=data)


async def publish(platform: Platform, events: Sequence[CloudEvent]) -> None:
    answer = await platform.api.post(
        "/api/v1/events",
        json=[each.to_dict() for each in events],
        headers={"Content-Type": "application/cloudevents-batch+json"},
    )
    assert answer.status_code == 202, answer.text


def requests(sink: Sink, to: str) -> list[Received]:
    return [request for request in sink.received if request.path == f"/{to}"]


async def test_a_sev_1_passes_the_sev_4_that_wait(jammed: Platform, receiver: Sink) -> None:
    before = len(receiver.received)
    urgent = event("noisy", 0, "SEV-1")
    await publish(jammed, [urgent])
    await eventually(lambda: any(request.headers["ce-id"] == urgent.id for request in receiver.received), 25)
    assert len(receiver.received) - before < WAITING / 4
    assert await backlog(jammed.client) > WAITING / 4


async def test_subscribers_have_their_turns_whoever_has_the_longer_queue(jammed: Platform, receiver: Sink) -> None:
    before = len(requests(receiver, to="noisy"))
    await publish(jammed, [event("other", place) for place in range(5)])
    await eventually(lambda: len(requests(receiver, to="other")) >= 10, 25)  # the first request of each, and a retry
    assert len(requests(receiver, to="noisy")) - before < WAITING / 2
