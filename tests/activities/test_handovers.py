"""What a burst hands over: each event is started with its deliveries, and again by whoever tries again."""

import time
from dataclasses import replace
from datetime import datetime

import pytest
from temporalio.testing import ActivityEnvironment

from activities.handovers import MAKE_WAY_SECONDS, HandOverActivities, Pressed, never_pressed
from domain.events import CloudEvent
from domain.handovers import HandOver, Rest
from domain.outcomes import Delivery
from domain.tasks import EventInput, Pending
from tests.support.builders import NOW, make_event


class Temporal:
    """Has what a burst was started with, and starts workflows."""

    def __init__(self) -> None:
        self.begun: list[tuple[str, list[str], list[str], str, datetime | None]] = []
        self.refused: set[str] = set()

    async def load(self, workflow_id: str, run_id: str) -> EventInput:
        assert (workflow_id, run_id) == ("events/burst", "run-1")
        return EventInput(events=[make_event(id=f"evt_{place}") for place in range(5)])

    async def begin(self, event: CloudEvent, request: EventInput, run_id: str, accepted_at: datetime | None) -> None:
        if event.id in self.refused:
            raise ConnectionError("Temporal is away")
        assert request.events == [event]
        subscribers = [each.delivery.subscriber for each in request.resume or []]
        self.begun.append((event.id, subscribers, request.watchers, run_id, accepted_at))


async def handed_over(temporal: Temporal, *places: int, pressed: Pressed = never_pressed) -> int:
    """Hand events over; how often Temporal heard of it."""
    environment, heard = ActivityEnvironment(), list[object]()
    environment.info = replace(environment.info, workflow_id="events/burst", workflow_run_id="run-1")
    environment.on_heartbeat = lambda *_: heard.append(None)
    rests = [Rest(place=place, deliveries=[Pending(delivery=Delivery(subscriber=f"s-{place}"))]) for place in places]
    activities = HandOverActivities(temporal.load, temporal.begin, pressed)
    await environment.run(activities.hand_over, HandOver(rests=rests, watchers=["watcher"], accepted_at=NOW))
    return len(heard)


async def test_each_event_goes_on_with_its_own_deliveries_and_the_time_it_was_accepted_at() -> None:
    temporal = Temporal()
    assert await handed_over(temporal, 1, 3) == 2
    assert temporal.begun == [
        ("evt_1", ["s-1"], ["watcher"], "run-1", NOW),
        ("evt_3", ["s-3"], ["watcher"], "run-1", NOW),
    ]


async def test_a_start_that_fails_is_for_temporal_to_try_again() -> None:
    temporal = Temporal()
    temporal.refused = {"evt_3"}
    with pytest.raises(ConnectionError):
        await handed_over(temporal, 1, 3)
    temporal.refused = set()
    await handed_over(temporal, 1, 3)
    assert {event_id for event_id, *_ in temporal.begun} == {"evt_1", "evt_3"}


async def test_a_burst_that_is_accepted_goes_first() -> None:
    temporal, pressed = Temporal(), [True] * 5
    await handed_over(temporal, 1, 3, pressed=lambda: bool(pressed and pressed.pop()))
    assert (len(temporal.begun), pressed) == (2, [])


async def test_an_endless_burst_slows_what_goes_on_and_does_not_stop_it() -> None:
    temporal, began = Temporal(), time.monotonic()
    assert await handed_over(temporal, 1, 3, pressed=lambda: True) == 2
    assert time.monotonic() - began >= 2 * MAKE_WAY_SECONDS
