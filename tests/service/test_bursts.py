"""How events become workflow starts: own ones at ordinary rates, shared ones in a burst, nobody twice."""

import asyncio
import json
from collections.abc import Sequence

import pytest

from domain.errors import OverloadedError, TemporalUnavailableError
from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.receipts import PublishReceipt
from service import bursts
from service.bursts import (
    GATHER_SECONDS,
    MAX_BYTES_PER_WORKFLOW,
    MAX_PER_WORKFLOW,
    ORDINARY,
    STARTS_IN_FLIGHT,
    Bursts,
    Outcome,
    fitting,
)
from tests.support.eventually import within
from workflows import listed, names


def event(number: int, data: object = None) -> CloudEvent:
    return CloudEvent(id=f"evt_{number}", source="/tests", type="a.b", data=data)


class Starts:
    """Every start, held back until `gate` is set."""

    def __init__(self) -> None:
        self.groups: list[list[str]] = []
        self.gate = asyncio.Event()
        self.failure: Exception | None = None

    async def __call__(self, events: Sequence[CloudEvent]) -> list[Outcome]:
        self.groups.append([event.id for event in events])
        await self.gate.wait()
        if self.failure:
            raise self.failure
        return [PublishReceipt(event_id=event.id, published=True) for event in events]


async def offered(queue: Bursts, events: Sequence[CloudEvent]) -> list[asyncio.Task[PublishReceipt]]:
    tasks = [asyncio.create_task(queue.accept(event)) for event in events]
    await settle()
    return tasks


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_at_ordinary_rates_every_event_has_its_own_start() -> None:
    starts = Starts()
    starts.gate.set()
    queue = Bursts(starts)
    for number in range(20):
        await queue.accept(event(number))
    assert starts.groups == [[f"evt_{number}"] for number in range(20)]


async def test_events_that_wait_behind_full_starts_share_the_next_one() -> None:
    starts = Starts()
    tasks = await offered(Bursts(starts), [event(number) for number in range(STARTS_IN_FLIGHT + 30)])
    assert [len(group) for group in starts.groups] == [1] * STARTS_IN_FLIGHT
    starts.gate.set()
    await asyncio.gather(*tasks)
    assert [len(group) for group in starts.groups] == [1] * STARTS_IN_FLIGHT + [30]


async def test_a_start_is_shared_by_a_hundred_at_most() -> None:
    starts = Starts()
    tasks = await offered(Bursts(starts), [event(number) for number in range(STARTS_IN_FLIGHT + 250)])
    starts.gate.set()
    await asyncio.gather(*tasks)
    assert max(len(group) for group in starts.groups) == MAX_PER_WORKFLOW


async def test_one_event_a_workflow_shares_nothing() -> None:
    starts = Starts()
    tasks = await offered(Bursts(starts, per_workflow=1), [event(number) for number in range(40)])
    starts.gate.set()
    await asyncio.gather(*tasks)
    assert {len(group) for group in starts.groups} == {1}


async def test_the_same_event_is_started_once_and_told_so() -> None:
    starts = Starts()
    queue = Bursts(starts)
    tasks = await offered(queue, [event(1), event(1)])
    starts.gate.set()
    receipts = await asyncio.gather(*tasks)
    assert [receipt.duplicate for receipt in receipts] == [False, True]
    assert (await queue.accept(event(1))).duplicate
    assert starts.groups == [["evt_1"]]


async def test_the_same_id_with_other_content_is_refused() -> None:
    starts = Starts()
    starts.gate.set()
    queue = Bursts(starts)
    await queue.accept(event(1))
    with pytest.raises(EventConflictError):
        await queue.accept(event(1, data="other"))


async def test_a_failed_start_is_told_to_all_and_may_be_tried_again() -> None:
    starts = Starts()
    starts.failure = TemporalUnavailableError(address="a", namespace="n", reason="away")
    queue = Bursts(starts)
    tasks = await offered(queue, [event(number) for number in range(STARTS_IN_FLIGHT + 3)])
    starts.gate.set()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, TemporalUnavailableError) for result in results)
    starts.failure = None
    assert not (await queue.accept(event(0))).duplicate


async def test_a_publisher_that_gives_up_does_not_lose_the_event() -> None:
    starts = Starts()
    queue = Bursts(starts)
    (task,) = await offered(queue, [event(1)])
    task.cancel()
    starts.gate.set()
    await settle()
    assert starts.groups == [["evt_1"]]


async def test_past_the_limit_publishers_are_sent_away_before_anything_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bursts, "MAX_WAITING", 10)
    starts = Starts()
    queue = Bursts(starts)
    tasks = await offered(queue, [event(number) for number in range(STARTS_IN_FLIGHT + 10)])
    with pytest.raises(OverloadedError):
        await queue.accept(event(99))
    starts.gate.set()
    assert len(await asyncio.gather(*tasks)) == STARTS_IN_FLIGHT + 10


async def test_while_the_worker_is_busy_events_gather_for_one_start() -> None:
    starts, busy = Starts(), True
    starts.gate.set()
    tasks = await offered(Bursts(starts, busy=lambda: busy), [event(number) for number in range(30)])
    assert starts.groups == []
    busy = False
    await within(1, asyncio.gather(*tasks))
    assert [len(group) for group in starts.groups] == [30]


async def test_it_is_pressed_while_a_burst_is_accepted_and_by_no_ordinary_rate() -> None:
    starts = Starts()
    queue = Bursts(starts)
    assert not queue.pressed
    one = await offered(queue, [event(number) for number in range(ORDINARY)])
    assert not queue.pressed
    burst = await offered(queue, [event(number) for number in range(10, 20)])
    assert queue.pressed
    starts.gate.set()
    await asyncio.gather(*one, *burst)
    assert queue.pressed  # the next events of those who were answered are expected
    await asyncio.sleep(GATHER_SECONDS * 2)
    assert not queue.pressed
    async with queue.kept_out([event(number) for number in range(20, 30)]):
        assert queue.pressed
    assert not queue.pressed


def test_a_start_is_bounded_by_bytes_too() -> None:
    large = [event(number, data="x" * 200_000) for number in range(5)]
    assert fitting(large) == MAX_BYTES_PER_WORKFLOW // 200_000
    assert fitting([event(1, data="x" * MAX_BYTES_PER_WORKFLOW)]) == 1


@pytest.mark.parametrize(("types", "incidents"), [(100, 1), (1, 100), (100, 100)])
def test_what_events_are_found_by_fits_the_2_kib_that_temporal_has_for_it(types: int, incidents: int) -> None:
    events = [
        CloudEvent(
            id=f"evt_{number}",
            source="/tests",
            type=f"com.example.größe.number-{number % types}",
            extensions={"imincidentid": f"ORDER-{number % incidents}"},
        )
        for number in range(100)
    ]
    count = fitting(events)
    attributes = listed.event_attributes(events[:count])
    assert all(len(json.dumps(pair.value)) <= 2048 for pair in attributes.search_attributes)
    assert set(attributes[names.EVENT_TYPES]) >= {event.type for event in events[:count]}
    assert (count == 100) is (types == 1)
