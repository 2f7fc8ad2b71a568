"""What subscribers have not been told yet, as Temporal's visibility store counts it, a second behind at most.

Counted rather than listed where there are many: to list two thousand workflows takes Temporal seconds, to count them
some hundredths of one.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime

from temporalio.client import Client

from domain.drains import Owed
from service.accepted import when_accepted
from service.event_rows import outcomes_of
from service.listing import quoted
from workflows import names

_RUNNING = "WorkflowType = 'EventWorkflow' AND ExecutionStatus = 'Running'"
_STANDS_FOR = {  # outcomes of single events, by a keyword
    "waiting": {"waiting"},
    "retrying": {"retrying", "pending"},
    "pending": {"pending"},
}
NAMED_AT_ONCE = 50  # in one query
LISTED_FOR_EACH = 20  # workflows, a millisecond each; to count a subscriber's takes two queries of ten
SHARED_LOOKED_AT = 200  # workflows of up to a hundred events each; of those beyond, one event each is counted


def owing(subscribers: Sequence[str], state: str = "waiting") -> str:
    """A query for the workflows with a delivery in a state to any of some subscribers.

    Of an event that waits for more subscribers than its search attribute can name, one too many may be found.
    """
    keywords = ", ".join(quoted(word) for each in subscribers for word in _keywords(each, state))
    return f"{_RUNNING} AND {names.SUBSCRIBERS.name} IN ({keywords})"


class Counts:
    """How many deliveries to each subscriber are ``waiting``, ``retrying`` or ``pending``, as far as they are counted.

    Events that share a workflow are counted too. Which of them are for whom of those in that state there is not known:
    they count for all in equal parts. While a workflow of each is being started, some count twice.

    Attributes:
        oldest: when the oldest event was accepted that waits, of those for whom few do: they are listed to be counted.
    """

    def __init__(self) -> None:
        self.oldest: dict[str, datetime] = {}
        self._workflows: dict[tuple[str, str], int] = {}
        self._beyond_one: Counter[tuple[str, str]] | None = None

    def of(self, subscriber: str, state: str) -> int | None:
        """Those of one subscriber; None where they were not asked for, or not counted before the count was given up."""
        workflows = self._workflows.get((state, subscriber))
        if not workflows:
            return workflows
        return None if self._beyond_one is None else workflows + self._beyond_one[state, subscriber]

    async def take(self, client: Client, asked: Mapping[str, Sequence[str]]) -> None:
        """Count, by state for which subscribers; given up on the way, what is counted by then is kept."""
        counting = (self._count(client, subscribers, state) for state, subscribers in asked.items() if subscribers)
        await asyncio.gather(self._look_at_shared(client), *counting)

    async def _count(self, client: Client, subscribers: Sequence[str], state: str) -> None:
        """Count workflows: of several subscribers it is asked together, and of each half where there are many."""
        if len(subscribers) <= NAMED_AT_ONCE:
            query = owing(subscribers, state)
            count = (await client.count_workflows(query)).count
            if not count or len(subscribers) == 1:
                self._workflows |= {(state, each): count for each in subscribers}
                return
            if count <= LISTED_FOR_EACH * len(subscribers):
                await self._list(client, query, subscribers, state)
                return
        middle = len(subscribers) // 2
        halves = subscribers[:middle], subscribers[middle:]
        await asyncio.gather(*(self._count(client, half, state) for half in halves))

    async def _list(self, client: Client, query: str, subscribers: Sequence[str], state: str) -> None:
        """Count workflows as a list of them names the subscribers."""
        meant = {each: set(_keywords(each, state)) for each in subscribers}
        found: Counter[str] = Counter()
        oldest: dict[str, datetime] = {}
        async for run in client.list_workflows(query):
            said, at = run.typed_search_attributes.get(names.SUBSCRIBERS, []), await when_accepted(run)
            theirs = [each for each, keywords in meant.items() if not keywords.isdisjoint(said)]
            found.update(theirs)
            oldest |= {each: min(at, oldest.get(each, at)) for each in theirs}
        self.oldest |= oldest if state == "waiting" else {}
        self._workflows |= {(state, each): found[each] for each in subscribers}

    async def _look_at_shared(self, client: Client) -> None:
        """Count what workflows stand for that several events share, beside the one that each is counted as."""
        found: Counter[tuple[str, str]] = Counter()
        shared = f"{_RUNNING} AND WorkflowId STARTS_WITH {quoted(names.shared_workflow_id(''))}"
        async for run in client.list_workflows(shared, limit=SHARED_LOOKED_AT):
            words = run.typed_search_attributes.get(names.SUBSCRIBERS, [])
            for state, outcomes in _STANDS_FOR.items():
                subscribers = [word.partition(":")[2] for word in words if word.startswith(f"{state}:")]
                if subscribers:
                    count = sum(outcome in outcomes for outcome in await outcomes_of(run))
                    beyond = max(math.ceil(count / len(subscribers)) - 1, 0)
                    found.update({(state, each): beyond for each in subscribers})
        self._beyond_one = found


async def count_owed(client: Client, subscriber: str, *, ordered: bool = False) -> Owed:
    """What a subscriber has not been told yet, of one with a lane what waits there too; see `Counts`."""
    states = ["waiting", "retrying", *(["pending"] if ordered else [])]
    counts = Counts()
    await counts.take(client, {state: [subscriber] for state in states})
    waiting, *under_way = (counts.of(subscriber, state) or 0 for state in states)
    return Owed(waiting=waiting, retrying=sum(under_way))


def _keywords(subscriber: str, state: str) -> list[str]:
    marks = [names.waiting_mark(subscriber)] if state == "waiting" else []
    return [f"{state}:{subscriber}", *marks]
