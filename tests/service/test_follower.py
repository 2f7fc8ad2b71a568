"""What a listener may rely on: places to come back to, and what one look could not read."""

import asyncio
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import InvalidRequestError, TemporalUnavailableError
from domain.retention import Retention
from domain.stream_errors import TooManyOfCallerError
from service import changes, follower
from service.changes import EventChange, Known, Look, Watch, read_position
from service.follower import CATCH_UPS, MAX_OF_ONE_CALLER, Follower
from tests.support.eventually import eventually

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


def change(event_id: str, outcome: str = "delivered", **parts: object) -> EventChange:
    known = {"type": "a.b", "source": "/s", "emitted_at": AT, "workflow_id": f"event/{event_id}", "subscribers": ["a"]}
    return EventChange.model_validate(known | {"event_id": event_id, "outcome": outcome} | parts)


@pytest.mark.parametrize(
    ("watch", "wanted"),
    [
        (Watch(), True),
        (Watch(type="a.*"), True),
        (Watch(type="b.*"), False),
        (Watch(subscriber="a"), True),
        (Watch(subscriber="c"), False),
        (Watch(failed=True), True),
        (Watch(failed=True, subscriber="b"), True),
        (Watch(failed=True, subscriber="a"), False),
        (Watch(incident="INC-1"), True),
        (Watch(incident="INC-2"), False),
    ],
)
def test_a_watch_wants_what_all_its_conditions_hold_for(watch: Watch, wanted: bool) -> None:
    found = change("1", "retrying", troubled=["retrying:a", "failed:b"], subscribers=["a", "b"], incident_id="INC-1")
    assert watch.wants(found) is wanted


def test_only_what_is_another_than_before_is_news() -> None:
    known = Known()
    assert len(known.news([change("1", "retrying"), change("2")])) == 2
    assert known.news([change("1", "retrying"), change("2")]) == []
    assert [each.outcome for each in known.news([change("1", "failed")])] == ["failed"]


def test_what_no_look_shows_any_more_is_forgotten() -> None:
    known = Known()
    known.news([change("1"), change("2")])
    known.forget(Look(changes=[change("2")], seen=AT))
    assert [each.event_id for each in known.news([change("1"), change("2")])] == ["1"]


@pytest.mark.parametrize(
    "text", ["", "17", "2025-12-26T14:30:00", "0001-01-01T00:00:00+14:00", "9000-01-01T00:00:00+00:00", "x" * 1000]
)
def test_a_place_of_another_stream_is_refused(text: str) -> None:
    with pytest.raises(InvalidRequestError):
        read_position(text)


def test_a_place_is_a_time() -> None:
    assert read_position((AT + timedelta(microseconds=1)).isoformat()) == AT + timedelta(microseconds=1)


def test_the_first_moments_of_all_time_are_a_place() -> None:
    assert "1970-01-01T00:00:00" in changes._ended(read_position("0001-01-01T00:00:05+00:00"))


class Store:
    """A store where looks at the past take until ``opened``."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.looking = 0
        self.fails: Exception | None = None
        self.found = Look(changes=[], seen=AT)

    async def look(self, _: object, since: datetime) -> Look:
        if self.fails:
            raise self.fails
        if since >= AT:
            return self.found
        self.looking += 1
        await self.opened.wait()
        return Look(changes=[change("old")], seen=AT)


@pytest.fixture
def store(monkeypatch: pytest.MonkeyPatch) -> Store:
    made = Store()

    async def now_in_store(_: object) -> datetime:
        return AT

    async def read_retention(_: object) -> Retention:
        return Retention(namespace="default", retention="36500d", seconds=36500 * 86400)

    monkeypatch.setattr(follower, "look", made.look)
    monkeypatch.setattr(follower, "now_in_store", now_in_store)
    monkeypatch.setattr(follower, "read_retention", read_retention)
    return made


async def test_one_caller_leaves_places_to_the_others(store: Store) -> None:
    following = Follower(cast("Client", store))
    async with AsyncExitStack() as stack:
        for _ in range(MAX_OF_ONE_CALLER):
            await stack.enter_async_context(following.listening(Watch(), caller="greedy"))
        with pytest.raises(TooManyOfCallerError, match="'greedy' listens 20 times"):
            await stack.enter_async_context(following.listening(Watch(), caller="greedy"))
        await stack.enter_async_context(following.listening(Watch(), caller="modest"))
        for _ in range(MAX_OF_ONE_CALLER + 1):
            await stack.enter_async_context(following.listening(Watch()))


@pytest.mark.parametrize(
    "fault",
    [
        TemporalUnavailableError(address="a", namespace="n", reason="connection refused"),
        RPCError("is shutting down", RPCStatusCode.INTERNAL, b""),
    ],
    ids=["unavailable", "internal"],
)
async def test_it_says_that_temporal_is_away_and_goes_on_when_it_is_back(
    store: Store, monkeypatch: pytest.MonkeyPatch, fault: Exception
) -> None:
    monkeypatch.setattr(follower, "LOOK_EVERY_SECONDS", 0.01)
    following = Follower(cast("Client", store))
    async with following.listening(Watch()):
        assert following.away is None
        store.fails = fault
        await eventually(lambda: following.away == str(fault))
        store.fails = None
        await eventually(lambda: following.away is None)


@pytest.mark.parametrize(("first_read", "told"), [(AT + timedelta(seconds=3), "gap"), (AT, "change")])
async def test_listeners_hear_of_what_one_look_could_not_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, first_read: datetime, told: str
) -> None:
    monkeypatch.setattr(follower, "LOOK_EVERY_SECONDS", 0.01)
    following, seen = Follower(cast("Client", store)), AT + timedelta(seconds=5)
    async with following.listening(Watch()) as listener:
        store.found = Look(changes=[change("1", ended_at=first_read)], seen=seen, whole=False)
        first = await listener.next()
        assert first is not None
        assert first.kind == told
        assert (first.reason is None) or f"ended before {first_read.isoformat()}" in first.reason


async def test_nobody_waits_for_those_who_come_back_and_few_of_them_look_at_once(store: Store) -> None:
    following, since = Follower(cast("Client", store)), (AT - timedelta(hours=1)).isoformat()
    told: list[str] = []

    async def come_back() -> None:
        async with following.listening(Watch(), since) as listener:
            first = await listener.next()
            told.append(first.change.event_id if first and first.change else "nothing")

    returning = [asyncio.create_task(come_back()) for _ in range(CATCH_UPS + 6)]
    try:
        await eventually(lambda: store.looking == CATCH_UPS)
        async with asyncio.timeout(30), following.listening(Watch()) as listener:
            assert listener.position == AT.isoformat()
        assert store.looking == CATCH_UPS
    finally:
        store.opened.set()
        await asyncio.gather(*returning)
    assert told == ["old"] * (CATCH_UPS + 6)
