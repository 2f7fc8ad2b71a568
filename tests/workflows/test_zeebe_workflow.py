"""ZeebeClusterWorkflow: what is declared and resolved for a cluster's records, by real workers on a real server."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle

from activities.incidents import IncidentActivities
from domain.errors import TemporalUnavailableError
from domain.incidents import Action, Change, Declaration, Incident, Status, declare
from domain.sources import Grouping
from domain.zeebe import IncidentRecord
from domain.zeebe_cluster import ClusterState, RecordsBatch
from domain.zeebe_declarations import ClusterSettings
from service.temporal import DATA_CONVERTER
from tests.support.builders import NOW
from tests.support.eventually import eventually
from tests.support.platform import temporal_dev_server
from tests.support.workers import Worker
from tests.unit.test_zeebe_cluster import record
from workflows.zeebe import ZeebeClusterWorkflow

BY_INCIDENT = ClusterSettings()
BY_ELEMENT = ClusterSettings(group_by=Grouping.ELEMENT)


@dataclass
class Desk:
    """Stands where the incidents are: declares by key once, and remembers every call."""

    by_key: dict[str, Incident] = field(default_factory=dict)
    by_id: dict[str, Incident] = field(default_factory=dict)
    failures: int = 0
    declared_ids: list[str] = field(default_factory=list)
    seconds: float = 0

    async def declare(self, declaration: Declaration, idempotency_key: str | None = None) -> Incident:
        await asyncio.sleep(self.seconds)
        if self.failures:
            self.failures -= 1
            raise TemporalUnavailableError(address="localhost", namespace="default", reason="away")
        key = idempotency_key or ""
        if key not in self.by_key:
            incident = declare(f"INC-{len(self.by_key) + 1}", declaration, NOW, "evt")
            self.by_key[key] = self.by_id[incident.id] = incident
            self.declared_ids.append(incident.id)
        return self.by_key[key]

    async def change(self, incident_id: str, change: Change) -> Incident:
        assert change.action is Action.RESOLVE
        self.by_id[incident_id].status = Status.RESOLVED
        return self.by_id[incident_id]

    async def observe(self, incident_id: str, details: dict[str, Any]) -> Incident:
        incident = self.by_id[incident_id]
        incident.details = (incident.details or {}) | details
        return incident

    def count(self, incident_id: str) -> int:
        return int((self.by_id[incident_id].details or {})["count"])

    def standing(self) -> list[str]:
        return [incident.status.value for incident in self.by_id.values()]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder: Path = tmp_path_factory.mktemp("zeebe")
    async with temporal_dev_server(folder, ["limit.historyCount.suggestContinueAsNew=200"]) as server:
        yield await Client.connect(server.address, data_converter=DATA_CONVERTER)


@dataclass
class Cluster:
    """A cluster's workflow, and the desk that it declares at."""

    handle: WorkflowHandle[ZeebeClusterWorkflow, None]
    desk: Desk

    async def post(self, settings: ClusterSettings, *records: IncidentRecord) -> None:
        """As the ingest does."""
        await self.handle.signal(ZeebeClusterWorkflow.records, RecordsBatch(settings=settings, records=list(records)))

    async def quiet(self, standing: Sequence[str]) -> None:
        """Wait until the incidents stand so."""
        await eventually(lambda: self.desk.standing() == list(standing), 30)


@asynccontextmanager
async def cluster(client: Client) -> AsyncIterator[Cluster]:
    desk, queue = Desk(), str(uuid.uuid4())
    incidents = IncidentActivities(desk)
    async with Worker(
        client,
        task_queue=queue,
        workflows=[ZeebeClusterWorkflow],
        activities=[incidents.declare_incident, incidents.resolve_incident, incidents.observe_incident],
    ):
        started = await client.start_workflow(
            ZeebeClusterWorkflow.run, ClusterState(cluster="prod"), id=f"zeebe/{queue}", task_queue=queue
        )
        handle = client.get_workflow_handle_for(ZeebeClusterWorkflow.run, started.id)
        try:
            yield Cluster(handle, desk)
        finally:
            await handle.terminate()


async def test_created_declares_and_resolved_resolves_once_each(client: Client) -> None:
    async with cluster(client) as one:
        await one.post(BY_INCIDENT, record(), record())
        await one.quiet(["declared"])
        await one.post(BY_INCIDENT, record(at=2000, resolved=True), record(), record(at=2000, resolved=True))
        await one.quiet(["resolved"])
        seen = await one.handle.query(ZeebeClusterWorkflow.activity)
        assert (seen.raised, seen.resolved, seen.repeated, seen.open) == (1, 1, 3, 0)


async def test_a_bad_deployment_of_5000_incidents_declares_once_and_ends_with_the_last(client: Client) -> None:
    async with cluster(client) as one:
        for start in range(1, 5001, 250):
            await one.post(BY_ELEMENT, *(record(key, at=key) for key in range(start, start + 250)))
        await one.quiet(["declared"])
        await eventually(lambda: one.desk.count("INC-1") == 5000, 30)
        for start in range(1, 5001, 250):
            ended = (record(key, at=10_000 + key, resolved=True) for key in range(start, start + 250))
            await one.post(BY_ELEMENT, *ended)
        await one.quiet(["resolved"])
        assert one.desk.declared_ids == ["INC-1"]


async def test_an_incident_that_is_over_before_it_could_be_declared_is_declared_and_then_resolved(
    client: Client,
) -> None:
    async with cluster(client) as one:
        one.desk.seconds, one.desk.failures = 0.3, 1
        await one.post(BY_INCIDENT, record())
        await one.post(BY_INCIDENT, record(at=2000, resolved=True))
        await one.quiet(["resolved"])


async def test_one_that_happens_again_after_somebody_resolved_it_is_declared_anew(client: Client) -> None:
    async with cluster(client) as one:
        await one.post(BY_ELEMENT, record(1))
        await one.quiet(["declared"])
        one.desk.by_id["INC-1"].status = Status.RESOLVED
        await one.post(BY_ELEMENT, record(2, at=3000))
        await one.quiet(["resolved", "declared"])


async def test_many_incidents_are_declared_each_once_across_runs(client: Client) -> None:
    async with cluster(client) as one:
        one.desk.failures = 3
        await one.post(BY_INCIDENT, *(record(key, at=key) for key in range(1, 151)))
        await one.post(BY_INCIDENT, *(record(key, at=key) for key in range(1, 151)))
        await one.quiet(["declared"] * 150)
        await one.post(BY_INCIDENT, *(record(key, at=1000 + key, resolved=True) for key in range(1, 151)))
        await one.quiet(["resolved"] * 150)
        assert len(one.desk.declared_ids) == 150

        async def goes_on_in_another_run() -> bool:
            return len([run async for run in client.list_workflows(f"WorkflowId = '{one.handle.id}'")]) > 1

        await eventually(goes_on_in_another_run)
