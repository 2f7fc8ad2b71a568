"""Tokens in the registry of sources: refused in validators, carried over, and their uses beside them."""

import uuid
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from temporalio.client import Client, WorkflowHandle, WorkflowUpdateFailedError
from temporalio.exceptions import ApplicationError

from domain.sources import Sources, ZeebeCluster
from domain.tokens import ApiToken, TokenUses
from service.temporal import DATA_CONVERTER
from tests.support.eventually import eventually
from tests.support.platform import temporal_dev_server
from tests.support.workers import Worker
from workflows.sources import SourcesState, SourcesWorkflow
from workflows.sources_book import MAX_TOKENS

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)

Registry = WorkflowHandle[SourcesWorkflow, None]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def client(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Client]:
    folder = tmp_path_factory.mktemp("registry")
    async with temporal_dev_server(folder, ["limit.historyCount.suggestContinueAsNew=60"]) as server:
        yield await Client.connect(server.address, data_converter=DATA_CONVERTER)


@pytest_asyncio.fixture(loop_scope="session")
async def registry(client: Client) -> AsyncIterator[Registry]:
    queue = str(uuid.uuid4())
    cluster = ZeebeCluster(name="prod", created_at=AT, updated_at=AT)
    state = SourcesState(sources=Sources(clusters={"prod": cluster}))
    async with Worker(client, task_queue=queue, workflows=[SourcesWorkflow]):
        await client.start_workflow(SourcesWorkflow.run, state, id=queue, task_queue=queue)
        yield client.get_workflow_handle_for(SourcesWorkflow.run, queue)  # of the latest run


def token(name: str, *scopes: str) -> ApiToken:
    return ApiToken(name=name, token_hash=f"hash-of-{name}", scopes=scopes or ("read",), created_at=AT)


async def refusal(registry: Registry, update: object, argument: object) -> str:
    with pytest.raises(WorkflowUpdateFailedError) as failed:
        await registry.execute_update(update, argument)  # type: ignore[call-overload]
    assert isinstance(failed.value.cause, ApplicationError)
    return failed.value.cause.type or ""


async def test_a_name_is_taken_until_its_token_is_revoked(registry: Registry) -> None:
    added = await registry.execute_update(SourcesWorkflow.add_token, token("ci"))
    assert added.created_at > AT, "by the clock of Temporal"
    assert await refusal(registry, SourcesWorkflow.add_token, token("ci")) == "token_exists"
    assert (await registry.execute_update(SourcesWorkflow.revoke_token, "ci")).name == "ci"
    assert await refusal(registry, SourcesWorkflow.revoke_token, "ci") == "token_not_found"
    await registry.execute_update(SourcesWorkflow.add_token, token("ci"))


async def test_a_token_is_for_clusters_that_exist(registry: Registry) -> None:
    await registry.execute_update(SourcesWorkflow.add_token, token("good", "ingest:prod"))
    assert await refusal(registry, SourcesWorkflow.add_token, token("bad", "ingest:pord")) == "cluster_not_found"


async def test_a_cluster_that_is_added_anew_is_posted_for_by_no_token_of_the_former(registry: Registry) -> None:
    for name, scopes in (("only", ["ingest:prod"]), ("also", ["read", "ingest:prod"]), ("other", ["read"])):
        await registry.execute_update(SourcesWorkflow.add_token, token(name, *scopes))
    gone = await registry.execute_update(SourcesWorkflow.retire_cluster, "prod")
    assert (gone.cluster.name, gone.narrowed, gone.revoked) == ("prod", ["also"], ["only"])
    await registry.execute_update(SourcesWorkflow.add_cluster, ZeebeCluster(name="prod", created_at=AT, updated_at=AT))
    known = (await registry.query(SourcesWorkflow.snapshot, None)).sources
    assert known is not None
    assert {name: each.scopes for name, each in known.tokens.items()} == {"also": ("read",), "other": ("read",)}


async def test_refused_changes_leave_no_trace(registry: Registry) -> None:
    before = (await registry.describe()).history_length
    await refusal(registry, SourcesWorkflow.revoke_token, "nobody")
    assert (await registry.query(SourcesWorkflow.snapshot, None)).version == 0
    assert (await registry.describe()).history_length <= before + 3  # the task itself; no update


async def test_there_are_no_more_than_200(client: Client) -> None:
    queue = str(uuid.uuid4())
    full = Sources(tokens={f"t{n}": token(f"t{n}") for n in range(MAX_TOKENS)})
    async with Worker(client, task_queue=queue, workflows=[SourcesWorkflow]):
        started = await client.start_workflow(
            SourcesWorkflow.run, SourcesState(sources=full), id=queue, task_queue=queue
        )
        assert await refusal(started, SourcesWorkflow.add_token, token("more")) == "invalid_request"


async def test_the_latest_use_counts_and_only_of_tokens_that_are_there(registry: Registry) -> None:
    added = await registry.execute_update(SourcesWorkflow.add_token, token("ci"))
    later = added.created_at + timedelta(minutes=2)
    for at in (later, later - timedelta(minutes=1), added.created_at - timedelta(days=1)):
        await registry.signal(SourcesWorkflow.tokens_used, TokenUses(at={"ci": at, "gone": at}))
    assert (await registry.query(SourcesWorkflow.token_uses)).at == {"ci": later}
    assert (await registry.query(SourcesWorkflow.snapshot, None)).version == 1, "nobody reads everything anew for it"
    await registry.execute_update(SourcesWorkflow.revoke_token, "ci")
    await registry.execute_update(SourcesWorkflow.add_token, token("ci"))
    assert (await registry.query(SourcesWorkflow.token_uses)).at == {}


async def test_tokens_and_their_uses_are_carried_over(registry: Registry, client: Client) -> None:
    added = await registry.execute_update(SourcesWorkflow.add_token, token("ci", "publish", "ingest:prod"))
    first = (await registry.describe()).run_id
    at = added.created_at
    while (await registry.describe()).run_id == first:
        at += timedelta(minutes=1)
        await registry.signal(SourcesWorkflow.tokens_used, TokenUses(at={"ci": at}))

    async def carried() -> bool:
        return (await registry.query(SourcesWorkflow.token_uses)).at == {"ci": at}

    await eventually(carried)
    sources = (await registry.query(SourcesWorkflow.snapshot, None)).sources
    assert sources is not None
    assert sources.tokens == {"ci": added}
