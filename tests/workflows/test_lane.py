"""LaneWorkflow: turns behind the event before, one at a time, and nobody waits for one that is gone."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from temporalio import workflow
from temporalio.client import WorkflowHandle
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.testing import WorkflowEnvironment
from temporalio.worker import UnsandboxedWorkflowRunner

from activities.lanes import LaneActivities
from domain.lanes import EarlierEvents, Ticket
from service.lanes import Lanes
from tests.support.eventually import eventually
from tests.support.workers import Worker
from workflows import names, policies
from workflows.lane import LaneWorkflow


@workflow.defn(name="Waiter")
class Waiter:
    """Stands for an event's workflow: notes that it has its turn, and ends when told."""

    def __init__(self) -> None:
        self._turns = 0
        self._ended = False

    @workflow.run
    async def run(self) -> None:
        await workflow.wait_condition(lambda: self._ended)

    @workflow.signal(name="turn")
    def turn(self, _ticket: Ticket) -> None:
        self._turns += 1

    @workflow.signal(name="end")
    def end(self) -> None:
        self._ended = True

    @workflow.query(name="turns")
    def turns(self) -> int:
        return self._turns


@dataclass
class World:
    """A lane, and workflows that wait in it."""

    environment: WorkflowEnvironment
    lanes: Lanes
    subject: str
    lined_up: set[str]

    async def waiter(self) -> WorkflowHandle[Waiter, None]:
        return await self.environment.client.start_workflow(
            Waiter.run, id=f"waiter-{uuid.uuid4()}", task_queue=names.CONTROL_QUEUE
        )

    async def enter(self, waiter: WorkflowHandle[Waiter, None], *behind: WorkflowHandle[Waiter, None]) -> None:
        ticket = self.ticket(waiter).model_copy(update={"behind": [each.id for each in behind]})
        try:
            await self.lanes.enter(self.subject, ticket)
        except (
            WorkflowAlreadyStartedError
        ):  # by another at the same moment: so the test server says, an activity goes on
            await self.lanes.enter(self.subject, ticket)

    async def hold(
        self, waiter: WorkflowHandle[Waiter, None], by: str = "events/shared", behind: Sequence[str] = ()
    ) -> None:
        """As the workflow does that has yet to begin it."""
        await self.lanes.enter(
            self.subject, self.ticket(waiter).model_copy(update={"begun_by": by, "behind": list(behind)})
        )

    async def has_turn(self, waiter: WorkflowHandle[Waiter, None]) -> None:
        await eventually(lambda: waiter.query(Waiter.turns), 20)

    async def leave(self, waiter: WorkflowHandle[Waiter, None]) -> None:
        await self.lane.signal(LaneWorkflow.leave, self.ticket(waiter))

    @staticmethod
    def ticket(waiter: WorkflowHandle[Waiter, None]) -> Ticket:
        return Ticket(workflow_id=waiter.id, subscriber="oncall")

    @property
    def lane(self) -> WorkflowHandle[LaneWorkflow, None]:
        return self.environment.client.get_workflow_handle_for(
            LaneWorkflow.run, names.lane_workflow_id("oncall", self.subject)
        )


@asynccontextmanager
async def world(environment: WorkflowEnvironment) -> AsyncIterator[World]:
    here = World(environment, Lanes(environment.client), f"INC-{uuid.uuid4().hex}", set())

    async def lined_up(earlier: EarlierEvents) -> bool:
        return here.lined_up.issuperset(earlier.workflow_ids)

    async with Worker(
        environment.client,
        task_queue=names.CONTROL_QUEUE,
        workflows=[LaneWorkflow, Waiter],
        activities=[LaneActivities(here.lanes.enter, lined_up).lined_up],
        workflow_runner=UnsandboxedWorkflowRunner(),  # as in production, and so that a test can shorten a wait
    ):
        yield here


async def test_turns_are_given_in_the_order_of_places(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        waiters = [await here.waiter() for _ in range(3)]
        for waiter in waiters:
            await here.enter(waiter)
        for waiter, following in zip(waiters, [*waiters[1:], None], strict=True):
            await here.has_turn(waiter)
            assert following is None or await following.query(Waiter.turns) == 0
            await here.leave(waiter)


async def test_one_that_overtook_the_event_before_waits_for_it(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        first, second = await here.waiter(), await here.waiter()
        await here.enter(second, first)
        await asyncio.sleep(0.3)  # it asks meanwhile, and is told that the first has no place yet
        assert await second.query(Waiter.turns) == 0
        await here.enter(first)
        await here.has_turn(first)
        assert await second.query(Waiter.turns) == 0
        await here.leave(first)
        await here.has_turn(second)


async def test_one_whose_event_before_takes_no_place_here_goes_on(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        elsewhere, waiting = await here.waiter(), await here.waiter()
        await here.enter(waiting, elsewhere)
        here.lined_up.add(elsewhere.id)
        await here.has_turn(waiting)


async def test_a_backlog_that_arrives_in_any_order_has_its_turns_in_the_right_one(
    skipping: WorkflowEnvironment,
) -> None:
    async with world(skipping) as here:
        waiters = [await here.waiter() for _ in range(30)]
        before = {waiter.id: waiters[max(0, place - 10) : place] for place, waiter in enumerate(waiters)}
        unwanted = waiters.pop(10)  # no place is taken for it
        here.lined_up.add(unwanted.id)
        shuffled = sorted(waiters, key=lambda waiter: waiter.id)  # ids are random
        await asyncio.gather(*(here.enter(waiter, *before[waiter.id]) for waiter in shuffled))
        for waiter, following in zip(waiters, [*waiters[1:], None], strict=True):
            await here.has_turn(waiter)
            assert following is None or await following.query(Waiter.turns) == 0
            await here.leave(waiter)


async def test_a_place_is_taken_once_however_often_it_is_asked_for(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        first, second = await here.waiter(), await here.waiter()
        for waiter in (first, second, first):
            await here.enter(waiter)
        assert len(await here.lane.query(LaneWorkflow.line)) == 2


async def test_one_that_leaves_before_its_turn_is_passed_over(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        waiters = [await here.waiter() for _ in range(3)]
        for waiter in waiters:
            await here.enter(waiter)
        await here.leave(waiters[1])
        await here.leave(waiters[0])
        await eventually(lambda: waiters[2].query(Waiter.turns))
        assert await waiters[1].query(Waiter.turns) == 0


async def test_nobody_waits_for_a_workflow_that_was_terminated(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "LANE_CHECK", policies.LANE_CHECK / 60)
    async with world(skipping) as here:
        gone, waiting = await here.waiter(), await here.waiter()
        await here.enter(gone)
        await here.enter(waiting)
        await gone.terminate()
        await asyncio.sleep(0)
        await eventually(lambda: waiting.query(Waiter.turns), 20)


async def test_who_has_yet_to_begin_has_its_turn_before_those_who_came_later(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        first, second, later = [await here.waiter() for _ in range(3)]
        for waiter in (first, second):
            await here.hold(waiter)
        await here.enter(later)
        await here.enter(second)  # it begins before the first does
        assert [ticket.workflow_id for ticket in await here.lane.query(LaneWorkflow.line)] == [
            first.id,
            second.id,
            later.id,
        ]
        assert [await waiter.query(Waiter.turns) for waiter in (first, second, later)] == [0, 0, 0]
        await here.enter(first)
        for waiter in (first, second, later):
            await here.has_turn(waiter)
            await here.leave(waiter)


async def test_the_parts_of_a_batch_have_their_turns_in_its_order_however_they_arrive(
    skipping: WorkflowEnvironment,
) -> None:
    async with world(skipping) as here:
        first, second, third, fourth, single = [await here.waiter() for _ in range(5)]
        for waiter in (third, fourth):
            await here.hold(waiter, "events/2", ["events/1"])
        ticket = here.ticket(single).model_copy(update={"behind": ["events/1", "events/2"]})
        await here.lanes.enter(here.subject, ticket)
        await here.enter(third)
        await asyncio.sleep(0.3)  # it asks whether those before it have their places, and they have not
        assert await third.query(Waiter.turns) == 0
        for waiter in (first, second):
            await here.hold(waiter, "events/1")
        for waiter in (fourth, second, first):
            await here.enter(waiter)
        for waiter in (first, second, third, fourth):
            await here.has_turn(waiter)
            here.lined_up |= {"events/1"}
            assert [await each.query(Waiter.turns) for each in (third, fourth, single) if each is not waiter][-1] == 0
            await here.leave(waiter)
        here.lined_up |= {"events/2"}
        await here.has_turn(single)


async def test_who_never_begins_holds_up_nobody(skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(policies, "LANE_CHECK", policies.LANE_CHECK / 60)
    async with world(skipping) as here:
        gone, slow, later = [await here.waiter() for _ in range(3)]
        for waiter in (gone, slow):
            await here.hold(waiter)
        await here.enter(later)
        here.lined_up |= {gone.id, "events/shared"}
        await eventually(lambda: is_first(here, slow), 20)
        await asyncio.sleep(1.5)  # it asks again, and is told that this one may yet begin
        assert await later.query(Waiter.turns) == 0
        await here.enter(slow)
        await here.has_turn(slow)
        await here.leave(slow)
        await here.has_turn(later)


async def test_a_workflow_that_ended_with_many_places_costs_its_lane_one_wait(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "LANE_CHECK", policies.LANE_CHECK / 20)
    async with world(skipping) as here:
        *gone, later = [await here.waiter() for _ in range(12)]
        for waiter in gone:
            await here.hold(waiter)
        here.lined_up |= {waiter.id for waiter in gone} | {"events/shared"}
        await here.enter(later)
        began = time.monotonic()
        await here.has_turn(later)
        assert time.monotonic() - began < 4 * policies.LANE_CHECK.total_seconds()


async def is_first(here: World, waiter: WorkflowHandle[Waiter, None]) -> bool:
    return (await here.lane.query(LaneWorkflow.line))[0].workflow_id == waiter.id


async def test_who_has_left_is_not_waited_for_where_its_place_is_taken_late(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        first, second = await here.waiter(), await here.waiter()
        await here.enter(first)
        await here.has_turn(first)
        await here.leave(first)
        await here.hold(first)
        await here.enter(second)
        await here.has_turn(second)


async def test_an_empty_lane_ends_and_begins_again_when_needed(
    skipping: WorkflowEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(policies, "LANE_CHECK", policies.LANE_CHECK / 60)
    async with world(skipping) as here:
        first = await here.waiter()
        await here.enter(first)
        await here.leave(first)
        await here.lane.result()
        second = await here.waiter()
        await here.enter(second)
        await here.has_turn(second)


async def test_an_event_that_is_gone_or_unknown_holds_up_nobody(skipping: WorkflowEnvironment) -> None:
    async with world(skipping) as here:
        assert await here.lanes.lined_up(EarlierEvents(workflow_ids=["event/never-heard-of"]))
        waiter = await here.waiter()
        await waiter.signal(Waiter.end)
        await waiter.result()
        assert await here.lanes.lined_up(EarlierEvents(workflow_ids=[waiter.id]))
