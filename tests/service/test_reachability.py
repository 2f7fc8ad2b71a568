"""A Temporal that takes long to search, or has no worker, is told from one that is away."""

import asyncio
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import NoWorkerError, SlowSearchError, TemporalUnavailableError, UnavailableError
from service import temporal
from service.reachability import searched
from service.temporal import answered


def temporal_that_is(there: bool) -> Client:
    async def get_system_info(*_: object, **__: object) -> None:
        if not there:
            raise RPCError("connection refused", RPCStatusCode.UNAVAILABLE, b"")

    config = SimpleNamespace(target_host="127.0.0.1:7233")
    found: Any = SimpleNamespace(
        workflow_service=SimpleNamespace(get_system_info=get_system_info),
        service_client=SimpleNamespace(config=config),
        namespace="default",
    )
    return cast("Client", found)


@pytest.mark.parametrize(("there", "told"), [(True, SlowSearchError), (False, TemporalUnavailableError)])
async def test_a_slow_search_does_not_say_that_temporal_is_away(
    monkeypatch: pytest.MonkeyPatch, there: bool, told: type[UnavailableError]
) -> None:
    monkeypatch.setattr(temporal, "ANSWER_TIMEOUT", timedelta(milliseconds=10))
    with pytest.raises(told):
        async with searched(temporal_that_is(there)):
            await asyncio.Event().wait()


@pytest.mark.parametrize(("there", "told"), [(True, NoWorkerError), (False, TemporalUnavailableError)])
@pytest.mark.parametrize(
    "late",
    [
        TimeoutError(),
        WorkflowUpdateRPCTimeoutOrCancelledError(),
        RPCError("deadline exceeded", RPCStatusCode.DEADLINE_EXCEEDED, b""),
    ],
)
async def test_workers_are_blamed_for_silence_only_where_temporal_itself_answers(
    there: bool, told: type[UnavailableError], late: Exception
) -> None:
    with pytest.raises(told):
        async with answered(temporal_that_is(there), "im-control"):
            raise late


async def test_a_query_that_finds_no_poller_tells_of_workers_without_asking_again() -> None:
    with pytest.raises(NoWorkerError):
        async with answered(temporal_that_is(there=False), "im-control"):
            raise RPCError("no poller seen", RPCStatusCode.FAILED_PRECONDITION, b"")
