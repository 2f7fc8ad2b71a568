"""Registers the search attributes of the product, where the namespace lets it, and finds those of another type."""

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, cast

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
        SearchAttributesError: the namespace refuses, has one as another type, or knows them not after 90 s; the error
            has the command to run.
    """
    added = await _registered(client)
    await _until_usable(client)
    return added


class Unfit(NamedTuple):
    """Search attributes that a namespace does not have, and those that it has as another type, with that type."""

    missing: list[SearchAttributeKey[Any]]
    mistyped: dict[SearchAttributeKey[Any], str]

    def mistakes(self) -> str:
        """``ImIncidentId is Text, and must be Keyword``."""
        return "; ".join(f"{key.name} is {kind}, and must be {_type_of(key)}" for key, kind in self.mistyped.items())


async def unfit_search_attributes(client: Client) -> Unfit:
    """What is not registered as the product needs it."""
    async with answered(client):
        found = await client.operator_service.list_search_attributes(
            ListSearchAttributesRequest(namespace=client.namespace), retry=True
        )
    known = {key: found.custom_attributes.get(key.name) for key in SEARCH_ATTRIBUTES}
    return Unfit(
        missing=[key for key, kind in known.items() if kind is None],
        mistyped={key: _told(kind) for key, kind in known.items() if kind not in {None, _WIRE[key.indexed_value_type]}},
    )


async def _registered(client: Client) -> list[str]:
    unfit = await unfit_search_attributes(client)
    if unfit.mistyped:
        command = correction_command(client, list(unfit.mistyped))
        raise SearchAttributesError(namespace=client.namespace, reason=unfit.mistakes(), command=command)
    if not unfit.missing:
        return []
    try:
        await add_search_attributes(client, unfit.missing)
    except RPCError as error:
        reason, command = f"missing, and not to be registered: {error.message}", creation_command(client, unfit.missing)
        raise SearchAttributesError(namespace=client.namespace, reason=reason, command=command) from None
    return [key.name for key in unfit.missing]


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
                reason, command = f"not usable: {error.message}", creation_command(client, SEARCH_ATTRIBUTES)
                raise SearchAttributesError(namespace=client.namespace, reason=reason, command=command) from None
        else:
            return
        await asyncio.sleep(_LOOK_SECONDS)


def creation_command(client: Client, missing: Sequence[SearchAttributeKey[Any]]) -> str:
    """What somebody who may runs to register them."""
    flags = " ".join(f"--name {key.name} --type {_type_of(key)}" for key in missing)
    return f"temporal operator search-attribute create --namespace {client.namespace} {flags}"


def correction_command(client: Client, mistyped: Sequence[SearchAttributeKey[Any]]) -> str:
    """What somebody who may runs to register them as they must be; what is there is found by them no more."""
    flags = " ".join(f"--name {key.name}" for key in mistyped)
    remove = f"temporal operator search-attribute remove --namespace {client.namespace} {flags} --yes"
    return f"{remove} && {creation_command(client, mistyped)}"


def _type_of(key: SearchAttributeKey[Any]) -> str:
    return _CLI[key.indexed_value_type]


def _told(kind: int | None) -> str:
    """A type as the Temporal CLI takes it: ``KeywordList``."""
    words = IndexedValueType.Name(cast("IndexedValueType.ValueType", kind)).removeprefix("INDEXED_VALUE_TYPE_")
    return "".join(map(str.capitalize, words.split("_")))


async def add_search_attributes(client: Client, keys: Sequence[SearchAttributeKey[Any]] = SEARCH_ATTRIBUTES) -> None:
    """Register search attributes without looking; raises ``RPCError`` when the namespace refuses."""
    await client.operator_service.add_search_attributes(
        AddSearchAttributesRequest(
            namespace=client.namespace,
            search_attributes={key.name: _WIRE[key.indexed_value_type] for key in keys},
        ),
        retry=True,
    )


def dev_server_arguments() -> list[str]:
    """The same, as arguments of ``temporal server start-dev``."""
    arguments = []
    for key in SEARCH_ATTRIBUTES:
        arguments += ["--search-attribute", f"{key.name}={_type_of(key)}"]
    return arguments
