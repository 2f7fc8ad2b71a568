"""Observations take turns: one of an alarm at a time, in order, eight of all; who waits too long is told so."""

import asyncio

import pytest

from domain.errors import UnavailableError
from service.turns import AT_A_TIME, Turns


async def test_of_one_alarm_one_goes_at_a_time_in_order() -> None:
    turns, said, inside = Turns(), [], 0

    async def observe(number: int) -> None:
        nonlocal inside
        async with turns.of("a"):
            inside += 1
            assert inside == 1
            await asyncio.sleep(0)
            said.append(number)
            inside -= 1

    await asyncio.gather(*(observe(number) for number in range(30)))
    assert said == list(range(30))


async def test_of_all_alarms_so_many_go_at_a_time() -> None:
    turns, inside, most = Turns(), 0, 0

    async def observe(number: int) -> None:
        nonlocal inside, most
        async with turns.of(f"{number}"):
            inside += 1
            most = max(most, inside)
            await asyncio.sleep(0.001)
            inside -= 1

    await asyncio.gather(*(observe(number) for number in range(40)))
    assert (inside, most) == (0, AT_A_TIME)


async def test_who_waits_too_long_is_told_and_holds_up_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("service.turns.PATIENCE_SECONDS", 0.05)
    turns, ended = Turns(), asyncio.Event()

    async def hold(alarm_id: str) -> None:
        async with turns.of(alarm_id):
            await ended.wait()

    holding = [asyncio.create_task(hold(f"{number}")) for number in range(AT_A_TIME)]
    await asyncio.sleep(0)
    for alarm_id in ("0", "other"):  # one waits for its alarm, one for any turn
        with pytest.raises(UnavailableError, match="send it again"):
            async with turns.of(alarm_id):
                pass
    ended.set()
    await asyncio.gather(*holding)
    for alarm_id in ("0", "other"):
        async with turns.of(alarm_id):
            pass
