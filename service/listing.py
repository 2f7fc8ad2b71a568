"""Lists from Temporal's visibility store, the latest first.

The store gives open workflows first and cannot be told to sort. So what it gives is sorted here; and where there is
more than one answer holds, it is asked again for what began lately, until the answer is whole.
"""

from datetime import UTC, datetime

from temporalio.client import Client, WorkflowExecution

from domain.errors import InvalidRequestError

MAX_LISTED = 1000
LEAST_FETCHED = 40  # a workflow may hold a hundred events, whose memo is some 20 KB
PATIENCE = 3  # searches that keep the later half of what was found; those after it halve the time that is searched
SEARCHES = 20


def check_limit(limit: int) -> None:
    """Raise `InvalidRequestError` for a number of rows out of range."""
    if not 1 <= limit <= MAX_LISTED:
        raise InvalidRequestError(reason=f"the limit must be 1 to {MAX_LISTED}")


def instant(at: datetime) -> str:
    """A time as a literal of a list filter."""
    return f"'{at.astimezone(UTC).isoformat()}'"


def quoted(value: str) -> str:
    """A text as a literal of a list filter, which has no escape that all stores agree on."""
    if not value.isprintable() or any(char in value for char in "'\"\\`"):
        raise InvalidRequestError(
            reason=f"{value!r} cannot be looked for: it has quotes, backslashes or control characters"
        )
    return f"'{value}'"


async def latest(
    client: Client, query: str, before: datetime | None, limit: int
) -> tuple[list[WorkflowExecution], datetime | None]:
    """The workflows of a query that started last, latest first.

    Args:
        client: whose namespace is searched.
        query: a list filter.
        before: only workflows that started before this time.
        limit: how many are wanted.

    Returns:
        The workflows, as many as are wanted up to twice that, if there are so many; and the time before which older
        ones started; None when there are none. Workflows that started in the same microsecond stay together.
    """
    if before is not None:
        query += f" AND StartTime < {instant(before)}"
    size = min(MAX_LISTED, max(LEAST_FETCHED, 2 * limit))
    found = await _fetch(client, query, size)
    if len(found) < size:
        return found, None
    until, oldest = before or datetime.now(UTC), found[-1].start_time
    for search in range(SEARCHES):  # something that started later may have been left out
        oldest = found[size // 2 - 1].start_time
        if search >= PATIENCE:
            oldest += (until - oldest) / 2
        found = await _fetch(client, f"{query} AND StartTime >= {instant(oldest)}", size)
        if len(found) < size:
            break
    return found, oldest


def first_of(
    runs: list[WorkflowExecution], older: datetime | None, limit: int
) -> tuple[list[WorkflowExecution], datetime | None]:
    """So many of what `latest` gave, and those that started with the last of them; and where older ones begin."""
    if len(runs) <= limit:
        return runs, older
    last = runs[limit - 1].start_time
    return [run for run in runs if run.start_time >= last], last


async def _fetch(client: Client, query: str, size: int) -> list[WorkflowExecution]:
    found = [run async for run in client.list_workflows(query, limit=size)]
    return sorted(found, key=lambda run: run.start_time, reverse=True)
