"""Waiting for something to become true, instead of sleeping for as long as it might take."""

import asyncio
import inspect
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

T = TypeVar("T")


async def eventually(
    check: Callable[[], T | Awaitable[T]],
    timeout: float = 10,  # noqa: ASYNC109 - reads as English where it is called
    interval: float = 0.02,
) -> T:
    """The first truthy value of ``check``, which is called (and awaited) every ``interval`` seconds.

    Raises:
        AssertionError: nothing truthy within ``timeout`` seconds; says what the last call returned or raised.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + timeout
    while True:
        try:
            value = await _called(check)
            said, cause = f"the last value was {value!r}", None
            if value:
                return value
        except Exception as error:  # noqa: BLE001 - a check may fail in any way until it succeeds
            said, cause = f"the last call raised {error!r}", error
        if loop.time() >= deadline:
            raise AssertionError(f"not true within {timeout} s: {said}") from cause
        await asyncio.sleep(interval)


async def _called(check: Callable[[], T | Awaitable[T]]) -> T:
    value = check()
    if inspect.isawaitable(value):
        return await cast("Awaitable[T]", value)
    return cast("T", value)
