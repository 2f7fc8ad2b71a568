"""What a drain may release while the subscriber of that name is paused."""

from datetime import datetime, timedelta

from temporalio.testing import ActivityEnvironment

from activities.directory import LeasedDirectory
from activities.drains import DrainActivities
from domain.directory import Snapshot
from domain.drains import DrainOrder, FoundWaiting, Release, ReleasedMany, ReleaseMany, Waiting
from domain.pauses import Pause
from domain.subscribers import Subscriber
from tests.support.builders import NOW, make_subscriber

SECOND = timedelta(seconds=1)


async def begin(_order: DrainOrder) -> None:
    """No drain is begun here."""


async def find(_subscriber: str) -> FoundWaiting:
    return FoundWaiting()


async def release(_release: Release, workflow_ids: list[str]) -> list[str]:
    return workflow_ids


async def released(subscriber: Subscriber, **emitted_at: datetime) -> ReleasedMany:
    async def snapshot(_known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={subscriber.name: subscriber})

    activities = DrainActivities(LeasedDirectory(snapshot), begin, find, release)
    request = ReleaseMany(
        release=Release(subscriber=subscriber.name),
        waiting=[Waiting(workflow_id=name, emitted_at=at) for name, at in emitted_at.items()],
    )
    return await ActivityEnvironment().run(activities.release_waiting, request)


async def test_nothing_is_released_to_a_paused_subscriber() -> None:
    paused = make_subscriber(paused=Pause(at=NOW, reason="by hand"))
    assert await released(paused, after=paused.created_at + SECOND) == ReleasedMany(paused=True)


async def test_a_paused_subscriber_does_not_hold_up_what_waits_for_a_removed_one_of_its_name() -> None:
    paused = make_subscriber(paused=Pause(at=NOW, reason="by hand"))
    told = await released(paused, before=paused.created_at - SECOND, after=paused.created_at + SECOND)
    assert told == ReleasedMany(paused=True, workflow_ids=["before"])


async def test_without_a_pause_all_is_released() -> None:
    subscriber = make_subscriber()
    told = await released(subscriber, before=subscriber.created_at - SECOND, after=subscriber.created_at + SECOND)
    assert told == ReleasedMany(workflow_ids=["before", "after"])
