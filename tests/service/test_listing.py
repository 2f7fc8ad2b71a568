"""The latest workflows of a store that sorts otherwise and holds more than one answer."""

import itertools
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from temporalio.client import Client

from domain.errors import InvalidRequestError
from service.listing import MAX_LISTED, check_limit, latest

AT = datetime.now(UTC) - timedelta(days=1)


@dataclass
class Run:
    start_time: datetime


class Store:
    """Gives the first ``left_open`` first, as visibility does; all of them, oldest first, are the worst case."""

    def __init__(self, count: int, left_open: int = 0) -> None:
        runs = [Run(AT + timedelta(seconds=number)) for number in range(count)]
        self.runs = runs[:left_open] + runs[left_open:][::-1]
        self.asked = 0

    async def list_workflows(self, query: str, limit: int) -> AsyncIterator[Run]:
        self.asked += 1
        tests = re.findall(r"StartTime (<|>=) '([^']+)'", query)
        limits = [(sign, datetime.fromisoformat(at)) for sign, at in tests]
        wanted = (r for r in self.runs if all((r.start_time < at) == (sign == "<") for sign, at in limits))
        for run in itertools.islice(wanted, limit):
            yield run


async def pages(store: Store, limit: int = MAX_LISTED) -> list[list[datetime]]:
    found, before = [], None
    while True:
        runs, before = await latest(cast("Client", cast("Any", store)), "WorkflowType = 'a'", before, limit)
        found.append([run.start_time for run in runs])
        if before is None:
            return found


@pytest.mark.parametrize("count", [0, 1, 999, 1000, 1001, 2600, 9000])
@pytest.mark.parametrize("left_open", [0, 400, 3000, 9000])
@pytest.mark.parametrize("limit", [100, 1000])
async def test_every_workflow_is_given_once_and_the_latest_first(count: int, left_open: int, limit: int) -> None:
    store = Store(count, left_open)
    found = await pages(store, limit)
    given = [at for page in found for at in page]
    assert given == sorted((run.start_time for run in store.runs), reverse=True)


async def test_a_list_that_one_answer_holds_is_asked_for_once() -> None:
    store = Store(MAX_LISTED - 1)
    await pages(store)
    assert store.asked == 1


async def test_no_more_is_read_than_a_short_list_needs() -> None:
    runs, _ = await latest(cast("Client", cast("Any", Store(5000))), "WorkflowType = 'a'", None, 100)
    assert 100 <= len(runs) <= 200


@pytest.mark.parametrize("limit", [-1, 0, 1001])
def test_a_limit_out_of_range_is_refused(limit: int) -> None:
    with pytest.raises(InvalidRequestError):
        check_limit(limit)
