"""Who mistypes a name is told of the one that was probably meant, whatever is named, and whoever looks for it."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from domain.directory import Directory, Snapshot
from domain.errors import ImError
from domain.sources import HeartbeatConfig, Sources, ZeebeCluster
from domain.tokens import ApiToken
from service.heartbeats import HeartbeatGateway
from service.http_clients import HttpClientGateway
from service.zeebe_clusters import ZeebeGateway
from tests.support.authorities import make_http_client
from tests.support.builders import NOW, make_subscriber
from workflows.directory_book import DirectoryBook
from workflows.sources_book import SourcesBook

CLIENTS = {"partner": make_http_client("partner")}
SOURCES = Sources(
    clusters={"prod": ZeebeCluster(name="prod", created_at=NOW, updated_at=NOW)},
    heartbeats={
        "backup": HeartbeatConfig(name="backup", every_seconds=60, grace_seconds=30, key_hash="0" * 64, created_at=NOW)
    },
    tokens={"alice": ApiToken(name="alice", token_hash="0" * 64, scopes=("read",), created_at=NOW)},
)
BOOK = SourcesBook(SOURCES, {})


class Known:
    """In the place of the connection, the registry and the subscribers: there is what is there."""

    async def fresh(self) -> Sources:
        return SOURCES

    async def snapshot(self, _known_version: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={}, http_clients=CLIENTS)

    async def require_worker(self) -> None:
        return


def gateway(kind: type[Any]) -> Any:
    made: Any = object.__new__(kind)
    made._connection = made._registry = made._subscribers = Known()
    return made


@pytest.mark.parametrize(
    ("look", "meant"),
    [
        (lambda: gateway(HeartbeatGateway).get("bakup"), "backup"),
        (lambda: gateway(HttpClientGateway).get("partnr"), "partner"),
        (lambda: gateway(ZeebeGateway).cluster("pord"), "prod"),
        (lambda: gateway(ZeebeGateway).accept_as("pord", b"{}"), "prod"),
    ],
)
async def test_a_process_suggests_a_name(look: Callable[[], Awaitable[object]], meant: str) -> None:
    with pytest.raises(ImError) as refused:
        await look()
    assert refused.value.advice.startswith(f"Did you mean {meant}? See the names with: ")


@pytest.mark.parametrize(
    ("look", "meant"),
    [
        (lambda: BOOK._cluster("pord"), "prod"),
        (lambda: BOOK._heartbeat("bakup"), "backup"),
        (lambda: BOOK._token("alic"), "alice"),
        (lambda: DirectoryBook(Directory(http_clients=CLIENTS), ())._get_client("partnr"), "partner"),
        (lambda: Directory(http_clients=CLIENTS).check_client_of(make_subscriber(http_client="partnr")), "partner"),
    ],
)
def test_a_registry_suggests_a_name(look: Callable[[], object], meant: str) -> None:
    with pytest.raises(ImError) as refused:
        look()
    assert refused.value.advice.startswith(f"Did you mean {meant}? See the names with: ")
