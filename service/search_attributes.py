"""Registers the search attributes of the product, where the namespace lets it."""

import asyncio
from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType as Kind
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import SearchAttributesError
from service.temporal import answered
from workflows.names import SEARCH_ATTRIBUTES

_WIRE = {
    Kind.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    Kind.KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}
# A server hears of new ones from its database: a server of one process within two seconds (measured), others when they
# read their namespaces again (every ten seconds) and their cluster's attributes (every minute).
USABLE_WITHIN_SECONDS = 90
_LOOK_SECONDS = 0.2

_CLI = {Kind.KEYWORD: "Keyword", Kind.KEYWORD_LIST: "KeywordList"}


async def ensure_search_attributes(client: Client) -> list[str]:
    """Register what is missing, and wait until Temporal takes all of them; returns the names that were added.

    Raises:
        TemporalUnavailableError: the namespace does not exist, or nothing answers.
        SearchAttributesError: the namespace refuses, or knows them not after 90 s; the error has the command to run.
    """
    added = await _registered(client)
    await _until_usable(client)
    return added


async def missing_search_attributes(client: Client) -> list[SearchAttributeKey[Any]]:
    """Those that the namespace does not have."""
    async with answered(client):
        known = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace)
        )
    return [key for key in SEARCH_ATTRIBUTES if key.name not in known.custom_attributes]


async def _registered(client: Client) -> list[str]:
    missing = await missing_search_attributes(client)
    if not missing:
        return []
    try:
        await add_search_attributes(client, missing)
    except RPCError as error:
        command = creation_command(client, missing)
        raise SearchAttributesError(namespace=client.namespace, reason=error.message, command=command) from None
    return [key.name for key in missing]


async def _until_usable(client: Client) -> None:
    """Until then starts that name them would be refused, and an event with them."""
    # Of one workflow, which there need not be: what counts is that the names are understood.
    query = " AND ".join(["WorkflowId = 'none'", *(f"{key.name} IS NULL" for key in SEARCH_ATTRIBUTES)])
    deadline = asyncio.get_running_loop().time() + USABLE_WITHIN_SECONDS
    while True:
        try:
            await client.count_workflows(query)
        except RPCError as error:
            if error.status is not RPCStatusCode.INVALID_ARGUMENT:
                return  # the visibility store cannot say; whoever asks it for something hears of that
            if asyncio.get_running_loop().time() >= deadline:
                command = creation_command(client, SEARCH_ATTRIBUTES)
                raise SearchAttributesError(namespace=client.namespace, reason=error.message, command=command) from None
        else:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def creation_command(client: Client, missing: Sequence[SearchAttributeKey[Any]]) -> str:
    """What somebody who may runs to register them."""
    flags = " ".join(f"--name {key.name} --type {_CLI[key.indexed_value_type]}" for key in missing)
    return f"temporal operator search-attribute create --namespace {client.namespace} {flags}"


async def add_search_attributes(client: Client, keys: Sequence[SearchAttributeKey[Any]] = SEARCH_ATTRIBUTES) -> None:
    """Register search attributes without looking; raises ``RPCError`` when the namespace refuses."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={key.name: _WIRE[key.indexed_value_type] for key in keys},
        )
    )


def dev_server_arguments() -> list[str]:
    """The same, as arguments of ``temporal server start-dev``."""
    arguments = []
    for key in SEARCH_ATTRIBUTES:
        arguments += ["--search-attribute", f"{key.name}={_CLI[key.indexed_value_type]}"]
    return arguments
