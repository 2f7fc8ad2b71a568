"""Recorded histories replay on today's workflows: what is running in production goes on after an upgrade."""

import json
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

from service.temporal import DATA_CONVERTER
from workflows.alarm import AlarmWorkflow
from workflows.directory import SubscriberDirectoryWorkflow
from workflows.drain import DrainWorkflow
from workflows.event import EventWorkflow
from workflows.heartbeat import HeartbeatWorkflow
from workflows.incident import IncidentWorkflow
from workflows.incident_numbers import IncidentNumbersWorkflow
from workflows.lane import LaneWorkflow
from workflows.ledger import DeliveryLedgerWorkflow
from workflows.limiter import LimiterWorkflow
from workflows.replay import ReplayWorkflow
from workflows.sources import SourcesWorkflow
from workflows.zeebe import ZeebeClusterWorkflow

FOLDER = Path(__file__).parent / "histories"
HISTORIES = sorted(path for path in FOLDER.glob("*.json") if path.stem != "incompatible")
WORKFLOWS = [
    EventWorkflow,
    SubscriberDirectoryWorkflow,
    DeliveryLedgerWorkflow,
    IncidentWorkflow,
    IncidentNumbersWorkflow,
    HeartbeatWorkflow,
    LaneWorkflow,
    LimiterWorkflow,
    SourcesWorkflow,
    ZeebeClusterWorkflow,
    AlarmWorkflow,
    DrainWorkflow,
    ReplayWorkflow,
]


def load(path: Path) -> WorkflowHistory:
    saved = json.loads(path.read_text())
    return WorkflowHistory.from_json(saved["workflow_id"], saved["history"])


def replayer() -> Replayer:
    # With debug_mode they may compute for over 2 s, as the product lets them: the sandbox alone takes long to set up.
    return Replayer(workflows=WORKFLOWS, data_converter=DATA_CONVERTER, debug_mode=True)


@pytest.mark.parametrize("path", HISTORIES, ids=lambda path: path.stem)
async def test_a_recorded_history_replays(path: Path) -> None:
    await replayer().replay_workflow(load(path))


async def test_an_incompatible_history_is_noticed() -> None:
    with pytest.raises(NondeterminismError):
        await replayer().replay_workflow(load(FOLDER / "incompatible.json"))


def test_every_workflow_type_has_a_recorded_history() -> None:
    recorded = {path.read_text().split('"workflowType": {\n', 1)[1].split('"')[3] for path in HISTORIES}
    assert recorded == {workflow.__name__ for workflow in WORKFLOWS}


def test_histories_name_no_machine() -> None:
    identities = {part for path in HISTORIES for part in path.read_text().split('"identity": "')[1:]}
    assert all(part.startswith("worker") for part in identities)
