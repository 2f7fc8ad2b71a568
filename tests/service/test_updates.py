"""Updates of a registry take turns, whoever asks for them."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import WithStartWorkflowOperation, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError
from temporalio.service import RPCError, RPCStatusCode

from domain.alarms import AlarmSeverity, Identity
from domain.errors import NoWorkerError, TemporalUnavailableError, UnavailableError
from domain.incidents import Declaration, Severity, declare
from service.alarms import AlarmGateway, AlarmRules
from service.connection import Connection
from service.http_clients import HttpClientGateway
from service.incidents import IncidentGateway
from service.registry_writes import RegistryWrites
from service.subscribers import SubscriberGateway
from service.temporal import answered
from service.updates import AT_ONCE, SENT_AT_MOST, Updates, seen
from tests.support.builders import make_subscriber
from workflows.incident_numbers import IncidentNumbersWorkflow


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


class Unheard:
    """As much of a connection as an incident, or an alarm, takes. No worker has seen its first updates.

    Attributes:
        started: what was to be started with each update, as its workflow would get it.
        sent: arguments of each update.
    """

    def __init__(self, result: Any) -> None:
        self.client = self
        self._result = result
        self.started: list[Any] = []
        self.sent: list[Any] = []

    async def require_worker(self) -> None:
        pass

    def get_workflow_handle_for(self, _run: Any, _workflow_id: str) -> "Unheard":
        return self

    async def execute_update(self, update: Any, argument: Any) -> Any:
        if update is IncidentNumbersWorkflow.next:
            return 7
        return self._take(argument)

    async def execute_update_with_start_workflow(
        self, _update: Any, *arguments: Any, start_workflow_operation: WithStartWorkflowOperation[Any, Any]
    ) -> Any:
        assert not start_workflow_operation._used, "the SDK refuses to use one twice"
        start_workflow_operation._used = True
        self.started.append(start_workflow_operation._start_workflow_input.args)
        return self._take(arguments)

    def _take(self, arguments: Any) -> Any:
        self.sent.append(arguments)
        if len(self.sent) < SENT_AT_MOST:
            raise WorkflowUpdateFailedError(ApplicationError("rejected", type="UnprocessedUpdate"))
        return self._result


async def test_a_declaration_that_no_worker_has_seen_is_sent_again_as_the_same_event() -> None:
    declaration = Declaration(title="Checkout down", severity=Severity.SEV_1, actor="tests")
    incident = declare("INC-7", declaration, datetime.now(UTC), "evt_1")
    unheard = Unheard(incident)
    gateway = IncidentGateway(cast("Connection", unheard))
    assert await gateway.declare(declaration) is incident
    assert len(unheard.started) == SENT_AT_MOST
    assert len({each[0].event_id for each in unheard.started}) == 1


@pytest.mark.parametrize("first", [True, False])
async def test_what_is_said_of_an_alarm_is_sent_again_where_no_worker_has_seen_it(first: bool) -> None:
    unheard = Unheard("observed")
    gateway = AlarmGateway(cast("Connection", unheard), AlarmRules())
    identity = Identity(resource_type="node", resource_id="db-1", alarm_type="disk-full")
    said = gateway.upsert(identity, AlarmSeverity.MAJOR) if first else gateway.change("alm_1", severity="MAJOR")
    assert cast("Any", await said) == "observed"
    assert len(unheard.sent) == SENT_AT_MOST
    assert all(each == unheard.sent[0] for each in unheard.sent), "under one event id"


class Silent(Registry):
    """No worker answers, whatever is asked."""

    def get_workflow_handle_for(self, _run: Any, _workflow_id: str) -> "Silent":
        return self

    async def execute_update(self, _update: Any, _argument: Any) -> Any:
        raise NO_POLLER

    async def query(self, _query: Any, _argument: Any) -> Any:
        raise NO_POLLER


NO_POLLER = RPCError("no poller seen", RPCStatusCode.FAILED_PRECONDITION, b"")


async def test_only_of_a_change_that_was_sent_it_is_said_that_it_may_be_made_yet() -> None:
    connection = cast("Connection", Silent())
    directory = Updates(connection, "subscribers")
    subscribers = SubscriberGateway(connection, directory)
    with pytest.raises(NoWorkerError) as changing:
        await subscribers.pause("a")
    with pytest.raises(NoWorkerError) as reading:
        await subscribers.all()
    assert "the change may be made yet: look first" in changing.value.advice
    assert "im serve" in changing.value.advice
    assert "change" not in reading.value.advice
    assert reading.value.advice.endswith("Where one runs, it is busy: try again.")


class Refusing(Registry):
    """Every update ends like this, and Temporal itself then says nothing."""

    def __init__(self, status: RPCStatusCode) -> None:
        super().__init__()
        self._status = status
        self.namespace = "default"
        self.service_client = SimpleNamespace(config=SimpleNamespace(target_host="127.0.0.1:7233"))
        self.workflow_service = SimpleNamespace(get_system_info=self.execute_update)

    async def execute_update(self, *_: Any, **__: Any) -> Any:
        raise RPCError("no", self._status, b"")


@pytest.mark.parametrize(
    ("status", "told", "in_doubt"),
    [
        (RPCStatusCode.NOT_FOUND, NoWorkerError, False),  # there is no registry yet: nothing was stored
        (RPCStatusCode.DEADLINE_EXCEEDED, TemporalUnavailableError, True),
        (RPCStatusCode.UNAVAILABLE, TemporalUnavailableError, True),
    ],
)
async def test_what_may_be_made_yet_is_what_temporal_may_have_stored(
    status: RPCStatusCode, told: type[UnavailableError], in_doubt: bool
) -> None:
    connection = cast("Connection", Refusing(status))
    with pytest.raises(told) as changing:
        await SubscriberGateway(connection, Updates(connection, "subscribers")).pause("a")
    assert ("may be made yet: look first, or send it again" in changing.value.advice) is in_doubt


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
