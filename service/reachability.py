"""Telling a slow Temporal from one that is away: who posts a record or a beat is answered at once in both cases."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.client import Client

from domain.errors import SlowSearchError, TemporalUnavailableError
from service.temporal import ANSWER_TIMEOUT, answered, answers, unavailable

T = TypeVar("T")

PATIENCE = timedelta(milliseconds=200)
AWAY_AFTER = timedelta(milliseconds=500)  # more


async def unless_away(client: Client, work: Coroutine[Any, Any, T]) -> T:
    """Await work that needs Temporal; give it up as soon as Temporal turns out to be away.

    The SDK tries for three seconds to reach a server that refuses connections. So when work takes over 200 ms, one call
    without retries tells whether anybody is there.

    Raises:
        TemporalUnavailableError: nobody is; the work was cancelled, and may still have been accepted.
    """
    task = asyncio.ensure_future(work)
    try:
        done, _ = await asyncio.wait([task], timeout=PATIENCE.total_seconds())
        if not done and not await answers(client, AWAY_AFTER):
            raise unavailable(client, "connection refused, or no answer")
        return await task
    finally:
        task.cancel()


@asynccontextmanager
async def searched(client: Client) -> AsyncIterator[None]:
    """`answered`, for a list, which may take long of a Temporal that is not away.

    Raises:
        SlowSearchError: Temporal answers, but has not found everything within 3 s.
    """
    try:
        async with answered(client):
            yield
    except TemporalUnavailableError:
        if not await answers(client):
            raise
        raise SlowSearchError(seconds=int(ANSWER_TIMEOUT.total_seconds())) from None
