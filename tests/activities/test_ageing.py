"""What is kept for a while is let go of in order, with one timer for all of it."""

import asyncio
from datetime import timedelta

from activities.ageing import Ageing


async def test_each_is_let_go_of_at_its_age() -> None:
    gone: list[str] = []
    ageing = Ageing(timedelta(seconds=0.2), gone.append)
    ageing.keep("a")
    ageing.keep("b")
    await asyncio.sleep(0.1)
    ageing.keep("c")
    assert gone == []
    await asyncio.sleep(0.15)
    assert gone == ["a", "b"]
    await asyncio.sleep(0.15)
    assert gone == ["a", "b", "c"]


async def test_it_goes_on_after_all_are_gone() -> None:
    gone: list[str] = []
    ageing = Ageing(timedelta(seconds=0.05), gone.append)
    for thing in "ab":
        ageing.keep(thing)
        await asyncio.sleep(0.1)
    assert gone == ["a", "b"]


async def test_one_that_cannot_be_let_go_of_keeps_nothing_else() -> None:
    gone: list[str] = []

    def let_go(thing: str) -> None:
        gone.append(thing)
        if thing == "bad":
            raise KeyError(thing)

    asyncio.get_running_loop().set_exception_handler(lambda _loop, _context: None)
    ageing = Ageing(timedelta(seconds=0.05), let_go)
    for thing in ("bad", "good"):
        ageing.keep(thing)
    await asyncio.sleep(0.2)
    assert gone == ["bad", "good"]
