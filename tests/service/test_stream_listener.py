"""What one listener may rely on: places to come back to, and a buffer that is bounded."""

import asyncio

from service.changes import Watch
from service.stream_listener import BUFFERED, MISSED_TOLD, Listener
from tests.service.test_follower import change

P0, P1, P2 = "p0", "p1", "p2"


async def test_no_place_within_a_batch_leaves_out_the_rest_of_it() -> None:
    listener = Listener(Watch())
    listener.begin(P0)
    listener.offer([change("1"), change("2"), change("3")], P0, P1)
    told = [await listener.next() for _ in range(3)]
    assert [each.position for each in told if each] == [P0, P0, P1]


async def test_who_follows_one_subscriber_is_told_its_state() -> None:
    listener = Listener(Watch(subscriber="b"))
    listener.begin(P0)
    listener.offer([change("1", "retrying", troubled=["retrying:a"], subscribers=["a", "b"])], P0, P1)
    told = await listener.next()
    assert told is not None
    assert told.change is not None
    assert (told.change.outcome, told.change.state) == ("retrying", "delivered")


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


async def test_one_of_this_process_is_told_the_latest_and_how_much_was_left_out() -> None:
    listener = Listener(Watch(), here=True)
    listener.begin(P0)
    listener.offer([change(str(number)) for number in range(MISSED_TOLD + 7)], P0, P1)
    gap, first = await listener.next(), await listener.next()
    assert gap is not None
    assert (gap.kind, str(gap.reason).split()[0]) == ("gap", "7")
    assert [first and first.change and first.change.event_id] == ["7"]
    told = [await listener.next() for _ in range(MISSED_TOLD - 1)]
    assert [each.kind for each in told if each] == ["change"] * (MISSED_TOLD - 1)
    listener.offer([change("later")], P1, P2)
    later = await listener.next()
    assert later is not None
    assert (later.kind, later.position) == ("change", P2)


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


async def test_what_changes_while_one_catches_up_is_told_after_what_was_missed() -> None:
    listener = Listener(Watch())
    listener.begin(P1, 10 * BUFFERED)
    listener.offer([change(str(number)) for number in range(2 * BUFFERED)], P1, P2)
    listener.catch_up([change("missed")], P0, P1, "some are gone")
    assert listener.position == P0
    told = [await listener.next() for _ in range(2 * BUFFERED + 2)]
    assert [each.kind for each in told if each][:2] == ["gap", "change"]
    assert [each.change.event_id for each in told if each and each.change][:2] == ["missed", "0"]
