"""A request that must not be made twice: what a lost worker, and a machine in trouble, leave of it."""

import signal
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import pytest_asyncio

from activities import exchange
from activities.exchange import Request
from activities.sender import Sender
from activities.transport import GuardedTransport
from activities.transport_errors import LocalFault
from domain.addresses import AddressPolicy
from domain.tasks import EventInput
from service.search_attributes import ensure_search_attributes
from tests.support.alert_receivers import SID, TWILIO_URL, AlertReceivers
from tests.support.builders import make_event, make_keyring, make_target
from tests.support.eventually import eventually
from tests.support.platform import TOKEN, Platform, Process, temporal_dev_server, unique_name
from tests.support.sink import Answer, Hang
from tests.workflows.conftest import Pipeline, delivering
from workflows.event import EventWorkflow

TEXT = f"/2010-04-01/Accounts/{SID}/Messages.json"


@pytest_asyncio.fixture(loop_scope="session")
async def alone(tmp_path: Path) -> AsyncIterator[Platform]:
    """A Temporal of its own, whose worker may be killed."""
    async with temporal_dev_server(tmp_path) as temporal:
        yield await Platform.over(temporal, tmp_path)


async def test_a_worker_that_is_killed_with_a_call_in_hand_does_not_call_again(alone: Platform) -> None:
    async with AlertReceivers() as alerts:
        alerts.script(Hang(), path=TEXT)
        async with alone.process("serve", **alerts.environment) as serve:
            alone.api = api_of(serve)
            name = unique_name("oncall")
            await alone.gateway.subscribers.add(name, notify=TWILIO_URL, types=["com.example.kill.v1"])
            event_id = await alone.emit("com.example.kill.v1")
            await alerts.wait_for(1)
            assert (await alone.deliveries(event_id))[name]["attempts"] == []  # under way, and not yet unknown
            await alone.api.aclose()
            await serve.stop(signal.SIGKILL)
        async with alone.process("serve", **alerts.environment) as serve:
            alone.api = api_of(serve)
            delivery = (await alone.ended(event_id, timeout=40))[name]
            await eventually(lambda: _counted(alone, name))
            await alone.api.aclose()
        assert delivery["state"] == "failed"
        assert delivery["attempts"][0]["failure"] == "unknown_outcome"
        assert delivery["error"].startswith("the worker was lost with the request in hand")
        assert len(alerts.received) == 1


def api_of(serve: Process) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=serve.url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=30)


async def _counted(platform: Platform, name: str) -> bool:
    return bool((await platform.gateway.health.get(name)).failed)


class _Troubled(GuardedTransport):
    """Runs out of file descriptors when asked so often."""

    faults: set[int] = set()  # noqa: RUF012 - set by the test
    asked = 0

    async def send(self, request: Request) -> exchange.Answer:
        self.asked += 1
        if self.asked in self.faults:
            raise LocalFault("the worker's machine cannot make requests: Too many open files")
        return await super().send(request)


@pytest.mark.parametrize("faults", [{1}, {2}])
async def test_a_request_that_this_machine_could_not_make_is_made_later(alone: Platform, faults: set[int]) -> None:
    await ensure_search_attributes(alone.client)
    policy = AddressPolicy()
    async with AlertReceivers() as alerts:
        alerts.script(Answer(500), path=TEXT)
        transport = _Troubled(policy)
        transport.faults = faults
        pipeline = Pipeline(subscribers=[make_target(TWILIO_URL, types=("**",))])
        sender = Sender(transport, make_keyring(), policy, alerts.bases)
        async with delivering(alone.client, pipeline, sender=sender) as queue:
            result = await alone.client.execute_workflow(
                EventWorkflow.run,
                EventInput(events=[make_event(extensions={})]),
                id=f"w-{uuid.uuid4()}",
                task_queue=queue,
            )
        assert [delivery.state.value for delivery in result.events[0].deliveries] == ["delivered"]
        assert len(alerts.received) == 2
