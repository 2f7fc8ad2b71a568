"""What a replay can look for in Temporal's visibility store."""

import asyncio
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.directory import Snapshot
from domain.errors import InvalidRequestError, UnavailableError
from domain.replays import Survey
from domain.subscribers import Subscriber
from service import turns
from service.replay_search import ReplaySearch
from service.replay_views import ReplayOptions
from service.replays import SURVEYS_AT_ONCE, ReplayGateway
from tests.support.builders import make_subscriber
from tests.support.eventually import eventually


@dataclass
class Known:
    subscriber: Subscriber = field(default_factory=make_subscriber)

    async def snapshot(self, _known: int | None) -> Snapshot:
        return Snapshot(version=1, subscribers={self.subscriber.name: self.subscriber})


@pytest.mark.parametrize("odd", ["a'b", 'a"b', "a\\b", "a`b"])
async def test_a_replay_that_could_not_look_for_its_events_is_not_started(odd: str) -> None:
    for given, types in ([odd], ("**",)), (None, (odd,)):
        gateway = ReplayGateway(cast("Any", None), cast("Any", Known(make_subscriber(types=types))))
        with pytest.raises(InvalidRequestError, match=r"cannot be looked for.*such as"):
            await gateway.start(ReplayOptions(to="my-webhook", types=given))


async def test_a_crowd_of_dry_runs_takes_turns_and_is_told_to_come_again(monkeypatch: pytest.MonkeyPatch) -> None:
    under_way = 0

    async def survey(*_: object, **__: object) -> Survey:
        nonlocal under_way
        under_way += 1
        await done.wait()
        return Survey()

    done = asyncio.Event()
    monkeypatch.setattr(ReplaySearch, "survey", survey)
    monkeypatch.setattr(turns, "PATIENCE_SECONDS", 0.05)
    gateway = ReplayGateway(cast("Any", SimpleNamespace(client=None)), cast("Any", Known()))
    asked = [asyncio.create_task(gateway.survey(ReplayOptions(to="my-webhook"))) for _ in range(20)]
    await eventually(lambda: sum(task.done() for task in asked) >= len(asked) - SURVEYS_AT_ONCE)
    refused, going = await asyncio.wait(asked, timeout=0.2)
    assert (under_way, len(going)) == (SURVEYS_AT_ONCE, SURVEYS_AT_ONCE)
    assert {type(task.exception()) for task in refused} == {UnavailableError}
    done.set()
    assert await asyncio.gather(*going, gateway.survey(ReplayOptions(to="my-webhook")))
