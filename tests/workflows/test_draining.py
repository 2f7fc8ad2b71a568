"""DrainWorkflow where time is skipped: a pause ends it, a resume has it go on, and the latest order counts."""

import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial

from temporalio import activity
from temporalio.client import Client, WorkflowHandle
from temporalio.testing import WorkflowEnvironment

from domain.directory import Directory
from domain.drains import (
    Became,
    DrainOrder,
    DrainProgress,
    DrainState,
    FindWaiting,
    FoundWaiting,
    ReleasedMany,
    ReleaseMany,
    Told,
    Waiting,
)
from domain.pauses import Pause, ResumeRequest
from tests.support.builders import NOW, make_subscriber
from tests.support.eventually import eventually
from tests.support.workers import Worker
from workflows import policies
from workflows.directory import DirectoryState, SubscriberDirectoryWorkflow
from workflows.drain import DrainWorkflow

Handle = WorkflowHandle[DrainWorkflow, DrainProgress]

SUBSCRIBER = "my-webhook"
PLAIN = DrainOrder(subscriber=SUBSCRIBER)
DROPPING = DrainOrder(subscriber=SUBSCRIBER, drop_before=NOW + timedelta(days=1))


@dataclass
class Held:
    """Deliveries that wait, and a subscriber that may be paused; each release ends what is released.

    Args:
        count: how many wait.
        sees_paused: what the directory says to each release in turn; not paused any more after those.
        on_release: what happens while a release is under way, given which it is, from 1.
        on_find: likewise while it is looked for what waits.
        in_trouble: the workflows whose request fails and is retried; those of ``in_line`` have yet to get their turn,
            and those of ``silent`` say nothing.
        comes_with: the look with which those begin to wait that a shared workflow has yet to hand over; None for none.
    """

    count: int
    sees_paused: Iterator[bool] = field(default_factory=lambda: iter(()))
    on_release: Callable[[int], Awaitable[None]] | None = None
    on_find: Callable[[int], Awaitable[None]] | None = None
    in_trouble: frozenset[str] = frozenset()
    in_line: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    comes_with: int | None = None
    drain: Handle | None = None
    released: list[tuple[str, bool]] = field(default_factory=list)
    asked: int = 0
    looked: int = 0

    @activity.defn(name="find_waiting")
    async def find_waiting(self, _request: FindWaiting) -> FoundWaiting:
        self.looked += 1
        if self.on_find:
            await self.on_find(self.looked)
        if self.comes_with and self.looked < self.comes_with:
            return FoundWaiting(count=1, coming=True)
        gone = {workflow_id for workflow_id, _ in self.released}
        left = [each for each in (f"event/{number}" for number in range(self.count)) if each not in gone]
        return FoundWaiting(oldest=[Waiting(workflow_id=each, emitted_at=NOW) for each in left], count=len(left))

    @activity.defn(name="release_waiting")
    async def release_waiting(self, request: ReleaseMany) -> ReleasedMany:
        self.asked += 1
        if self.on_release:
            await self.on_release(self.asked)
        if next(self.sees_paused, False):
            return ReleasedMany(paused=True)
        assert self.drain
        workflow_ids = [each.workflow_id for each in request.waiting]
        for each in workflow_ids:
            self.released.append((each, request.release.drop))
            if each in self.in_line:
                await self.drain.signal(DrainWorkflow.in_line, each)
            elif each not in self.silent:
                told = Told(workflow_id=each, became=self._became(each, request), retried=each in self.in_trouble)
                await self.drain.signal(DrainWorkflow.told, told)
        return ReleasedMany(workflow_ids=workflow_ids)

    def _became(self, workflow_id: str, request: ReleaseMany) -> Became:
        if request.release.drop:
            return Became.DROPPED
        return Became.FAILED if workflow_id in self.in_trouble else Became.DELIVERED

    async def begin(self, order: DrainOrder = PLAIN) -> None:
        """What the directory has done when a pause ends during the drain."""
        assert self.drain
        await self.drain.signal(DrainWorkflow.begin, order)


@asynccontextmanager
async def draining(client: Client, held: Held, order: DrainOrder = PLAIN) -> AsyncIterator[Handle]:
    queue = f"drains-{uuid.uuid4()}"
    state, drain_id = DrainState(order=order), f"drain/{uuid.uuid4()}"
    does = held.find_waiting, held.release_waiting
    async with Worker(client, task_queue=queue, workflows=[DrainWorkflow], activities=does):
        held.drain = await client.start_workflow(DrainWorkflow.run, state, id=drain_id, task_queue=queue)
        yield held.drain


async def test_it_ends_when_the_subscriber_is_paused_again(skipping: WorkflowEnvironment) -> None:
    held = Held(3, sees_paused=iter([False, True]))
    async with draining(skipping.client, held) as drain:
        await drain.result()
    assert held.released == [("event/0", False)]


async def test_what_is_not_its_turn_yet_is_not_waited_for(skipping: WorkflowEnvironment) -> None:
    held = Held(40, in_line=frozenset(f"event/{number}" for number in range(39)))
    async with draining(skipping.client, held) as drain:
        progress = await drain.result()
        described = await drain.describe()
    assert (len(held.released), progress.delivered, progress.failed, progress.in_line) == (40, 1, 0, 39)
    assert progress.holds_until is None
    lingered = sum(policies.DRAIN_LINGERS, policies.DRAIN_BEGINS_AFTER)
    assert described.close_time is not None
    assert described.close_time - described.start_time < lingered + timedelta(seconds=20)


async def test_silence_is_no_failure(skipping: WorkflowEnvironment) -> None:
    held = Held(6, silent=frozenset(f"event/{number}" for number in range(5)))
    async with draining(skipping.client, held) as drain:
        progress = await drain.result()
        described = await drain.describe()
    assert (progress.delivered, progress.failed, progress.holds_until) == (1, 0, None)
    assert described.close_time is not None
    assert described.close_time - described.start_time < 6 * policies.DRAIN_SILENCE + timedelta(minutes=1)


async def test_a_resume_during_the_wait_after_failures_probes_at_once(skipping: WorkflowEnvironment) -> None:
    held = Held(12, in_trouble=frozenset(f"event/{number}" for number in range(11)))
    async with draining(skipping.client, held) as drain:
        await skipping.sleep(timedelta(seconds=140))  # after 127 s and eight failures it waits for another 128 s
        held.in_trouble, asked_at = frozenset(), await skipping.get_current_time()
        left = 12 - len(held.released)
        await held.begin()
        progress = await drain.result()
        described = await drain.describe()
    assert left > 0
    assert progress.delivered == left
    assert described.close_time is not None
    lingered = sum(policies.DRAIN_LINGERS, policies.DRAIN_BEGINS_AFTER)
    assert described.close_time - asked_at < lingered + timedelta(seconds=20)


async def test_what_is_retried_has_not_failed(skipping: WorkflowEnvironment) -> None:
    held = Held(2, in_trouble=frozenset({"event/0"}))
    async with draining(skipping.client, held) as drain:
        progress = await drain.result()
    assert (progress.delivered, progress.retried, progress.failed, progress.counted) == (1, 1, 0, True)


async def test_a_resume_during_a_release_that_found_the_pause_is_not_lost(skipping: WorkflowEnvironment) -> None:
    async def resumed(asked: int) -> None:
        if asked == 2:
            await held.begin()

    held = Held(3, sees_paused=iter([False, True]), on_release=resumed)
    async with draining(skipping.client, held) as drain:
        assert (await drain.result()).delivered == 3
    assert {workflow_id for workflow_id, _ in held.released} == {"event/0", "event/1", "event/2"}


async def test_a_pause_seen_within_a_lease_of_the_resume_is_looked_at_again(skipping: WorkflowEnvironment) -> None:
    async def resumed(asked: int) -> None:
        if asked == 1:
            await held.begin()  # the next release is asked for at once, and sees the directory as it was

    held = Held(3, sees_paused=iter([False, True]), on_release=resumed)
    async with draining(skipping.client, held) as drain:
        assert (await drain.result()).delivered == 3


async def test_a_pause_that_lasts_ends_the_drain_once_the_lease_is_over(skipping: WorkflowEnvironment) -> None:
    async def resumed(asked: int) -> None:
        if asked == 2:
            await held.begin()

    held = Held(3, sees_paused=iter([False, True, True, True]), on_release=resumed)
    async with draining(skipping.client, held) as drain:
        assert (await drain.result()).delivered == 1
    assert held.asked == 3


async def test_a_resume_during_the_last_look_has_it_look_on(skipping: WorkflowEnvironment) -> None:
    looks = len(policies.DRAIN_LINGERS) + 1

    async def resumed(looked: int) -> None:
        if looked == looks:
            await held.begin()

    held = Held(0, on_find=resumed)
    async with draining(skipping.client, held) as drain:
        await drain.result()
    assert held.looked == 2 * looks - 1


async def test_a_resume_while_it_lingers_has_it_look_at_once(skipping: WorkflowEnvironment) -> None:
    held = Held(0)
    async with draining(skipping.client, held) as drain:
        await skipping.sleep(timedelta(seconds=20))  # it waits for 15 s, to look once more
        looked, held.count, asked_at = held.looked, 1, await skipping.get_current_time()
        await held.begin()
        progress = await drain.result()
        ended = (await drain.describe()).close_time
    assert looked == len(policies.DRAIN_LINGERS)
    assert progress.delivered == 1
    assert ended is not None
    assert ended - asked_at < sum(policies.DRAIN_LINGERS, timedelta(seconds=5))


async def test_a_plain_resume_takes_back_that_the_old_are_dropped(skipping: WorkflowEnvironment) -> None:
    async def resumed(asked: int) -> None:
        if asked == 1:
            await held.begin()

    held = Held(policies.DRAIN_TOGETHER + 2, on_release=resumed)
    async with draining(skipping.client, held, DROPPING) as drain:
        progress = await drain.result()
    assert (progress.dropped, progress.delivered) == (policies.DRAIN_TOGETHER, 2)


async def test_a_resume_that_drops_counts_for_what_a_drain_has_found_already(skipping: WorkflowEnvironment) -> None:
    async def resumed(asked: int) -> None:
        if asked == 1:
            await held.begin(DROPPING)

    held = Held(3, on_release=resumed)
    async with draining(skipping.client, held) as drain:
        progress = await drain.result()
    assert (progress.delivered, progress.dropped) == (1, 2)


@asynccontextmanager
async def resuming(
    environment: WorkflowEnvironment, orders: list[DrainOrder]
) -> AsyncIterator[Callable[[ResumeRequest], Awaitable[object]]]:
    """A directory with a paused subscriber, and how to resume it; ``orders`` are those of the drains that it begins."""

    @activity.defn(name="begin_drain")
    async def begin_drain(order: DrainOrder) -> None:
        orders.append(order)

    paused = make_subscriber(name=SUBSCRIBER, paused=Pause(at=NOW, reason="by hand"))
    state = DirectoryState(directory=Directory(subscribers={paused.name: paused}))
    queue = f"directory-{uuid.uuid4()}"
    async with Worker(
        environment.client, task_queue=queue, workflows=[SubscriberDirectoryWorkflow], activities=[begin_drain]
    ):
        directory = await environment.client.start_workflow(
            SubscriberDirectoryWorkflow.run, state, id=queue, task_queue=queue
        )
        yield partial(directory.execute_update, SubscriberDirectoryWorkflow.resume_subscriber)
        await directory.terminate()


async def test_a_resume_that_drops_gives_one_order_though_it_ends_the_pause_too(skipping: WorkflowEnvironment) -> None:
    orders: list[DrainOrder] = []
    async with resuming(skipping, orders) as resume:
        await resume(ResumeRequest(name=SUBSCRIBER, drop_before=DROPPING.drop_before))
        await eventually(lambda: orders == [DROPPING])
        await resume(ResumeRequest(name=SUBSCRIBER))
        await eventually(lambda: orders == [DROPPING, PLAIN])


async def test_what_a_resume_drops_is_told_by_temporals_clock(skipping: WorkflowEnvironment) -> None:
    orders: list[DrainOrder] = []
    async with resuming(skipping, orders) as resume:
        now, hour = await skipping.get_current_time(), timedelta(hours=1)
        await resume(ResumeRequest(name=SUBSCRIBER, drop_before=now, drop_older_than=hour))  # of a clock an hour ahead
        await eventually(lambda: orders)
    assert orders[0].drop_before
    assert timedelta() <= orders[0].drop_before - (now - hour) < timedelta(seconds=30)


async def test_a_resume_after_all_was_sent_is_counted_by_itself(skipping: WorkflowEnvironment) -> None:
    first: list[DrainProgress] = []

    async def resumed(looked: int) -> None:
        if looked == 4 and held.drain:  # it found two, then nothing, and nothing again
            first.append(await held.drain.query(DrainWorkflow.progress))
            held.count = 3
            await held.begin()

    held = Held(2, on_find=resumed)
    async with draining(skipping.client, held) as drain:
        second = await drain.result()
    assert (first[0].done, first[0].delivered, second.delivered) == (True, 2, 1)
    assert second.began_at > first[0].began_at


async def test_what_a_shared_workflow_has_yet_to_hand_over_is_waited_for(skipping: WorkflowEnvironment) -> None:
    held = Held(2, comes_with=2 * len(policies.DRAIN_LINGERS))
    async with draining(skipping.client, held) as drain:
        assert (await drain.result()).delivered == 2
