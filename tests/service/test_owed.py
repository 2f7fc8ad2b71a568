"""How much a subscriber is owed is counted, events that share a workflow too."""

import re
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import Any, cast

import pytest
from temporalio.client import Client

from domain.drains import Owed
from service.owed import LISTED_FOR_EACH, NAMED_AT_ONCE, Counts, count_owed
from tests.service.test_event_list import Run
from workflows import names


class Store:
    """Finds workflows by the keywords in a query, or those that several events share."""

    def __init__(self, *runs: Run) -> None:
        self.runs = runs
        self.counted: list[int] = []
        self.listed = self.looked_at_shared = 0

    async def count_workflows(self, query: str) -> Any:
        named, found = self._find(query)
        self.counted.append(len(named))
        return SimpleNamespace(count=len(found))

    async def list_workflows(self, query: str, limit: int | None = None) -> AsyncIterator[Run]:
        prefix = names.shared_workflow_id("")
        if f"STARTS_WITH '{prefix}'" in query:
            found = [run for run in self.runs if run.id.startswith(prefix)][:limit]
            self.looked_at_shared += 1
        else:
            found = self._find(query)[1]
            self.listed += len(found)
        for each in found:
            yield each

    def _find(self, query: str) -> tuple[set[str], list[Run]]:
        wanted = set(re.findall(r"'([a-z]+:[^']+)'", query))
        return wanted, [run for run in self.runs if not wanted.isdisjoint(run.keywords)]


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


async def test_what_waits_for_its_turn_is_owed_too() -> None:
    store = client(Run(1, "retrying", ["retrying:a"]), Run(1, "pending", ["pending:a"]))
    assert await count_owed(store, "a", ordered=True) == Owed(retrying=2)
    assert await count_owed(store, "a") == Owed(retrying=1)  # to anybody else its first request is under way


async def test_a_burst_for_many_counts_for_each_in_part() -> None:
    crowd = [f"retrying:s{number}" for number in range(40)]
    assert await count_owed(client(Run(100, "retrying", crowd, id="events/1")), "s7") == Owed(retrying=3)


async def test_a_burst_that_has_gone_on_but_does_not_say_so_counts_as_one() -> None:
    assert await count_owed(client(Run(2, "failed", ["retrying:a"], id="events/1")), "a") == Owed(retrying=1)


async def test_events_that_share_a_workflow_are_looked_for_once_for_all_states() -> None:
    store = Store(Run(2, "retrying", ["retrying:a", "waiting:a"], id="events/1", outcomes=["waiting", "retrying"]))
    assert await count_owed(cast("Client", cast("Any", store)), "a") == Owed(waiting=1, retrying=1)
    assert store.looked_at_shared == 1


async def retrying(store: Store) -> dict[str, int]:
    """How many are counted for each of a crowd, of those who have any."""
    counts = Counts()
    await counts.take(cast("Client", cast("Any", store)), {"retrying": CROWD})
    found = {name: counts.of(name, "retrying") for name in CROWD}
    assert None not in found.values()
    return {name: count for name, count in found.items() if count}


CROWD = [f"s{number}" for number in range(120)]


@pytest.mark.parametrize("troubled", [(), ("s7",), ("s0", "s63", "s119")])
async def test_those_without_any_are_asked_for_together(troubled: tuple[str, ...]) -> None:
    many = 1 + LISTED_FOR_EACH * NAMED_AT_ONCE
    store = Store(*(Run(1, "retrying", [f"retrying:{name}"]) for name in troubled for _ in range(many)))
    assert await retrying(store) == dict.fromkeys(troubled, many)
    assert max(store.counted) <= NAMED_AT_ONCE
    assert len(store.counted) <= 4 + 12 * len(troubled)
    assert store.listed == 0


async def test_a_few_events_that_all_fail_for_are_listed() -> None:
    store = Store(*(Run(1, "retrying", [f"retrying:{name}" for name in CROWD]) for _ in range(5)))
    assert await retrying(store) == dict.fromkeys(CROWD, 5)
    assert len(store.counted) <= 7
    assert store.listed <= 5 * 4
