"""Visibility may answer slowly: a row has everything else then, and says what is not known of it."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.service import RPCError, RPCStatusCode

from domain.directory import Snapshot
from domain.drains import DrainProgress
from domain.errors import NoWorkerError, TemporalUnavailableError
from domain.health import Counters, Health
from domain.pauses import Pause
from service import temporal
from service.health import HealthGateway
from tests.service.test_event_list import Run
from tests.service.test_owed import Store
from tests.service.test_reachability import temporal_that_is
from tests.support.builders import NOW, make_subscriber
from workflows import names

SLOW = "Temporal answers, but has not found everything within 0 s"
SHARED = f"STARTS_WITH '{names.shared_workflow_id('')}'"


class SlowStore(Store):
    """Never answers questions with these words in them, and knows that a drain runs for ``sent``."""

    def __init__(self, *runs: Run, slow: tuple[str, ...] = ()) -> None:
        super().__init__(*runs)
        self.slow = slow

    async def _answer(self, query: str) -> None:
        if any(word in query for word in self.slow):
            await asyncio.Event().wait()

    async def count_workflows(self, query: str) -> Any:
        await self._answer(query)
        return await super().count_workflows(query)

    async def list_workflows(self, query: str, limit: int | None = None) -> AsyncIterator[Run]:
        await self._answer(query)
        if "DrainWorkflow" in query:
            yield Run(0, "", [], id=names.drain_workflow_id("sent"))
            return
        async for run in super().list_workflows(query, limit):
            yield run


class Subscribers:
    """One who fails, one who does not, one who is paused, and one who is being sent what waited."""

    busy = False
    ordered = False

    async def snapshot(self, _known: int | None) -> Snapshot:
        pause = Pause(at=NOW, reason="by hand")
        known = [make_subscriber(name=name, keep_order=self.ordered) for name in ("bad", "good", "sent")]
        known.append(make_subscriber(name="held", paused=pause))
        return Snapshot(version=1, subscribers={each.name: each for each in known})

    async def drain(self, name: str) -> DrainProgress:
        if self.busy:
            raise NoWorkerError(queue=names.CONTROL_QUEUE, seconds=3)
        return DrainProgress(subscriber=name, began_at=NOW, left=7)


RUNS = (
    *(Run(1, "retrying", ["retrying:bad"]) for _ in range(3)),
    *(Run(1, "waiting", ["waiting:held"], id=f"event/{number}@0", start_time=NOW) for number in range(2)),
)


def gateway(store: Store, *, there: bool = True, busy: bool = False, ordered: bool = False) -> HealthGateway:
    async def counters(*_: object) -> dict[str, Counters]:
        return {"bad": Counters(delivered=1, failed=3, streak=3, last_error="HTTP 503")}

    client: Any = temporal_that_is(there)
    client.count_workflows, client.list_workflows = store.count_workflows, store.list_workflows
    client.get_workflow_handle_for = lambda *_: SimpleNamespace(query=counters)
    subscribers = Subscribers()
    subscribers.busy, subscribers.ordered = busy, ordered
    return HealthGateway(cast("Any", SimpleNamespace(client=client)), cast("Any", subscribers))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal, "ANSWER_TIMEOUT", timedelta(milliseconds=300))
    monkeypatch.setattr("service.reachability.ANSWER_TIMEOUT", timedelta(milliseconds=300))


async def rows(store: Store, *, busy: bool = False, ordered: bool = False) -> dict[str, Health]:
    return {row.subscriber: row for row in await gateway(store, busy=busy, ordered=ordered).all()}


def counts(found: dict[str, Health]) -> dict[str, tuple[int | None, int | None]]:
    return {name: (row.retrying, row.waiting) for name, row in found.items()}


async def test_a_store_that_answers_leaves_nothing_unknown() -> None:
    found = await rows(SlowStore(*RUNS))
    assert counts(found) == {"bad": (3, 0), "good": (0, 0), "held": (0, 2), "sent": (0, 0)}
    assert found["held"].oldest_waiting == NOW
    assert found["sent"].drain is not None
    assert {row.not_counted for row in found.values()} == {None}


async def test_what_a_burst_is_yet_to_hand_over_has_waited_since_it_began() -> None:
    burst = Run(2, "waiting", ["waiting:held"], id="events/1", start_time=NOW)
    held = (await rows(SlowStore(burst)))["held"]
    assert (held.waiting, held.oldest_waiting, held.not_counted) == (2, NOW, None)


async def test_a_store_that_does_not_answer_leaves_a_row_with_all_else() -> None:
    found = await rows(SlowStore(*RUNS, slow=("WorkflowType",)))
    assert set(counts(found).values()) == {(None, None)}
    assert {row.not_counted for row in found.values()} == {SLOW}
    bad, held = found["bad"], found["held"]
    assert (bad.delivered, bad.failed, bad.consecutive_failures, bad.last_error) == (1, 3, 3, "HTTP 503")
    assert held.paused is not None


async def test_who_is_counted_before_the_store_gets_slow_is_shown_so() -> None:
    found = await rows(SlowStore(*RUNS, slow=(SHARED,)))
    assert counts(found) == {"bad": (None, 0), "good": (0, 0), "held": (0, None), "sent": (0, 0)}
    assert [name for name, row in sorted(found.items()) if row.not_counted] == ["bad", "held"]


LINE = [Run(1, "pending", ["pending:bad"]), Run(1, "pending", ["pending:held"])]


@pytest.mark.parametrize(("ordered", "slow", "bad"), [(True, (), 1), (True, ("pending:",), None), (False, (), 0)])
async def test_what_waits_for_its_turn_is_counted_by_itself(ordered: bool, slow: tuple[str, ...], bad: int) -> None:
    found = await rows(SlowStore(*RUNS, *LINE, slow=slow), ordered=ordered)
    assert (found["bad"].retrying, found["bad"].in_line) == (3, bad)
    assert found["held"].in_line == 0  # it is in no line
    assert [name for name, row in sorted(found.items()) if row.not_counted] == (["bad", "good", "sent"] if slow else [])


MANY = [Run(1, "waiting", ["waiting:held"], id=f"event/{each}@0", start_time=NOW) for each in range(50)]


async def test_since_when_few_wait_is_known_with_their_count() -> None:
    store = SlowStore(*RUNS)
    await rows(store)
    assert len(store.counted) == 2  # of all who may be retried, and of all who may wait


@pytest.mark.parametrize("slow", [False, True])
async def test_an_oldest_event_that_takes_long_to_find_does_not_hide_the_count(
    monkeypatch: pytest.MonkeyPatch, slow: bool
) -> None:
    async def never(*_: object) -> None:
        await asyncio.Event().wait()

    if slow:
        monkeypatch.setattr("service.outstanding.find_waiting", never)
    held = (await rows(SlowStore(*MANY)))["held"]
    assert (held.waiting, held.oldest_waiting, held.not_counted) == ((50, None, SLOW) if slow else (50, NOW, None))


async def test_a_drain_that_cannot_be_asked_does_not_hide_the_counts() -> None:
    found = await rows(SlowStore(*RUNS), busy=True)
    assert (found["sent"].waiting, found["sent"].drain) == (0, None)
    assert "no worker took up" in (found["sent"].not_counted or "")
    assert found["held"].not_counted is None


async def test_of_one_subscriber_it_is_the_same() -> None:
    async def describe() -> None:
        raise RPCError("no drain", RPCStatusCode.NOT_FOUND, b"")

    for slow, told in (((), (0, 2, None)), (("WorkflowType",), (None, None, SLOW))):
        asked = gateway(SlowStore(*RUNS, slow=slow))
        client = cast("Any", asked)._connection.client
        client.get_workflow_handle = lambda _: SimpleNamespace(describe=describe)
        row = await asked.get("held")
        assert (row.retrying, row.waiting, row.not_counted) == told


async def test_a_temporal_that_is_away_is_said_to_be() -> None:
    with pytest.raises(TemporalUnavailableError):
        await gateway(SlowStore(slow=("WorkflowType",)), there=False).all()


async def test_a_temporal_at_its_limit_leaves_a_row_with_all_else(monkeypatch: pytest.MonkeyPatch) -> None:
    async def refuse(_query: str) -> None:
        raise RPCError("namespace rate limit exceeded", RPCStatusCode.RESOURCE_EXHAUSTED, b"")

    store = SlowStore(*RUNS)
    monkeypatch.setattr(store, "count_workflows", refuse)
    found = await rows(store)
    assert found["bad"].retrying is None
    assert "at a limit of its own" in (found["bad"].not_counted or "")
