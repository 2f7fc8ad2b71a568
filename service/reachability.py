"""Telling a slow Temporal from one that is away: who posts a record or a beat is answered at once in both cases."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from domain.errors import SlowSearchError, TemporalUnavailableError
from service.temporal import ANSWER_TIMEOUT, answered, unavailable

T = TypeVar("T")

PATIENCE = timedelta(milliseconds=200)
PROBE_TIMEOUT = timedelta(milliseconds=500)
SEARCHED_PROBE_TIMEOUT = timedelta(seconds=1)  # it may be busy with the search still


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
        if not done:
            await _probe(client)
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
    except TemporalUnavailableError as away:
        try:
            await _probe(client, SEARCHED_PROBE_TIMEOUT)
        except TemporalUnavailableError:
            raise away from None
        raise SlowSearchError(seconds=int(ANSWER_TIMEOUT.total_seconds())) from None


async def _probe(client: Client, patience: timedelta = PROBE_TIMEOUT) -> None:
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=False, timeout=patience)
    except RPCError:
        raise unavailable(client, "connection refused, or no answer") from None
