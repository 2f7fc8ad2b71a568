"""A process that is out of file descriptors: receivers are charged nothing, and people are told what keeps them."""

import contextlib
import resource
import sys
import time
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.api.common.v1 import WorkflowExecution
from temporalio.api.workflowservice.v1 import ResetActivityRequest

from activities.reporting import UNMADE_WAIT
from tests.support.eventually import eventually
from tests.support.platform import Platform, temporal_dev_server, unique_name, unique_type
from tests.support.sink import Sink

NEARLY_ALL = UNMADE_WAIT * 0.7

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux takes from a process what it has")


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


async def test_a_process_out_of_file_descriptors_spends_no_attempt_and_says_what_keeps_it(alone: Platform) -> None:
    async with Sink() as sink, alone.process("worker") as worker:
        name, event_type = unique_name("own-fault"), unique_type("own-fault")
        url = sink.url().replace("127.0.0.1", "localhost")
        await eventually(lambda: alone.gateway.subscribers.add(name, url, types=[event_type]), 30)
        with out_of_files(worker.running.pid):
            event_id = (await alone.im("event", "emit", "--type", event_type, "--data", '{"n": 1}')).out.strip()
            found = await eventually(lambda: _kept(alone, event_id, name, at_least=timedelta(seconds=4.5)), 30)
            assert "Too many open files" in found["headline"]
            assert found["next"].startswith("request 1 of 5 at ")
            assert any("ulimit" in each for each in found["advice"])
            shown = (await alone.im("event", "show", event_id)).out
            assert "Too many open files" in shown
        delivered = await eventually(lambda: _with(alone, event_id, name, "delivered"), 30)
        (told,) = delivered["rounds"]
        assert [(each["attempt"]["number"], each["attempt"]["status"]) for each in told["tries"]] == [(1, 200)]
        assert len(sink.received) == 1


async def test_an_operator_ends_the_wait_for_a_machine_that_is_mended(alone: Platform) -> None:
    async with Sink() as sink, alone.process("worker") as worker:
        name, event_type = unique_name("own-fault"), unique_type("own-fault")
        await eventually(
            lambda: alone.gateway.subscribers.add(name, sink.url(), types=[event_type], max_attempts=1), 30
        )
        with out_of_files(worker.running.pid):
            event_id = (await alone.im("event", "emit", "--type", event_type, "--data", "{}")).out.strip()
            await eventually(lambda: _kept(alone, event_id, name, at_least=NEARLY_ALL), 30)
        (run,) = (await alone.gateway.events.get(event_id)).runs
        execution, reset = WorkflowExecution(workflow_id=run.workflow_id), time.monotonic()
        await alone.client.workflow_service.reset_activity(
            ResetActivityRequest(namespace="default", execution=execution, id=f"deliver/{name}", identity="operator")
        )
        (request,) = await sink.wait_for(1, 30)
    assert request.at - reset < NEARLY_ALL.total_seconds(), "it waited anew"


async def _kept(platform: Platform, event_id: str, name: str, *, at_least: timedelta) -> dict[str, Any] | None:
    """The explanation, once a try was in vain and there is so long to wait: 8 s after the fifth."""
    found = await _with(platform, event_id, name, "retrying")
    if found is None or datetime.fromisoformat(found["next_at"]) - datetime.now(UTC) < at_least:
        return None
    return found


async def _with(platform: Platform, event_id: str, name: str, verdict: str) -> dict[str, Any] | None:
    ran = await platform.im("why", event_id, name, "--format", "json")
    return ran.json if ran.code == 0 and ran.json["verdict"] == verdict else None


@contextlib.contextmanager
def out_of_files(pid: int) -> Iterator[None]:
    """A process has the files that it has, and can open no other."""
    before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
