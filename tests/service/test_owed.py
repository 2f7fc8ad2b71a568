"""How much a subscriber is owed is counted, events that share a workflow too."""

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client

from domain.drains import Owed
from service.owed import NAMED_AT_ONCE, count_owed, count_owing
from tests.service.test_event_list import Run
from workflows import names


class Store:
    """Finds workflows by the keywords in a query, or those that several events share."""

    def __init__(self, *runs: Run) -> None:
        self.runs = runs
        self.counted: list[int] = []

    async def count_workflows(self, query: str) -> Any:
        wanted = set(re.findall(r"'([a-z]+:[^']+)'", query))
        self.counted.append(len(wanted))
        return SimpleNamespace(count=sum(not wanted.isdisjoint(run.keywords) for run in self.runs))

    async def list_workflows(self, query: str, limit: int) -> AsyncIterator[Run]:
        prefix = names.shared_workflow_id("")
        assert f"STARTS_WITH '{prefix}'" in query
        for each in [run for run in self.runs if run.id.startswith(prefix)][:limit]:
            yield each


def client(*runs: Run) -> Client:
    return cast("Client", cast("Any", Store(*runs)))


async def test_each_event_of_a_burst_is_counted_that_has_not_ended() -> None:
    outcomes = ["retrying", "pending", "delivered", "waiting", "failed", "handed_over"]
    store = client(
        Run(6, "retrying", ["retrying:a", "waiting:b"], id="events/1", outcomes=outcomes),
        Run(50, "retrying", ["retrying:a"], id="events/2"),
        Run(50, "pending", ["pending:a"], id="events/3"),  # nothing is known of it yet
        Run(1, "retrying", ["retrying:a"]),
    )
    assert await count_owed(store, "a") == Owed(retrying=2 + 50 + 1)
    assert await count_owed(store, "b") == Owed(waiting=1)


async def test_a_burst_that_has_gone_on_but_does_not_say_so_counts_as_one() -> None:
    assert await count_owed(client(Run(2, "failed", ["retrying:a"], id="events/1")), "a") == Owed(retrying=1)


@pytest.mark.parametrize("troubled", [(), ("s7",), ("s0", "s63", "s119")])
async def test_those_without_any_are_asked_for_together(troubled: tuple[str, ...]) -> None:
    store = Store(*(Run(1, "retrying", [f"retrying:{name}"]) for name in troubled))
    found = await count_owing(cast("Client", cast("Any", store)), [f"s{number}" for number in range(120)], "retrying")
    assert found == dict.fromkeys(troubled, 1)
    assert max(store.counted) <= NAMED_AT_ONCE
    assert len(store.counted) <= 4 + 12 * len(troubled)
