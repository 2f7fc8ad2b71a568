"""What a replay can look for in Temporal's visibility store."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from domain.directory import Snapshot
from domain.errors import InvalidRequestError, UnavailableError
from domain.replays import PageRequest, Selection, Survey
from domain.subscribers import Subscriber
from service import turns
from service.replay_search import MAX_RUNS, ReplaySearch
from service.replay_selection import selected
from service.replay_views import ReplayOptions
from service.replays import SURVEYS_AT_ONCE, ReplayGateway
from tests.service.test_event_list import Run
from tests.support.builders import NOW, make_subscriber
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


class Started:
    """Has workflows by the time they began, and answers no question but that."""

    def __init__(self, *runs: Run) -> None:
        self.runs = runs
        self.asked = 0

    async def count_workflows(self, query: str) -> Any:
        self.asked += 1
        return SimpleNamespace(count=len(self._of(query)))

    async def list_workflows(self, query: str) -> AsyncIterator[Run]:
        for each in self._of(query):
            yield each

    def _of(self, query: str) -> list[Run]:
        limits = [datetime.fromisoformat(at) for at in re.findall(r"StartTime (?:>=|<) '([^']+)'", query)]
        return [run for run in self.runs if not limits or limits[0] <= run.start_time < limits[1]]


REST = Run(1, "failed", ["failed:my-webhook"], id="event/0@0/rest-a", accepted=NOW - timedelta(minutes=30))


@pytest.mark.parametrize(
    ("since", "until", "taken"),
    [
        (None, timedelta(minutes=20), True),  # it went on after that, and failed
        (timedelta(minutes=20), timedelta(), False),
        (timedelta(minutes=40), timedelta(minutes=20), True),
        (timedelta(minutes=60), timedelta(minutes=40), False),
    ],
)
async def test_what_failed_is_replayed_by_when_its_event_was_accepted(
    monkeypatch: pytest.MonkeyPatch, since: timedelta | None, until: timedelta, taken: bool
) -> None:
    now = NOW + timedelta(minutes=1)
    monkeypatch.setattr("service.replay_views.datetime", SimpleNamespace(now=lambda _: now))
    options = ReplayOptions(subscriber="my-webhook", failed_only=True, since=since and NOW - since, until=NOW - until)
    connection = SimpleNamespace(client=Started(REST))
    selection, to = await selected(cast("Any", connection), cast("Any", Known()), options)
    page = await ReplaySearch(cast("Any", connection.client)).page(PageRequest(selection=selection), to)
    assert [event.at for event in page.found] == ([REST.accepted] if taken else [])


@pytest.mark.parametrize(
    ("stated", "taken"),
    [
        ({"worst": "SEV-3"}, False),  # of an older version, which wrote it as a search attribute alone
        ({"worst": "SEV-1"}, True),
        ({"worst": "SEV-3", "severities": {"0": "SEV-3"}}, False),
        ({}, True),
    ],
)
async def test_a_replay_takes_the_severities_that_its_receiver_chose(stated: dict[str, Any], taken: bool) -> None:
    options = ReplayOptions(to="my-webhook", until=NOW + timedelta(minutes=1))
    connection = SimpleNamespace(client=Started(replace(REST, **stated)))
    selection, to = await selected(cast("Any", connection), cast("Any", Known()), options)
    to = to.model_copy(update={"severities": ("SEV-1",)})
    page = await ReplaySearch(cast("Any", connection.client)).page(PageRequest(selection=selection), to)
    assert bool(page.found) is taken


async def test_a_search_that_finds_nothing_for_long_goes_on_with_another_page() -> None:
    later = [replace(REST, start_time=NOW + timedelta(seconds=number)) for number in range(MAX_RUNS * 40)]
    selection = Selection(to="my-webhook", until=NOW, begun_before=NOW + timedelta(hours=2), since=NOW)
    search, request = ReplaySearch(cast("Any", Started(*later))), PageRequest(selection=selection)
    page = await search.page(request, make_subscriber())
    assert page.found == []
    assert page.cursor is not None
    while page.cursor is not None:
        page = await search.page(PageRequest(selection=selection, cursor=page.cursor), make_subscriber())
        assert page.found == []
