"""The same source and id are accepted once: alone, in a burst, in a batch, and where the answer to a start was lost."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import TemporalUnavailableError
from domain.event_errors import EventConflictError
from domain.events import CloudEvent
from domain.tasks import EventInput
from service.publisher import Publisher
from service.remembered import Remembered
from service.starts import Starts
from tests.support.builders import make_event
from workflows import names


class Run:
    """A workflow, as visibility and a description show it."""

    def __init__(self, request: EventInput, memo: Mapping[str, Any]) -> None:
        self.ids = [event.id for event in request.events]
        self.behind = request.behind
        self.start_time = datetime.now(UTC)
        self._memo = memo

    async def memo_value(self, key: str, default: object) -> object:
        return self._memo.get(key, default)


class Temporal:
    """As much of a client as publishing takes. Its visibility can be behind, and its answers to starts can get lost."""

    namespace = "default"
    service_client = SimpleNamespace(config=SimpleNamespace(target_host="temporal:7233"))

    def __init__(self) -> None:
        self.runs: dict[str, Run] = {}
        self.late: dict[str, Run] = {}
        self.behind = True
        self.loses: str | None = None  # "answers": the start took place; "starts": it did not
        self.loses_after = -1  # as many answers
        self.asked = 0

    async def start_workflow(self, _run: object, request: EventInput, *, id: str, **options: Any) -> object:  # noqa: A002 - as the client has it
        await asyncio.sleep(0)
        if id in self.runs:
            raise WorkflowAlreadyStartedError(id, "EventWorkflow")
        if self.loses_after == 0:
            self.loses = "answers"
        self.loses_after -= 1
        run = Run(request, options["memo"])
        (self.late if self.loses == "starts" else self.runs)[id] = run
        if self.loses:
            raise RPCError("connection lost", RPCStatusCode.UNAVAILABLE, b"")
        return object()

    async def list_workflows(self, query: str) -> AsyncIterator[Run]:
        self.asked += 1
        for run in () if self.behind else self.runs.values():
            if any(names.event_id_hash(event_id) in query for event_id in run.ids):
                yield run

    def get_workflow_handle(self, workflow_id: str) -> object:
        return SimpleNamespace(describe=lambda: self._describe(workflow_id))

    async def _describe(self, workflow_id: str) -> Run:
        if workflow_id not in self.runs:
            raise RPCError("workflow not found", RPCStatusCode.NOT_FOUND, b"")
        return self.runs[workflow_id]

    @property
    def started(self) -> list[str]:
        """The ids of all events that workflows have."""
        return sorted(event_id for run in self.runs.values() for event_id in run.ids)


@pytest.fixture
def temporal() -> Temporal:
    return Temporal()


@pytest.fixture
def publisher(temporal: Temporal) -> Publisher:
    return another(temporal)


def another(temporal: Temporal) -> Publisher:
    """A process that remembers nothing."""
    return Publisher(cast("Any", temporal), publishing=True)


def event(number: int, data: object = None) -> CloudEvent:
    return CloudEvent(id=f"q-{number}", source="/tests", type="a.b", data=data)


async def batch(publisher: Publisher, *events: CloudEvent) -> list[bool]:
    return [receipt.duplicate for receipt in await publisher.publish_batch(events)]


async def burst(publisher: Publisher, *events: CloudEvent) -> list[object]:
    """Whether each is a duplicate, or its error; of a burst, the first is started alone."""
    told = await asyncio.gather(*(publisher.publish(event) for event in events), return_exceptions=True)
    return [each if isinstance(each, BaseException) else each.duplicate for each in told]


async def test_other_content_under_known_ids_refuses_a_batch_before_anything_of_it_is_started(
    publisher: Publisher, temporal: Temporal
) -> None:
    assert await batch(publisher, event(1), event(2)) == [False, False]
    temporal.behind = False
    for process in (publisher, another(temporal)):
        with pytest.raises(EventConflictError):
            await batch(process, *map(event, range(3, 300)), event(1, "other"))
    assert temporal.started == ["q-1", "q-2"]


async def test_what_a_batch_had_accepted_is_known_to_singles_and_the_other_way_round(
    publisher: Publisher, temporal: Temporal
) -> None:
    await publisher.publish(event(1))
    await publisher.publish(event(4), alone=True)
    assert await batch(publisher, *map(event, (1, 2, 3, 4))) == [True, False, False, True]
    assert (await publisher.publish(event(2))).duplicate
    assert (await publisher.publish(event(3), alone=True)).duplicate
    with pytest.raises(EventConflictError):
        await publisher.publish(event(3, "other"))
    assert temporal.started == ["q-1", "q-2", "q-3", "q-4"]


async def test_a_batch_and_the_same_events_on_their_way_in_wait_for_each_other(
    publisher: Publisher, temporal: Temporal
) -> None:
    events = list(map(event, range(5)))
    await asyncio.gather(batch(publisher, *events), burst(publisher, *events), batch(publisher, *reversed(events)))
    assert temporal.started == [f"q-{number}" for number in range(5)]


async def test_a_batch_of_which_some_was_known_meets_its_first_workflow_where_nothing_is_known(
    publisher: Publisher, temporal: Temporal
) -> None:
    await publisher.publish(event(1), alone=True)
    events = list(map(event, range(250)))
    assert sum(await batch(publisher, *events)) == 1
    assert sum(await batch(another(temporal), *events[100:])) == 150
    assert sum(await batch(publisher, *events)) == 250
    assert len(temporal.started) == 250


async def test_an_event_that_is_twice_in_a_batch_is_accepted_once_or_refused(
    publisher: Publisher, temporal: Temporal
) -> None:
    assert await batch(publisher, event(1), event(1)) == [False, True]
    with pytest.raises(EventConflictError):
        await batch(publisher, event(2), event(2, "other"))
    assert temporal.started == ["q-1"]


@pytest.mark.parametrize("lost", ["answers", "starts"])
@pytest.mark.parametrize("first", [burst, batch])
@pytest.mark.parametrize("again", [burst, batch])
async def test_a_start_whose_answer_was_lost_is_found_however_its_events_come_again(
    publisher: Publisher, temporal: Temporal, first: Any, again: Any, lost: str
) -> None:
    temporal.loses = lost
    events = list(map(event, range(6)))
    told = (await asyncio.gather(first(publisher, *events), return_exceptions=True))[0]
    assert isinstance(told[-1] if isinstance(told, list) else told, TemporalUnavailableError)
    if lost == "starts":
        await asyncio.gather(first(publisher, *events), return_exceptions=True)
    temporal.loses = None
    for some in (events[3:5], events[2:], events):
        told = await again(publisher, *some, event(20 + len(some)))
        assert set(told) <= {True, False}
    assert temporal.started == sorted([*(each.id for each in events), "q-22", "q-24", "q-26"])


@pytest.mark.parametrize("visible", [True, False])
async def test_what_comes_after_an_event_whose_answer_was_lost_is_behind_it(
    publisher: Publisher, temporal: Temporal, visible: bool
) -> None:
    first, second = (event(n).model_copy(update={"extensions": {"imincidentid": "INC-1"}}) for n in range(2))
    temporal.loses = "answers"
    with pytest.raises(TemporalUnavailableError):
        await publisher.publish(first)
    temporal.loses, temporal.behind = None, not visible
    assert await batch(publisher, first) == [True]
    await publisher.publish(second)
    assert temporal.runs[names.event_workflow_id(second)].behind == [names.event_workflow_id(first)]


async def test_a_start_that_takes_place_after_it_was_given_up_finds_that_of_its_events_that_came_again(
    publisher: Publisher, temporal: Temporal
) -> None:
    temporal.loses = "starts"
    await burst(publisher, *map(event, range(6)))
    temporal.loses = None
    assert await batch(publisher, event(3)) == [False]
    temporal.runs = temporal.late | temporal.runs  # of two with one id the first one stays
    assert await burst(publisher, *map(event, range(6))) == [True, False, False, True, False, False]
    assert temporal.started == [f"q-{number}" for number in range(6)]


async def test_of_two_starts_the_one_that_was_answered_counts(publisher: Publisher, temporal: Temporal) -> None:
    temporal.loses = "starts"
    await asyncio.gather(batch(publisher, event(1), event(2)), return_exceptions=True)
    temporal.loses, temporal.loses_after = None, 1
    await asyncio.gather(batch(publisher, event(1), event(2), event(3)), return_exceptions=True)
    temporal.loses = None
    assert await batch(publisher, event(4), event(3), event(2)) == [False, True, True]
    assert temporal.started == ["q-1", "q-2", "q-3", "q-4"]


async def test_other_content_than_that_of_a_start_whose_answer_was_lost_is_refused(
    publisher: Publisher, temporal: Temporal
) -> None:
    temporal.loses = "answers"
    await burst(publisher, *map(event, range(6)))
    temporal.loses = None
    with pytest.raises(EventConflictError):
        await batch(publisher, event(7), event(3, "other"))
    assert "q-7" not in temporal.started
    assert isinstance((await burst(publisher, event(4, "other")))[0], EventConflictError)


async def test_at_ordinary_rates_nothing_is_asked_before_a_start(publisher: Publisher, temporal: Temporal) -> None:
    for number in range(3):
        await publisher.publish(event(number))
    assert temporal.asked == 0


async def test_a_repeat_is_told_when_its_event_was_accepted_though_that_goes_on_in_a_later_workflow() -> None:
    temporal, at, rest = Temporal(), datetime(2026, 1, 1, tzinfo=UTC), make_event()
    temporal.behind = False
    starts = Starts(cast("Any", temporal), Remembered())
    await starts.go_on(rest, EventInput(events=[rest]), "run-1", at)
    assert [each.at for each in (await starts.known([rest])).values()] == [at]
