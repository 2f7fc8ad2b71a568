"""Search attributes are usable as soon as they are registered: Temporal needs a moment to hear of them."""

import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from domain.errors import ImError, SearchAttributesError
from service import search_attributes
from service.publisher import Publisher
from service.search_attributes import ensure_search_attributes
from service.temporal import DATA_CONVERTER
from tests.support.builders import make_event
from tests.support.eventually import eventually
from tests.support.platform import temporal_dev_server
from workflows.names import SEARCH_ATTRIBUTES


async def _in_new_namespace(address: str) -> Client:
    """A client of a namespace without any search attributes, which the server has heard of."""
    name = f"n-{uuid.uuid4().hex[:8]}"
    client = await Client.connect(address, namespace=name, data_converter=DATA_CONVERTER)
    request = RegisterNamespaceRequest(namespace=name)
    request.workflow_execution_retention_period.FromTimedelta(timedelta(days=1))
    await client.workflow_service.register_namespace(request)
    await eventually(client.count_workflows, timeout=10)
    return client


async def test_an_event_is_accepted_as_soon_as_they_are_registered(tmp_path: Path) -> None:
    async with temporal_dev_server(tmp_path) as server:
        client = await _in_new_namespace(server.address)
        assert await ensure_search_attributes(client) == [key.name for key in SEARCH_ATTRIBUTES]
        receipt = await Publisher(client, publishing=True).publish(make_event())
        assert receipt.published
        assert await ensure_search_attributes(client) == []


async def test_a_namespace_that_never_takes_them_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_attributes, "USABLE_WITHIN_SECONDS", 0)
    async with temporal_dev_server(tmp_path) as server:
        client = await _in_new_namespace(server.address)
        with pytest.raises(SearchAttributesError, match="ImEventIds"):
            await ensure_search_attributes(client)


async def test_a_namespace_that_does_not_exist_is_said(tmp_path: Path) -> None:
    async with temporal_dev_server(tmp_path) as server:
        client = await Client.connect(server.address, namespace="nowhere", data_converter=DATA_CONVERTER)
        with pytest.raises(ImError, match="'nowhere' does not exist"):
            await ensure_search_attributes(client)
