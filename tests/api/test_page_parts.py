"""What the pages are made of: text made visible, bars, answers kept for a moment."""

import asyncio
from typing import Any

import pytest

from api.page.bars import HEIGHT, bars
from api.page.brief import AT_ONCE, MOST, Brief
from api.page.render import outcome, states
from api.page.text import visible
from domain.hours import HourCount
from service.event_rows import EventRow
from tests.support.builders import NOW
from workflows.names import waiting_mark


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\n\tlines", "plain\n\tlines"),
        ("a\r\nb", "a\nb"),
        ("\x1b[31mred", "<U+001B>[31mred"),
        ("a\u202eb", "a<U+202E>b"),
        ("\u200f" * 682, "<U+200F>×682"),
        ("\x00\ud800", "<U+0000><U+D800>"),
        ("\u202e\u200f" * 300, "<U+202E U+200F>×600"),
        ("שלום", "שלום"),
    ],
)
def test_characters_that_cannot_be_seen_are_named(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_a_bar_is_as_high_as_its_share_and_a_single_failure_is_seen() -> None:
    found = bars([HourCount(0, 0), HourCount(1000, 1), HourCount(500, 0)])
    assert [bar.kind for bar in found] == ["none", "delivered", "failed", "delivered"]
    assert all(0 <= bar.y <= HEIGHT and bar.y + bar.height <= HEIGHT + 0.1 for bar in found)
    assert found[2].height == 2
    assert found[3].height == pytest.approx(11, abs=0.1)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_many_who_ask_at_once_cost_one_answer() -> None:
    asked = 0
    gate = asyncio.Event()

    async def ask() -> int:
        nonlocal asked
        asked += 1
        await gate.wait()
        return asked

    brief = Brief(Clock())
    waiting = [asyncio.create_task(brief.get("key", ask)) for _ in range(50)]
    await asyncio.sleep(0)
    waiting[0].cancel()  # who goes away does not take it from the others
    gate.set()
    assert set(await asyncio.gather(*waiting[1:])) == {1}


async def test_an_answer_is_kept_for_a_second_or_three_times_as_long_as_it_took() -> None:
    clock, asked, took = Clock(), 0, 0.0

    async def ask() -> int:
        nonlocal asked
        asked += 1
        clock.now += took
        return asked

    brief = Brief(clock)
    assert await brief.get("key", ask) == 1
    clock.now += 0.9
    assert await brief.get("key", ask) == 1
    clock.now += 0.2
    took = 3.0
    assert await brief.get("key", ask) == 2
    clock.now += 8
    assert await brief.get("key", ask) == 2
    clock.now += 2
    assert await brief.get("key", ask) == 3
    brief.forget()
    assert await brief.get("key", ask) == 4


async def test_a_fault_is_kept_likewise_and_no_more_than_some_answers_are() -> None:
    clock, asked = Clock(), 0

    async def fail() -> int:
        nonlocal asked
        asked += 1
        raise ValueError(asked)

    async def answer() -> int:
        return 1

    brief = Brief(clock)
    for _ in range(3):
        with pytest.raises(ValueError, match="1"):
            await brief.get("key", fail)
    for number in range(2 * MOST):
        await brief.get(number, answer)
    assert len(brief._kept) <= MOST


async def test_only_some_questions_are_under_way_at_once() -> None:
    under_way = most = 0

    async def ask() -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.001)
        under_way -= 1

    brief = Brief()
    await asyncio.gather(*(brief.get(number, ask) for number in range(20)))
    assert most == AT_ONCE


def row(**parts: Any) -> EventRow:
    known = {"event_id": "e", "type": "t", "source": "/s", "outcome": "waiting", "emitted_at": NOW, "workflow_id": "w"}
    return EventRow.model_validate(known | parts)


def test_the_outcome_of_one_subscribers_events_is_its_own() -> None:
    crowded = row(troubled=["retrying:a"], subscribers=["a", "b"])
    assert [outcome(crowded, name) for name in (None, "", "a", "b", "c")] == [
        *("waiting", "waiting", "retrying", "delivered", "waiting"),
    ]
    assert states(crowded) == [("a", "retrying"), ("b", "delivered")]


def test_who_may_wait_is_not_shown_as_delivered() -> None:
    cut = row(troubled=["failed:z"], subscribers=["z", "b"]).knowing(["failed:z", "z", "b", waiting_mark("b")], 0)
    assert states(cut) == [("z", "failed"), ("b", "waiting or delivered")]
