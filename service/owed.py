"""What subscribers have not been told yet, as Temporal's visibility store counts it, a second behind at most.

Counted rather than listed where there are many: to list two thousand workflows takes Temporal seconds, to count them
some hundredths of one.
"""

import asyncio
import math
from collections import Counter
from collections.abc import Sequence

from temporalio.client import Client

from domain.drains import Owed
from service.event_list import outcomes_of
from service.listing import quoted
from workflows import names

_RUNNING = "WorkflowType = 'EventWorkflow' AND ExecutionStatus = 'Running'"
_STANDS_FOR = {"waiting": {"waiting"}, "retrying": {"retrying", "pending"}}  # outcomes of single events, by a keyword
NAMED_AT_ONCE = 50  # in one query
LISTED_FOR_EACH = 20  # workflows, a millisecond each; to count a subscriber's takes two queries of ten
SHARED_LOOKED_AT = 200  # workflows of up to a hundred events each; of those beyond, one event each is counted


def owing(subscribers: Sequence[str], state: str = "waiting") -> str:
    """A query for the workflows with a delivery in a state to any of some subscribers.

    Of an event that waits for more subscribers than its search attribute can name, one too many may be found.
    """
    keywords = ", ".join(quoted(word) for each in subscribers for word in _keywords(each, state))
    return f"{_RUNNING} AND {names.SUBSCRIBERS.name} IN ({keywords})"


async def count_owing(client: Client, subscribers: Sequence[str], state: str) -> Counter[str]:
    """How many deliveries to each subscriber are ``waiting`` or ``retrying``.

    Events that share a workflow are counted too. Which of them are for whom of those in that state there is not known:
    they count for all in equal parts. While a workflow of each is being started, some count twice.
    """
    if not subscribers:
        return Counter()
    found, beyond = await asyncio.gather(_count(client, subscribers, state), _beyond_one(client, state))
    return Counter({name: count + beyond[name] for name, count in found.items()})


async def count_owed(client: Client, subscriber: str) -> Owed:
    """What a subscriber has not been told yet; see `count_owing`."""
    waiting, retrying = await asyncio.gather(
        *(count_owing(client, [subscriber], state) for state in ("waiting", "retrying"))
    )
    return Owed(waiting=waiting[subscriber], retrying=retrying[subscriber])


async def _count(client: Client, subscribers: Sequence[str], state: str) -> Counter[str]:
    """Workflows, by subscriber: of several it is asked together, and of each half where there are many."""
    if len(subscribers) <= NAMED_AT_ONCE:
        query = owing(subscribers, state)
        count = (await client.count_workflows(query)).count
        if not count:
            return Counter()
        if len(subscribers) == 1:
            return Counter({subscribers[0]: count})
        if count <= LISTED_FOR_EACH * len(subscribers):
            return await _tally(client, query, subscribers, state)
    middle = len(subscribers) // 2
    first, second = await asyncio.gather(
        _count(client, subscribers[:middle], state), _count(client, subscribers[middle:], state)
    )
    return first + second


async def _tally(client: Client, query: str, subscribers: Sequence[str], state: str) -> Counter[str]:
    """Workflows, by subscriber, as a list of them says."""
    meant = {each: set(_keywords(each, state)) for each in subscribers}
    found: Counter[str] = Counter()
    async for run in client.list_workflows(query):
        said = run.typed_search_attributes.get(names.SUBSCRIBERS, [])
        found.update(each for each, keywords in meant.items() if not keywords.isdisjoint(said))
    return found


def _keywords(subscriber: str, state: str) -> list[str]:
    marks = [names.waiting_mark(subscriber)] if state == "waiting" else []
    return [f"{state}:{subscriber}", *marks]


async def _beyond_one(client: Client, state: str) -> Counter[str]:
    """Of workflows that several events share, the events that they stand for beside the one they are counted as."""
    found: Counter[str] = Counter()
    shared = f"{_RUNNING} AND WorkflowId STARTS_WITH {quoted(names.shared_workflow_id(''))}"
    async for run in client.list_workflows(shared, limit=SHARED_LOOKED_AT):
        words = run.typed_search_attributes.get(names.SUBSCRIBERS, [])
        subscribers = [word.partition(":")[2] for word in words if word.startswith(f"{state}:")]
        if subscribers:
            count = sum(outcome in _STANDS_FOR[state] for outcome in await outcomes_of(run))
            found.update(dict.fromkeys(subscribers, max(math.ceil(count / len(subscribers)) - 1, 0)))
    return found
