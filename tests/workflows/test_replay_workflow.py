"""ReplayWorkflow where time is skipped: its rate, its end, cancelling, and going on in a new run."""

import dataclasses
import itertools
import uuid
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from temporalio.client import WorkflowHandle
from temporalio.testing import ActivityEnvironment, WorkflowEnvironment

from activities.directory import LeasedDirectory
from activities.replays import ReplayActivities
from domain.directory import Snapshot
from domain.errors import InvalidRequestError
from domain.pauses import Pause
from domain.replays import (
    Cursor,
    PageRequest,
    Portion,
    Recent,
    Replayed,
    ReplayPage,
    ReplayState,
    Selection,
    Sent,
    Stage,
    Survey,
)
from domain.subscribers import Subscriber
from tests.support.builders import make_subscriber
from tests.support.eventually import eventually
from tests.support.workers import Worker
from workflows.replay import ReplayWorkflow

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


@dataclass
class Kept:
    """What is retained: so many events, found by pages; and what was sent of it."""

    count: int
    page_size: int = 1
    sent: list[str] = field(default_factory=list)
    on_send: Callable[[], None] = lambda: None
    subscriber: Subscriber | None = field(default_factory=make_subscriber)

    async def survey(self, _selection: Selection, _to: Subscriber, tell: Callable[[], None]) -> Survey:
        tell()
        return Survey(matched=self.count)

    async def page(self, request: PageRequest, _to: Subscriber) -> ReplayPage:
        begin = round((request.cursor.at - AT).total_seconds()) if request.cursor else 0
        end = min(self.count, begin + self.page_size)
        more = Cursor(at=AT + timedelta(seconds=end)) if end < self.count else None
        return ReplayPage(found=[_replayed(number) for number in range(begin, end)], cursor=more)

    async def send(
        self, _replay: str, event: Replayed, _to: str, _recent: Sequence[Recent]
    ) -> tuple[Sent, Recent | None]:
        self.on_send()
        if event.event_id in self.sent:
            return Sent.REPEATED, None
        self.sent.append(event.event_id)
        return Sent.SENT, None

    async def snapshot(self, _known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={self.subscriber.name: self.subscriber} if self.subscriber else {})


def _replayed(number: int) -> Replayed:
    return Replayed(event_id=f"evt_{number}", source="/s", type="a.b", at=AT, workflow_id=f"event/{number}", run_id="r")


@asynccontextmanager
async def replaying(
    environment: WorkflowEnvironment, kept: Kept, rate: str, *, publishing: bool = True
) -> AsyncIterator[WorkflowHandle[ReplayWorkflow, ReplayState]]:
    queue = f"replays-{uuid.uuid4()}"
    activities = ReplayActivities(
        LeasedDirectory(kept.snapshot, itertools.count().__next__), kept, publishing=publishing
    )
    selection = Selection(to="my-webhook", until=AT + timedelta(days=1))
    async with Worker(
        environment.client,
        task_queue=queue,
        workflows=[ReplayWorkflow],
        activities=[activities.survey, activities.page, activities.send],
    ):
        state = ReplayState(id="rpl_0123456789ab", selection=selection, rate=rate, started_at=AT)
        yield await environment.client.start_workflow(
            ReplayWorkflow.run, state, id=f"replays/{uuid.uuid4()}", task_queue=queue
        )


async def took(handle: WorkflowHandle[ReplayWorkflow, ReplayState]) -> timedelta:
    described = await handle.describe()
    assert described.close_time is not None
    return described.close_time - described.start_time


async def test_a_portion_begun_again_counts_an_event_once_that_it_has_twice() -> None:
    kept, environment = Kept(1, sent=["evt_1"]), ActivityEnvironment()
    environment.info = dataclasses.replace(environment.info, attempt=2)
    replays = ReplayActivities(LeasedDirectory(kept.snapshot, itertools.count().__next__), kept, publishing=True)
    twice = Portion(replay="rpl_1", to="a", events=[_replayed(1), _replayed(1)], interval=0.001)
    done = await environment.run(replays.send, twice)
    assert (done.sent, done.repeated) == (1, 1)


async def test_a_slow_rate_takes_its_time(skipping: WorkflowEnvironment) -> None:
    kept = Kept(31, page_size=10)
    async with replaying(skipping, kept, "6/m") as handle:
        result = await handle.result()
        assert (result.stage, result.sent, result.matched) == (Stage.DONE, 31, 31)
        assert kept.sent == [f"evt_{number}" for number in range(31)]
        assert timedelta(seconds=299) < await took(handle) < timedelta(seconds=360)


async def test_it_stops_when_it_is_cancelled(skipping: WorkflowEnvironment) -> None:
    kept = Kept(1000, page_size=100)
    async with replaying(skipping, kept, "10/s") as handle:
        await eventually(lambda: len(kept.sent) >= 20, 30)
        await handle.signal(ReplayWorkflow.cancel)
        result = await handle.result()
        assert result.stage is Stage.CANCELLED
        assert result.sent == len(kept.sent) < 1000


async def test_a_long_one_goes_on_in_a_new_run(skipping: WorkflowEnvironment) -> None:
    kept = Kept(320)
    async with replaying(skipping, kept, "1000/s") as handle:
        result = await handle.result()
        assert result.sent == 320
        assert kept.sent == [f"evt_{number}" for number in range(320)]
        runs = skipping.client.get_workflow_handle(handle.id)
        assert (await runs.describe()).run_id != handle.first_execution_run_id


async def test_a_worker_that_dies_with_a_portion_in_hand_goes_on_where_it_was(skipping: WorkflowEnvironment) -> None:
    kept = Kept(10, page_size=10)
    failures = iter([False, False, False, True])

    def fail() -> None:
        if next(failures, False):
            raise ConnectionError("killed")

    kept.on_send = fail
    async with replaying(skipping, kept, "1000/s") as handle:
        result = await handle.result()
        assert result.sent == 10
        assert kept.sent == [f"evt_{number}" for number in range(10)]


async def test_a_subscriber_that_goes_stops_it_and_one_that_is_paused_holds_it(skipping: WorkflowEnvironment) -> None:
    kept = Kept(40, page_size=20)
    known = kept.subscriber

    def pause() -> None:
        if len(kept.sent) == 19:
            kept.subscriber = make_subscriber(paused=Pause(at=AT, reason="by hand"))

    kept.on_send = pause
    async with replaying(skipping, kept, "1000/s") as handle:

        async def holds() -> bool:
            return "paused" in ((await handle.query(ReplayWorkflow.replay)).reason or "")

        await eventually(holds, 30)
        assert len(kept.sent) == 20
        kept.subscriber = known
        result = await handle.result()
        assert (result.stage, result.sent) == (Stage.DONE, 40)
    kept = Kept(40, page_size=20)

    def remove() -> None:
        kept.subscriber = None

    kept.on_send = remove
    async with replaying(skipping, kept, "1000/s") as handle:
        result = await handle.result()
        assert (result.stage, result.sent) == (Stage.STOPPED, 20)
        assert "removed" in (result.reason or "")


async def test_nothing_is_sent_where_publishing_is_off(skipping: WorkflowEnvironment) -> None:
    kept = Kept(5)
    async with replaying(skipping, kept, "10/s", publishing=False) as handle:
        result = await handle.result()
        assert (result.stage, kept.sent) == (Stage.STOPPED, [])
        assert "publishing is off" in (result.reason or "")


async def test_what_no_retry_mends_ends_it_and_says_why(skipping: WorkflowEnvironment) -> None:
    class Unfindable(Kept):
        async def survey(self, _selection: Selection, _to: Subscriber, tell: Callable[[], None]) -> Survey:
            raise InvalidRequestError(reason="it cannot be looked for")

    async with replaying(skipping, Unfindable(1), "10/s") as handle:
        result = await handle.result()
        assert (result.stage, result.reason) == (Stage.STOPPED, "it cannot be looked for")
    kept = Kept(10, page_size=10)

    def refuse() -> None:
        if len(kept.sent) == 3:
            raise InvalidRequestError(reason="too much")

    kept.on_send = refuse
    async with replaying(skipping, kept, "1000/s") as handle:
        result = await handle.result()
        assert (result.stage, result.sent) == (Stage.STOPPED, 3)
        assert result.reason == "evt_3 cannot be sent: too much"
