"""Lining up: in every lane that is asked for, behind the event before, without waiting for it."""

import asyncio

from temporalio.testing import ActivityEnvironment

from activities.lanes import LaneActivities
from domain.lanes import EarlierEvents, HoldRequest, LineUpRequest, Place, Ticket


class Lanes:
    """Notes who enters; the event before has no places yet."""

    def __init__(self) -> None:
        self.entered: list[tuple[str, str, list[str]]] = []

    async def enter(self, subject: str, ticket: Ticket) -> None:
        self.entered.append((subject, ticket.subscriber, ticket.behind))

    async def lined_up(self, earlier: EarlierEvents) -> bool:
        return set(earlier.workflow_ids) == {"event/lined-up"}


async def test_a_place_is_taken_in_each_lane_at_once() -> None:
    lanes = Lanes()
    activities = LaneActivities(lanes.enter, lanes.lined_up)
    request = LineUpRequest(subject="INC-7", subscribers=["a", "b"], behind=["event/not-yet"])
    await ActivityEnvironment().run(activities.line_up, request)
    assert lanes.entered == [("INC-7", "a", ["event/not-yet"]), ("INC-7", "b", ["event/not-yet"])]


async def test_places_of_events_that_have_yet_to_begin_are_taken_in_their_order() -> None:
    lanes, took = Lanes(), list[tuple[str, Ticket]]()

    async def enter(subject: str, ticket: Ticket) -> None:
        await asyncio.sleep(0.01 if ticket.workflow_id == "event/1" else 0)  # nobody overtakes who is slow
        took.append((subject, ticket))

    places = [
        Place(subject=subject, subscriber="a", workflow_id=f"event/{number}")
        for number, subject in enumerate(["INC-8", "INC-7", "INC-7", "INC-7"])
    ]
    activities = LaneActivities(enter, lanes.lined_up)
    await ActivityEnvironment().run(activities.hold_places, HoldRequest(places=places))
    shared = ActivityEnvironment.default_info().workflow_id
    assert [ticket.workflow_id for subject, ticket in took if subject == "INC-7"] == ["event/1", "event/2", "event/3"]
    assert {ticket.begun_by for _, ticket in took} == {shared}
    assert len(took) == 4


async def test_whether_an_earlier_event_has_its_places_is_answered_at_once() -> None:
    lanes = Lanes()
    activities = LaneActivities(lanes.enter, lanes.lined_up)
    for workflow_id, expected in (("event/lined-up", True), ("event/not-yet", False)):
        assert (
            await ActivityEnvironment().run(
                activities.lined_up, EarlierEvents(workflow_ids=["event/lined-up", workflow_id])
            )
            is expected
        )
