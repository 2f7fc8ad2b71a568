"""Turns of a limited subscriber, and that its queue is looked after."""

import asyncio
import dataclasses
import itertools
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from unittest.mock import AsyncMock

import pytest
from temporalio.exceptions import ApplicationError
from temporalio.testing import ActivityEnvironment

from activities import limits
from activities.admission import Admission
from activities.directory import LeasedDirectory
from activities.gate import InlineGate
from activities.leases import LEASE_SECONDS
from activities.limits import LimitedDeliveries, Pace
from activities.resolution import ResolutionActivities
from domain.directory import Snapshot
from domain.limits import LimiterState, Limits, Served
from domain.matches import ResolveRequest
from domain.outcomes import Delivery, DeliveryState
from domain.pauses import Pause
from domain.tasks import UNMADE, DeliverRequest
from tests.support.builders import make_event, make_subscriber


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What was slept, instead of sleeping."""
    waits: list[float] = []

    async def sleep(seconds: float) -> None:
        waits.append(round(seconds, 6))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waits


async def test_requests_that_come_together_are_spaced(slept: list[float]) -> None:
    pace = Pace(clock=lambda: 100.0)
    for _ in range(4):
        await pace.turn(0.5)
    assert slept == [0.5, 1.0, 1.5, 2.0]


async def test_the_first_request_of_a_process_comes_an_interval_after_it_took_over(slept: list[float]) -> None:
    times = itertools.chain([100.0, 107.0], itertools.repeat(130.0))
    pace = Pace(clock=lambda: next(times))
    await pace.turn(10)
    await pace.turn(10)
    assert slept == [3.0, 0.0]


async def test_time_that_passed_unused_is_not_made_up_for(slept: list[float]) -> None:
    times = itertools.chain([0.0], itertools.repeat(1000.0))
    pace = Pace(clock=lambda: next(times))
    for _ in range(3):
        await pace.turn(1)
    assert slept == [0.0, 1.0, 2.0]


async def test_a_changed_rate_counts_from_the_next_turn(slept: list[float]) -> None:
    pace = Pace(clock=lambda: 0.0)
    await pace.turn(10)
    await pace.turn(0.1)
    assert slept == [10.0, 10.1]


async def test_whoever_is_limited_has_somebody_look_after_the_queue_and_nobody_else() -> None:
    ensured: list[str] = []

    async def ensure(subscriber: str) -> None:
        ensured.append(subscriber)

    limited = LimitedDeliveries(lambda name: f"queue-{name}", ensure, ensured.__contains__)
    free, tied = make_subscriber(name="free"), make_subscriber(name="tied", rate_limit="10/s", max_concurrency=2)
    assert (limited.known(free), limited.known(tied)) == (None, None)
    assert await limited.words(free) is None
    assert await limited.words(tied) == "10/s, 2 at once"
    assert ensured == ["tied"]
    assert (limited.known(free), limited.known(tied)) == (None, "10/s, 2 at once")


async def test_nobody_waits_for_the_queues_of_limited_ones_beside_it() -> None:
    async def never(_subscriber: str) -> None:
        await asyncio.Event().wait()

    wanting = [
        make_subscriber(name=name, types=["**"], rate_limit=rate) for name, rate in (("plain", None), ("tied", "10/s"))
    ]

    async def snapshot(_known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={each.name: each for each in wanting})

    served: set[str] = set()
    limited = LimitedDeliveries(str, never, served.__contains__)
    resolution = ResolutionActivities(LeasedDirectory(snapshot), InlineGate(), limited, publishing=True)
    request = ResolveRequest(event_types=["a.b.v1"])
    for known in ({"tied": None, "plain": None}, {"tied": "10/s", "plain": None}):
        async with asyncio.timeout(5):
            found = await ActivityEnvironment().run(resolution.resolve_subscribers, request)
        assert {each.subscriber: (each.inline, each.limits) for each in found.matches[0]} == {
            name: (name == "plain", said) for name, said in known.items()
        }
        served.add("tied")


class Process:
    """A process that serves a limited subscriber, whose queue says when it is open, and which beats every 20 ms."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(limits, "BEAT_EVERY", timedelta(seconds=0.02))
        monkeypatch.setattr(limits, "LOOK_EVERY", timedelta(seconds=0.02))
        self.tied = make_subscriber(name="tied", rate_limit="1000/s")
        self.deliveries = LimitedDeliveries(str, AsyncMock(), bool)
        self.opened = asyncio.Event()
        self.directory = LeasedDirectory(self._snapshot)

    async def serve(self, *, late: timedelta = timedelta()) -> Served:
        """Serve; Temporal waits for a second after a beat, and has given it up where it was given ``late`` ago."""
        environment = ActivityEnvironment()
        began = datetime.now(UTC) - late
        environment.info = dataclasses.replace(
            environment.info, heartbeat_timeout=timedelta(seconds=1), started_time=began, task_queue="tied"
        )
        if late:
            environment.on_heartbeat = partial(_answer, environment)
        activities = limits.LimitActivities(self.directory, self.deliveries, self._open)
        return await environment.run(activities.serve_limited, LimiterState(subscriber="tied"))

    async def _snapshot(self, _known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={"tied": self.tied})

    @asynccontextmanager
    async def _open(self, _subscriber: str, _limits: Limits) -> AsyncIterator[None]:
        self.opened.set()
        yield


def _answer(environment: ActivityEnvironment, *_details: Any) -> None:
    asyncio.get_running_loop().call_later(0.01, environment.cancel)


async def test_a_process_that_stood_still_leaves_the_queue_and_makes_no_request(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Process(monkeypatch)
    serving = asyncio.create_task(one.serve())
    await one.opened.wait()
    admission, request = Admission(one.directory, one.deliveries), DeliverRequest(subscriber="tied", event_id="e")
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, task_queue="tied")
    assert await environment.run(admission.allowed, request, [], AsyncMock()) == one.tied
    await asyncio.sleep(1)  # it goes on beating meanwhile
    assert not serving.done()
    time.sleep(0.7)  # noqa: ASYNC251 - this is what standing still is
    with pytest.raises(ApplicationError, match="stood still") as refused:
        await environment.run(admission.allowed, request, [], AsyncMock())
    assert refused.value.type == UNMADE
    assert (await asyncio.wait_for(serving, 10)).known


async def test_a_process_that_stood_still_serves_nothing_that_it_was_given_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = Process(monkeypatch)
    with pytest.raises(asyncio.CancelledError):
        await one.serve(late=timedelta(seconds=5))
    assert not one.opened.is_set()


async def test_requests_that_waited_together_for_the_directory_are_spaced_all_the_same() -> None:
    tied = make_subscriber(name="tied", rate_limit="10/s")

    async def snapshot(_known: int | None) -> Snapshot:
        await asyncio.sleep(LEASE_SECONDS + 0.3)
        return Snapshot(version=1, subscribers={"tied": tied})

    admission = Admission(LeasedDirectory(snapshot), LimitedDeliveries(str, AsyncMock(), bool))
    request = DeliverRequest(subscriber="tied", event_id="e")
    let_go: list[float] = []

    async def allowed() -> None:
        environment = ActivityEnvironment()
        environment.info = dataclasses.replace(environment.info, task_queue="tied")
        assert await environment.run(admission.allowed, request, [], AsyncMock()) == tied
        let_go.append(time.monotonic())

    await asyncio.gather(*(allowed() for _ in range(4)))
    assert min(after - before for before, after in itertools.pairwise(let_go)) > 0.09


async def test_who_is_paused_while_it_waits_for_its_turn_is_asked_for_nothing() -> None:
    tied = make_subscriber(name="tied", rate_limit="1/s")
    known = [tied]

    async def snapshot(_known: int | None) -> Snapshot:
        return Snapshot(version=len(known), subscribers={"tied": known[-1]})

    admission = Admission(LeasedDirectory(snapshot), LimitedDeliveries(str, AsyncMock(), bool))
    environment = ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, task_queue="tied")
    request, load = DeliverRequest(subscriber="tied", event_id="e"), AsyncMock(return_value=make_event())
    asking = asyncio.create_task(environment.run(admission.allowed, request, [], load))
    await asyncio.sleep(0.1)  # it waits for a second
    known.append(tied.model_copy(update={"paused": Pause(at=tied.created_at, reason="maintenance")}))
    found = await asking
    assert isinstance(found, Delivery)
    assert found.state is DeliveryState.WAITING
