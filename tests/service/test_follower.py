"""What a listener may rely on: places to come back to, and a buffer that ends."""

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
from service.follower import BUFFERED, CATCH_UPS, MAX_OF_ONE_CALLER, Follower, Listener
from tests.support.eventually import eventually

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
P0, P1, P2 = "p0", "p1", "p2"


def change(event_id: str, outcome: str = "delivered", **parts: object) -> EventChange:
    known = {"type": "a.b", "source": "/s", "emitted_at": AT, "workflow_id": f"event/{event_id}", "subscribers": ["a"]}
    return EventChange.model_validate(known | {"event_id": event_id, "outcome": outcome} | parts)


async def test_no_place_within_a_batch_leaves_out_the_rest_of_it() -> None:
    listener = Listener(Watch())
    listener.begin(P0)
    listener.offer([change("1"), change("2"), change("3")], P0, P1)
    told = [await listener.next() for _ in range(3)]
    assert [each.position for each in told if each] == [P0, P0, P1]


async def test_what_is_not_wanted_moves_the_place_on() -> None:
    listener = Listener(Watch(type="other.**"))
    listener.begin(P0)
    listener.offer([change("1")], P0, P1)
    assert await listener.next(0.01) is None
    assert listener.position == P1


async def test_a_slow_reader_is_ended_with_a_reason_and_its_place_stays() -> None:
    listener = Listener(Watch())
    listener.begin(P0)
    listener.offer([change("first")], P0, P1)
    assert await listener.next() is not None
    listener.offer([change(str(number)) for number in range(BUFFERED + 1)], P1, P2)
    end = await listener.next()
    assert end is not None
    assert (end.kind, end.position) == ("end", P1)
    assert "too slowly" in str(end.reason)
    listener.offer([change("later")], P2, "p3")
    assert listener.position == P1


async def test_whoever_comes_back_is_told_more_than_a_buffer_holds() -> None:
    listener = Listener(Watch())
    missed = [change(str(number)) for number in range(3 * BUFFERED)]
    listener.catch_up(missed, P0, P1)
    listener.offer([change("live")], P1, P2)
    told = [await listener.next() for _ in range(3 * BUFFERED + 1)]
    assert [each.kind for each in told if each] == ["change"] * (3 * BUFFERED + 1)


async def test_one_who_waits_is_woken_by_the_end() -> None:
    listener = Listener(Watch())
    listener.begin(P0)
    waiting = asyncio.create_task(listener.next())
    await asyncio.sleep(0)
    listener.end("over")
    told = await waiting
    assert told is not None
    assert told.reason == "over"


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

    async def look(self, _: object, since: datetime) -> Look:
        if self.fails:
            raise self.fails
        if since >= AT:
            return Look(changes=[], seen=AT)
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


async def test_what_changes_while_one_catches_up_is_told_after_what_was_missed() -> None:
    listener = Listener(Watch())
    listener.begin(P1, 10 * BUFFERED)
    listener.offer([change(str(number)) for number in range(2 * BUFFERED)], P1, P2)
    listener.catch_up([change("missed")], P0, P1, "some are gone")
    assert listener.position == P0
    told = [await listener.next() for _ in range(2 * BUFFERED + 2)]
    assert [each.kind for each in told if each][:2] == ["gap", "change"]
    assert [each.change.event_id for each in told if each and each.change][:2] == ["missed", "0"]
