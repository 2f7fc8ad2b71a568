"""Waiting for something to become true, instead of sleeping for as long as it might take."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import Any, TypeVar, overload

T = TypeVar("T")

LOADED = 6  # times slower than an idle machine


@overload
async def eventually(check: Callable[[], Awaitable[T | None]], timeout: float = ..., interval: float = ...) -> T: ...
@overload
async def eventually(check: Callable[[], T | None], timeout: float = ..., interval: float = ...) -> T: ...
async def eventually(
    check: Callable[[], Any],
    timeout: float = 10,
    interval: float = 0.02,
) -> Any:
    """The first truthy value of ``check``, which is called (and awaited) every ``interval`` seconds.

    ``timeout`` is for a machine that is idle; six times as long is waited, for one that is not.

    Raises:
        AssertionError: nothing truthy until then; says what the last call returned or raised.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + LOADED * timeout
    while True:
        try:
            value = await _called(check)
            said, cause = f"the last value was {value!r}", None
            if value:
                return value
        except Exception as error:  # noqa: BLE001 - a check may fail in any way until it succeeds
            said, cause = f"the last call raised {error!r}", error
        if loop.time() >= deadline:
            raise AssertionError(f"not true within {LOADED * timeout} s: {said}") from cause
        await asyncio.sleep(interval)


async def within(timeout: float, waiting: Awaitable[T]) -> T:
    """What is waited for, for so long on an idle machine and three times as long on a loaded one.

    Raises:
        TimeoutError: it took longer.
    """
    return await asyncio.wait_for(waiting, LOADED * timeout)


async def _called(check: Callable[[], Any]) -> Any:
    value = check()
    return await value if inspect.isawaitable(value) else value
