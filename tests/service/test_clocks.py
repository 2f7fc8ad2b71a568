"""This host's clock is an hour off Temporal's: what is found there is found all the same."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from temporalio.api.taskqueue.v1 import PollerInfo
from temporalio.client import Client

from domain.errors import InvalidRequestError
from service.changes import read_position
from service.drains import OLDEST, find_waiting
from service.workers import fresh_pollers

HOUR = timedelta(hours=1)


def polled(**ago: timedelta) -> list[PollerInfo]:
    found = []
    for identity, age in ago.items():
        at = Timestamp()
        at.FromDatetime(datetime.now(UTC) - age)
        found.append(PollerInfo(identity=identity, last_access_time=at))
    return found


@pytest.mark.parametrize("ahead", [-HOUR, timedelta(), HOUR])
def test_who_polled_a_moment_ago_is_there_by_any_clock(ahead: timedelta) -> None:
    assert "here" in fresh_pollers(polled(here=ahead + timedelta(seconds=1), gone=ahead + timedelta(seconds=100)))


def test_who_stopped_minutes_ago_is_gone() -> None:
    assert fresh_pollers(polled(gone=timedelta(seconds=100), older=timedelta(minutes=5))) == set()
    assert fresh_pollers(polled(here=HOUR, gone=HOUR + timedelta(seconds=100))) == {"here"}
    assert fresh_pollers([]) == set()


def test_a_place_in_the_stream_may_be_ahead_of_a_clock_that_was_set_back() -> None:
    at = datetime.now(UTC) + HOUR
    assert read_position(at.isoformat()) == at
    with pytest.raises(InvalidRequestError):
        read_position((at + timedelta(days=2)).isoformat())


@dataclass
class Waiting:
    id: str
    start_time: datetime
    accepted: datetime | None = None

    async def memo_value(self, _name: str, default: Any) -> Any:
        return self.accepted.isoformat() if self.accepted else default


@dataclass
class Counting:
    """Counts and lists what began up to a time, as visibility does."""

    runs: list[Waiting] = field(default_factory=list)

    def _of(self, query: str) -> list[Waiting]:
        until = query.partition("StartTime <= '")[2].strip("'")
        return [run for run in self.runs if not until or run.start_time <= datetime.fromisoformat(until)]

    async def count_workflows(self, query: str) -> Any:
        return type("Count", (), {"count": len(self._of(query))})

    async def list_workflows(self, query: str) -> AsyncIterator[Waiting]:
        for run in self._of(query):
            yield run


@pytest.mark.parametrize("off", [-HOUR, HOUR])
async def test_what_waits_is_found_by_any_clock(off: timedelta) -> None:
    began = datetime.now(UTC) + off
    store = Counting([Waiting(f"event/{number}", began + timedelta(seconds=number)) for number in range(2 * OLDEST)])
    found = await find_waiting(cast("Client", cast("Any", store)), "ops")
    assert found.count == 2 * OLDEST
    assert found.oldest
    assert found.oldest[0].workflow_id == "event/0"


async def test_what_waits_is_as_old_as_its_event_not_as_the_workflow_that_goes_on_with_it() -> None:
    began = datetime.now(UTC)
    rest = Waiting("event/1/rest-1", began, accepted=began - HOUR)
    store = Counting([Waiting("event/2", began - HOUR / 2), rest, Waiting("event/3", began)])
    found = await find_waiting(cast("Client", cast("Any", store)), "ops")
    assert [each.workflow_id for each in found.oldest] == ["event/1/rest-1", "event/2", "event/3"]
    assert (found.oldest[0].emitted_at, found.since) == (began - HOUR, began - HOUR)
