"""A crowd that asks the same is answered by few questions, none of which began before whoever gets its answer asked."""

import asyncio
from typing import Any, cast

import pytest

from domain.directory import Snapshot
from domain.health import Counters
from domain.sources import SourcesSnapshot
from service.connection import Connection
from service.health import HealthGateway
from service.sources import SourceRegistry
from service.subscribers import SubscriberGateway
from service.together import Together
from service.updates import Updates


class Question:
    """Answers with how often it was asked so far, once it is let."""

    def __init__(self) -> None:
        self.asked = 0
        self.begun, self.let = asyncio.Event(), asyncio.Event()
        self.fault: Exception | None = None

    async def __call__(self) -> int:
        self.asked += 1
        mine = self.asked
        self.begun.set()
        await self.let.wait()
        if self.fault is not None:
            raise self.fault
        return mine


async def test_who_asks_while_a_question_is_under_way_shares_the_next_one() -> None:
    together, question = Together(), Question()
    first = asyncio.create_task(together.ask("a", question))
    await question.begun.wait()
    crowd = [asyncio.create_task(together.ask("a", question)) for _ in range(50)]
    await asyncio.sleep(0.01)
    assert question.asked == 1
    question.let.set()
    assert await first == 1
    assert set(await asyncio.gather(*crowd)) == {2}
    assert await together.ask("a", question) == 3


async def test_other_questions_do_not_wait() -> None:
    together, slow, quick = Together(), Question(), Question()
    waiting = asyncio.create_task(together.ask("a", slow))
    quick.let.set()
    assert await together.ask("b", quick) == 1
    slow.let.set()
    assert await waiting == 1


async def test_a_failure_is_everybodys_who_shared_it_and_nobody_elses() -> None:
    together, question = Together(), Question()
    question.let.set()
    question.fault = LookupError("gone")
    said = await asyncio.gather(*(together.ask("a", question) for _ in range(3)), return_exceptions=True)
    assert [type(each) for each in said] == [LookupError] * 3
    question.fault = None
    assert await together.ask("a", question) == 2


async def test_who_goes_away_takes_the_answer_from_nobody() -> None:
    together, question = Together(), Question()
    goes, stays = (asyncio.create_task(together.ask("a", question)) for _ in range(2))
    await question.begun.wait()
    goes.cancel()
    with pytest.raises(asyncio.CancelledError):
        await goes
    question.let.set()
    assert await stays == 1


class Registry:
    """As much of a connection, a client and a handle as a question takes; counts the questions."""

    def __init__(self, answer: Any) -> None:
        self.client, self.answer, self.asked = self, answer, 0

    async def require_worker(self) -> None:
        pass

    def get_workflow_handle_for(self, _run: Any, _workflow_id: str) -> "Registry":
        return self

    async def query(self, _query: Any, _argument: Any) -> Any:
        self.asked += 1
        await asyncio.sleep(0.01)
        return self.answer

    async def list_workflows(self, _query: str, limit: int | None = None) -> Any:
        return
        yield limit


def subscribers_of(registry: Registry) -> SubscriberGateway:
    connection = cast("Connection", registry)
    return SubscriberGateway(connection, Updates(connection, "subscribers"))


async def test_a_crowd_that_lists_subscribers_asks_the_directory_twice() -> None:
    registry = Registry(Snapshot(version=1, subscribers={}))
    subscribers = subscribers_of(registry)
    early = asyncio.create_task(subscribers.all())
    await asyncio.sleep(0.005)
    await asyncio.gather(early, *(subscribers.all() for _ in range(60)))
    assert registry.asked == 2


async def test_a_crowd_that_asks_for_health_asks_the_ledger_once() -> None:
    directory, ledger = Registry(Snapshot(version=1, subscribers={})), Registry(dict[str, Counters]())
    health = HealthGateway(cast("Connection", ledger), subscribers_of(directory))
    await asyncio.gather(*(health.all() for _ in range(60)))
    assert (directory.asked, ledger.asked) == (1, 1)


async def test_a_crowd_that_lists_sources_asks_their_registry_once() -> None:
    registry = Registry(SourcesSnapshot(version=1))
    sources = SourceRegistry(cast("Connection", registry))
    await asyncio.gather(*(sources.fresh() for _ in range(60)))
    assert registry.asked == 1
