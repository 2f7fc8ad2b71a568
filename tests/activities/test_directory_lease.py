"""The leased directory: who shares a query, how long a snapshot is used, and what happens when it fails."""

import asyncio
from collections import deque
from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from activities.directory import LeasedDirectory
from activities.leases import LEASE_SECONDS, REFRESH_AFTER_SECONDS
from domain.directory import Directory, Snapshot
from tests.support.builders import make_subscriber


@dataclass
class Query:
    """One query under way; it answers when told to."""

    known: int | None
    began: float
    answer: "asyncio.Future[Snapshot]"


@dataclass
class World:
    """A clock that moves when told, and a directory workflow whose version is the place of the query."""

    now: float = 100.0
    queries: list[Query] = field(default_factory=list)

    def clock(self) -> float:
        """Monotonic seconds."""
        return self.now

    async def fetch(self, known: int | None) -> Snapshot:
        """Begin a query."""
        query = Query(known, self.now, asyncio.get_running_loop().create_future())
        self.queries.append(query)
        return await query.answer

    @property
    def under_way(self) -> list[Query]:
        """Queries not answered yet."""
        return [query for query in self.queries if not query.answer.done()]

    async def answer(self) -> None:
        """Answer the query under way, with its place as version."""
        (query,) = self.under_way
        query.answer.set_result(Snapshot(version=self.queries.index(query), subscribers={}))
        await settle()


async def settle() -> None:
    """Let every task run as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


async def _asked(directory: LeasedDirectory) -> "asyncio.Task[Directory]":
    task = asyncio.create_task(directory.current())
    await settle()
    return task


async def _leased() -> tuple[World, LeasedDirectory]:
    """A directory whose first snapshot has just begun and arrived."""
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    first = await _asked(directory)
    await world.answer()
    assert (await first).version == 0
    return world, directory


async def test_concurrent_callers_share_one_query() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    callers = [await _asked(directory) for _ in range(20)]
    await world.answer()
    assert {(await caller).version for caller in callers} == {0}
    assert len(world.queries) == 1


async def test_within_a_lease_nothing_is_asked() -> None:
    world, directory = await _leased()
    world.now += REFRESH_AFTER_SECONDS - 0.01
    assert (await directory.current()).version == 0
    await settle()
    assert len(world.queries) == 1


async def test_under_traffic_the_refresh_runs_ahead_and_nobody_waits() -> None:
    world, directory = await _leased()
    world.now += REFRESH_AFTER_SECONDS
    assert (await directory.current()).version == 0, "the old one, at once"
    await settle()
    assert len(world.under_way) == 1
    await world.answer()
    assert (await directory.current()).version == 1


async def test_idle_nothing_polls() -> None:
    world, _ = await _leased()
    world.now += 1000
    await settle()
    assert len(world.queries) == 1


@pytest.mark.parametrize(("later", "fresh"), [(LEASE_SECONDS - 0.01, False), (LEASE_SECONDS, True), (10.0, True)])
async def test_a_lease_ends_after_half_a_second(later: float, fresh: bool) -> None:
    world, directory = await _leased()
    world.now += later
    caller = await _asked(directory)
    assert caller.done() is not fresh
    await world.answer()
    assert (await caller).version == (1 if fresh else 0)


async def test_a_lease_counts_from_the_beginning_of_its_query() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    first = await _asked(directory)
    world.now += 0.4  # the query takes that long
    await world.answer()
    assert (await first).version == 0
    world.now += 0.11
    second = await _asked(directory)
    assert not second.done(), "0.51 s after the query began"


async def test_who_asked_before_a_slow_query_began_gets_its_answer() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    caller = await _asked(directory)
    world.now += 5
    await world.answer()
    assert (await caller).version == 0


async def test_who_asked_after_a_slow_query_began_gets_a_new_one() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    await _asked(directory)
    world.now += 0.1
    late = await _asked(directory)
    world.now += 5
    await world.answer()
    assert not late.done()
    await world.answer()
    assert (await late).version == 1
    assert len(world.queries) == 2


async def test_the_known_version_is_asked_with_and_an_empty_answer_keeps_the_subscribers() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    caller = await _asked(directory)
    assert world.queries[0].known is None
    world.queries[0].answer.set_result(Snapshot(version=7, subscribers={"my-webhook": make_subscriber()}))
    await caller
    world.now += 1
    caller = await _asked(directory)
    assert world.queries[1].known == 7
    world.queries[1].answer.set_result(Snapshot(version=7))
    assert list((await caller).subscribers) == ["my-webhook"]


async def test_an_empty_answer_renews_the_lease() -> None:
    world, directory = await _leased()
    world.now += 1
    caller = await _asked(directory)
    world.queries[1].answer.set_result(Snapshot(version=0))
    await caller
    world.now += 0.2
    assert (await directory.current()).version == 0
    assert len(world.queries) == 2


async def test_a_failed_query_fails_its_callers_and_the_next_call_asks_again() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    callers = [await _asked(directory) for _ in range(2)]
    world.queries[0].answer.set_exception(ConnectionError("no directory"))
    for caller in callers:
        with pytest.raises(ConnectionError):
            await caller
    again = await _asked(directory)
    await world.answer()
    assert (await again).version == 1


async def test_a_failed_refresh_does_not_shorten_a_lease() -> None:
    world, directory = await _leased()
    world.now += 0.3
    await directory.current()
    await settle()
    world.queries[1].answer.set_exception(ConnectionError("no directory"))
    await settle()
    assert (await directory.current()).version == 0


async def test_current_never_falls_back_to_an_ended_lease() -> None:
    world, directory = await _leased()
    world.now += 1
    caller = await _asked(directory)
    world.queries[1].answer.set_exception(ConnectionError("no directory"))
    with pytest.raises(ConnectionError):
        await caller


async def test_latest_falls_back_to_the_last_known() -> None:
    world, directory = await _leased()
    world.now += 1000
    caller = asyncio.create_task(directory.latest())
    await settle()
    world.queries[1].answer.set_exception(ConnectionError("no directory"))
    assert (await caller).version == 0


async def test_latest_has_nothing_to_fall_back_to_at_first() -> None:
    world = World()
    caller = asyncio.create_task(LeasedDirectory(world.fetch, world.clock).latest())
    await settle()
    world.queries[0].answer.set_exception(ConnectionError("no directory"))
    with pytest.raises(ConnectionError):
        await caller


async def test_a_cancelled_caller_does_not_cancel_the_query_of_the_others() -> None:
    world = World()
    directory = LeasedDirectory(world.fetch, world.clock)
    gone, stays = await _asked(directory), await _asked(directory)
    gone.cancel()
    await settle()
    await world.answer()
    assert (await stays).version == 0


Step = tuple[str, float]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.sampled_from([0.01, 0.1, 0.24, 0.26, 0.3, 0.5, 0.6, 3.0])),
        st.tuples(st.just("call"), st.just(0.0)),
        st.tuples(st.just("answer"), st.just(0.0)),
        st.tuples(st.just("fail"), st.just(0.0)),
    ),
    max_size=40,
)


@given(STEPS)
def test_no_snapshot_is_handed_out_that_is_older_than_a_lease_and_than_the_call(steps: list[Step]) -> None:
    asyncio.run(_play(steps))


async def _play(steps: list[Step]) -> None:
    world, callers = World(), deque["asyncio.Task[None]"]()
    directory = LeasedDirectory(world.fetch, world.clock)

    async def call() -> None:
        called = world.now
        try:
            version = (await directory.current()).version
        except ConnectionError:
            return
        began = world.queries[version].began
        assert began >= called or world.now - began <= LEASE_SECONDS

    for kind, seconds in steps:
        world.now += seconds
        if kind == "call":
            callers.append(asyncio.create_task(call()))
        for query in world.under_way:
            if kind == "answer":
                query.answer.set_result(Snapshot(version=world.queries.index(query), subscribers={}))
            elif kind == "fail":
                query.answer.set_exception(ConnectionError("no directory"))
        await settle()
        assert len(world.under_way) <= 1, "one query at a time"
    while not all(caller.done() for caller in callers):
        for query in world.under_way:
            query.answer.set_result(Snapshot(version=world.queries.index(query), subscribers={}))
        await settle()
    await asyncio.gather(*callers)


async def test_what_was_matched_is_remembered_for_one_snapshot_only() -> None:
    leased = LeasedDirectory(World().fetch)
    before = Directory(version=1, subscribers={"a": make_subscriber(name="a", types=("im.**",))})
    after = Directory(version=2, subscribers={"b": make_subscriber(name="b", types=("im.**",))})
    for directory, names in ((before, ["a"]), (before, ["a"]), (after, ["b"]), (before, ["a"])):
        matching = leased.matching(directory, "im.incident.declared.v1", None)
        assert [subscriber.name for subscriber in matching] == names
    assert leased.matching(after, "im.incident.declared.v1", only=["a"]) == []
