"""Crowds of first requests take turns, and hold nobody up by waiting."""

import asyncio

import pytest

from activities.crowds import CROWDS_AT_ONCE, IDLE_SECONDS, LATE_SECONDS, merely_wait
from activities.gate import MAX_INLINE, InlineGate
from tests.support.eventually import eventually, within


class Crowd:
    """A crowd in its turn, or waiting for it, until it is told to end."""

    def __init__(self, gate: InlineGate, *, requests: int = 1, working: bool = False) -> None:
        self._gate, self._requests, self._working = gate, requests, working
        self.began, self.over = asyncio.Event(), asyncio.Event()
        self.task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        async with self._gate.crowd() as turn:
            self.began.set()
            waited_for = [turn.inline() for _ in range(self._requests)]
            for each in waited_for:
                each.__enter__()
            while self._working and not self.over.is_set():
                with turn.inline():
                    await asyncio.sleep(0)
            await self.over.wait()
            for each in waited_for:
                each.__exit__(None, None, None)

    async def end(self) -> None:
        self.over.set()
        await self.task


async def test_crowds_keep_their_turns_while_one_of_them_works() -> None:
    gate = InlineGate()
    crowds = [Crowd(gate, working=number == 0) for number in range(CROWDS_AT_ONCE)]
    await asyncio.gather(*(crowd.began.wait() for crowd in crowds))
    assert not gate.busy
    late = Crowd(gate)
    await asyncio.sleep(3 * IDLE_SECONDS)
    assert (late.began.is_set(), gate.busy) == (False, True)
    await crowds.pop().end()
    await within(10, late.began.wait())
    for crowd in (*crowds, late):
        await crowd.end()


async def test_crowds_that_wait_for_their_receivers_hold_nobody_up() -> None:
    gate = InlineGate()
    crowds = [Crowd(gate, requests=MAX_INLINE) for _ in range(3 * CROWDS_AT_ONCE)]
    await within(10, asyncio.gather(*(crowd.began.wait() for crowd in crowds)))
    await eventually(lambda: not gate.busy, 10)
    for crowd in crowds:
        await crowd.end()
    assert not gate.busy


async def test_a_crowd_that_is_called_off_gives_its_turn_back() -> None:
    gate = InlineGate()
    crowds = [Crowd(gate, working=True) for _ in range(CROWDS_AT_ONCE)]
    await asyncio.gather(*(crowd.began.wait() for crowd in crowds))
    called_off = Crowd(gate)
    await asyncio.sleep(0)
    for crowd in (called_off, crowds.pop()):
        crowd.task.cancel()
        await asyncio.gather(crowd.task, return_exceptions=True)
    assert not gate.busy
    late = Crowd(gate)
    await within(10, late.began.wait())
    for crowd in (*crowds, late):
        await crowd.end()


@pytest.mark.parametrize(
    ("idle", "late", "waits"),
    [
        (IDLE_SECONDS, 0.0, True),
        (IDLE_SECONDS - 0.001, 0.0, False),
        (10 * IDLE_SECONDS, LATE_SECONDS, False),  # the process did not get to it: it may have moved
    ],
)
def test_a_process_that_is_slow_itself_does_not_take_its_crowds_for_idle(idle: float, late: float, waits: bool) -> None:
    assert merely_wait(idle, late) is waits
