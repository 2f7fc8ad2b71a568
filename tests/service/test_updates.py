"""Updates of a registry take turns, whoever asks for them."""

import asyncio
from typing import Any, cast

import pytest
from temporalio.client import WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.errors import UnavailableError
from service.connection import Connection
from service.http_clients import HttpClientGateway
from service.registry_writes import RegistryWrites
from service.subscribers import SubscriberGateway
from service.temporal import answered
from service.updates import AT_ONCE, SENT_AT_MOST, Updates, seen
from tests.support.builders import make_subscriber


class Registry:
    """As much of a client, and of a connection, as an update takes; counts those that are under way."""

    def __init__(self) -> None:
        self.under_way = self.most = 0
        self.client = self

    async def require_worker(self) -> None:
        pass

    def get_workflow_handle(self, _workflow_id: str) -> "Registry":
        return self

    async def execute_update(self, _update: Any, _argument: Any) -> Any:
        self.under_way += 1
        self.most = max(self.most, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1
        raise asyncio.CancelledError  # what came of it is not looked at


async def test_all_that_change_the_directory_share_its_turns() -> None:
    registry = Registry()
    connection = cast("Connection", registry)
    directory = Updates(connection, "subscribers")
    subscribers = SubscriberGateway(connection, directory)
    clients = HttpClientGateway(connection, subscribers, directory)
    writes = RegistryWrites(directory, cast("Any", None), cast("Any", None))
    changes: list[Any] = [
        change
        for number in range(10)
        for change in (
            subscribers.pause(f"s{number}"),
            clients.remove(f"c{number}"),
            writes.subscriber(make_subscriber(), None),
        )
    ]
    await asyncio.gather(*changes, return_exceptions=True)
    assert registry.most == AT_ONCE


async def test_a_refusal_that_this_version_does_not_know_is_told_in_its_words() -> None:
    refusal = ApplicationError("the quota of 10 subscribers is used up", type="quota_used_up")
    with pytest.raises(UnavailableError, match=r"the update failed: .*the quota of 10 subscribers is used up"):
        async with answered(cast("Any", None)):
            raise WorkflowUpdateFailedError(refusal)


@pytest.mark.parametrize(
    ("kind", "times", "sent"),
    [("UnprocessedUpdate", 2, 3), ("UnprocessedUpdate", SENT_AT_MOST, SENT_AT_MOST), ("not_found", 1, 1)],
)
async def test_an_update_that_no_worker_has_seen_is_sent_again(kind: str, times: int, sent: int) -> None:
    tries = 0

    async def send() -> str:
        nonlocal tries
        tries += 1
        if tries <= times:
            raise WorkflowUpdateFailedError(ApplicationError("rejected", type=kind))
        return "done"

    if times < sent:
        assert await seen(send) == "done"
    else:
        with pytest.raises(WorkflowUpdateFailedError):
            await seen(send)
    assert tries == sent
