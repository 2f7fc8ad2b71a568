"""Lining up: behind the event before, and in every lane that is asked for."""

import asyncio

from temporalio.testing import ActivityEnvironment

from activities.lanes import LaneActivities
from domain.tasks import LineUpRequest, Ticket
from tests.support.eventually import eventually


class Lanes:
    """Notes who enters; the event before has its places when told so."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, str]] = []
        self.asked: list[str] = []
        self.ready = True

    async def enter(self, subject: str, ticket: Ticket) -> bool:
        self.entered.append((subject, ticket.subscriber))
        return len(self.entered) == 1

    async def lined_up(self, workflow_id: str) -> bool:
        self.asked.append(workflow_id)
        return self.ready


async def test_a_place_is_taken_in_each_lane_and_the_turns_come_in_their_order() -> None:
    lanes = Lanes()
    activities = LaneActivities(lanes.enter, lanes.lined_up)
    request = LineUpRequest(subject="INC-7", subscribers=["a", "b"])
    assert (await ActivityEnvironment().run(activities.line_up, request)).turns == [True, False]
    assert lanes.entered == [("INC-7", "a"), ("INC-7", "b")]
    assert lanes.asked == []


async def test_no_place_is_taken_before_the_earlier_event_has_taken_its_own() -> None:
    lanes = Lanes()
    lanes.ready = False
    activities = LaneActivities(lanes.enter, lanes.lined_up)
    request = LineUpRequest(subject="INC-7", subscribers=["a"], after="event/1@abc")
    lining_up = asyncio.create_task(ActivityEnvironment().run(activities.line_up, request))
    await eventually(lambda: len(lanes.asked) >= 3)
    assert lanes.entered == []
    lanes.ready = True
    await lining_up
    assert lanes.entered == [("INC-7", "a")]
    assert set(lanes.asked) == {"event/1@abc"}
