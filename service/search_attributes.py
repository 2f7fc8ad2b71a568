"""Registers the search attributes of the product, where the namespace lets it."""

from collections.abc import Sequence
from typing import Any

from temporalio.api.enums.v1 import IndexedValueType
from temporalio.api.operatorservice.v1 import AddSearchAttributesRequest, ListSearchAttributesRequest
from temporalio.client import Client
from temporalio.common import SearchAttributeIndexedValueType as Kind
from temporalio.common import SearchAttributeKey
from temporalio.service import RPCError

from domain.errors import SearchAttributesError
from workflows.names import SEARCH_ATTRIBUTES

_WIRE = {
    Kind.KEYWORD: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD,
    Kind.KEYWORD_LIST: IndexedValueType.INDEXED_VALUE_TYPE_KEYWORD_LIST,
}
_CLI = {Kind.KEYWORD: "Keyword", Kind.KEYWORD_LIST: "KeywordList"}


async def ensure_search_attributes(client: Client) -> list[str]:
    """Register what is missing; returns the names that were added.

    Raises:
        SearchAttributesError: the namespace refuses; the error has the command to run.
    """
    known = await client.operator_service.list_search_attributes(
        ListSearchAttributesRequest(namespace=client.namespace)
    )
    missing = [key for key in SEARCH_ATTRIBUTES if key.name not in known.custom_attributes]
    if not missing:
        return []
    try:
        await add_search_attributes(client, missing)
    except RPCError as error:
        command = creation_command(client, missing)
        raise SearchAttributesError(namespace=client.namespace, reason=error.message, command=command) from None
    return [key.name for key in missing]


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
