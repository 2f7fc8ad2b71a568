"""Search attributes are usable as soon as they are registered: Temporal needs a moment to hear of them."""

import asyncio
import uuid
from datetime import timedelta
from pathlib import Path

import pytest
from temporalio.api.workflowservice.v1 import RegisterNamespaceRequest
from temporalio.client import Client

from domain.errors import ImError, SearchAttributesError
from service import search_attributes
from service.checks_temporal import check_namespace
from service.devserver import find_cli
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


async def _run(*command: str) -> None:
    assert await (await asyncio.create_subprocess_exec(*command)).wait() == 0


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


async def test_before_the_first_start_a_check_up_advises_to_start_before_doing_it_by_hand(tmp_path: Path) -> None:
    async with temporal_dev_server(tmp_path) as temporal:
        found = await check_namespace(await _in_new_namespace(temporal.address))
    (missing,) = [each for each in found if each.check == "search attributes"]
    assert missing.fix.startswith("Start im serve or im worker, which registers them. Where it may not: temporal ")


async def test_a_namespace_that_does_not_exist_is_said(tmp_path: Path) -> None:
    async with temporal_dev_server(tmp_path) as server:
        client = await Client.connect(server.address, namespace="nowhere", data_converter=DATA_CONVERTER)
        with pytest.raises(ImError, match="'nowhere' does not exist"):
            await ensure_search_attributes(client)


@pytest.mark.parametrize(
    ("name", "kind", "meant"), [("ImIncidentId", "Text", "Keyword"), ("ImEventIds", "Keyword", "KeywordList")]
)
async def test_one_of_another_type_is_said_with_the_commands_that_mend_it(
    tmp_path: Path, name: str, kind: str, meant: str
) -> None:
    async with temporal_dev_server(tmp_path) as server:
        client = await _in_new_namespace(server.address)
        temporal = (str((cli := find_cli()) and cli.path), "--address", server.address)
        made = f"operator search-attribute create --namespace {client.namespace} --name {name} --type {kind}"
        await _run(*temporal, *made.split())

        async def refused() -> str | None:
            with pytest.raises(SearchAttributesError, match=f"{name} is {kind}, and must be {meant}$") as error:
                await ensure_search_attributes(client)
            return error.value.advice

        advice = await eventually(refused)
        told = [finding for finding in await check_namespace(client) if finding.check == "search attributes"]
        assert [finding.level for finding in told] == ["error", "error"]
        assert f"{name} is {kind}, and must be {meant}" in told[1].message
        for command in advice.partition(": ")[2].split(" && "):
            assert command in told[1].fix
            await _run(*temporal, *command.split()[1:])
        await ensure_search_attributes(client)
        assert [f.level for f in await check_namespace(client) if f.check == "search attributes"] == ["ok"]
        assert (await Publisher(client, publishing=True).publish(make_event())).published
