"""Telling a slow Temporal from one that is away: who posts a record or a beat is answered at once in both cases."""

import asyncio
from collections.abc import Coroutine
from datetime import timedelta
from typing import Any, TypeVar

from temporalio.api.workflowservice.v1 import GetSystemInfoRequest
from temporalio.client import Client
from temporalio.service import RPCError

from service.temporal import unavailable

T = TypeVar("T")

PATIENCE = timedelta(milliseconds=200)
PROBE_TIMEOUT = timedelta(milliseconds=500)


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


async def _probe(client: Client) -> None:
    try:
        await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=False, timeout=PROBE_TIMEOUT)
    except RPCError:
        raise unavailable(client, "connection refused, or no answer") from None
