"""What services refuse has the name that callers know it by."""

from collections.abc import Awaitable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest
import trustme

from activities.certificates import read_certified_key
from domain.addresses import AddressPolicy
from domain.directory import Snapshot
from domain.errors import InvalidInputError
from service.event_list import EventFilter, find_events
from service.heartbeats import HeartbeatGateway
from service.replay_selection import selected
from service.replay_views import ReplayOptions
from tests.support.authorities import pem_of
from tests.support.builders import NOW

NOBODY: Any = SimpleNamespace(policy=AddressPolicy())


class NoSubscribers:
    async def snapshot(self, known_version: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={})


def replay_to(**whom: str) -> Awaitable[object]:
    return selected(NOBODY, cast("Any", NoSubscribers()), ReplayOptions(**whom))


def heartbeat(ping_url: str) -> Awaitable[object]:
    heartbeats = HeartbeatGateway(NOBODY, NOBODY, NOBODY)
    return heartbeats.add("a", every=timedelta(hours=1), grace=timedelta(), ping_url=ping_url)


async def key(pem: str) -> object:
    chain, _ = pem_of(trustme.CA().issue_cert("a.example"))
    return read_certified_key(chain, pem, None, NOW)


@pytest.mark.parametrize(
    ("asked", "named"),
    [
        (lambda: find_events(NOBODY, EventFilter(type="a..b")), "type"),
        (lambda: replay_to(to="a"), "to"),
        (lambda: heartbeat("ftp://a.example"), "ping_url"),
        (lambda: heartbeat("https://10.0.0.1/"), "ping_url"),
        (lambda: key("nonsense"), "key"),
    ],
)
async def test_what_is_refused_is_named_as_it_was_given(asked: Any, named: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        await asked()
    assert refused.value.field == named
