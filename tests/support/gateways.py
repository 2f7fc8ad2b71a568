"""Commands over a stand-in of the gateway."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


def serving(gateway: Any) -> Callable[[Callable[[Any], Awaitable[Any]]], Any]:
    """What takes the place of `cli.run.with_gateway`: the work is done with the stand-in."""

    def with_gateway(work: Callable[[Any], Awaitable[Any]]) -> Any:
        async def done() -> Any:
            return await work(gateway)

        return asyncio.run(done())

    return with_gateway
