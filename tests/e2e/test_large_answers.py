"""Temporal refuses an answer past 2 MiB: what is said of thousands of deliveries is cut to what it takes."""

import uuid
from pathlib import Path

import pytest

from domain.outcomes import Delivery, DeliveryState
from domain.tasks import EventInput
from service.progress import read_run
from service.search_attributes import ensure_search_attributes
from tests.support.builders import make_event
from tests.support.platform import Platform, temporal_dev_server
from tests.workflows.conftest import Pipeline, delivering
from workflows.event import EventWorkflow
from workflows.progress import Progress

MANY = [Delivery(subscriber=f"s-{n}", state=DeliveryState.FAILED, error="x" * 300) for n in range(10_000)]


async def test_ten_thousand_deliveries_are_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Progress, "_standing", lambda _self, _index: MANY)
    async with temporal_dev_server(tmp_path) as temporal:
        client = (await Platform.over(temporal, tmp_path)).client
        await ensure_search_attributes(client)
        async with delivering(client, Pipeline(), sandboxed=False) as queue:
            workflow_id = f"event/{uuid.uuid4()}"
            handle = await client.start_workflow(
                EventWorkflow.run, EventInput(events=[make_event()]), id=workflow_id, task_queue=queue
            )
            await handle.result()
            (told,) = await handle.query(EventWorkflow.deliveries)
            view = await read_run(client, workflow_id, 0)
    assert view.complete
    assert view.deliveries == told.deliveries
    assert {(each.state, len(each.error or "")) for each in view.deliveries} == {(DeliveryState.FAILED, 60)}
    assert len(view.deliveries) == len(MANY)
