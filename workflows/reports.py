"""What an event workflow answers when it is asked for its deliveries: as much of them as Temporal lets it say."""

import itertools
from collections.abc import Callable, Iterable, Sequence

from domain.outcomes import Delivery
from workflows.details import without_responses

# Of the deliveries; Temporal refuses the answer to a query past 2 MiB ("Blob data size exceeds limit").
MOST_BYTES = 1_900_000
ERROR_CHARS = 60  # of each, where they take too much


def fitting(groups: Iterable[Iterable[Delivery]]) -> list[list[Delivery]]:
    """The deliveries in the fullest form that fits into an answer together.

    Whole; else without what receivers said; else with the beginnings of errors; else states alone, some 25,000 of them.
    """
    told = [list(group) for group in groups]
    for shorter in _SHORTER:
        if _fits(told):
            break
        told = [[shorter(delivery) for delivery in group] for group in told]
    return told


def _fits(groups: Sequence[Sequence[Delivery]]) -> bool:
    sizes = itertools.accumulate(
        len(each.model_dump_json(exclude_none=True).encode()) for group in groups for each in group
    )
    return all(size <= MOST_BYTES for size in sizes)


def _terse(delivery: Delivery) -> Delivery:
    attempts = [attempt.model_copy(update={"error": _cut(attempt.error)}) for attempt in delivery.attempts]
    return delivery.model_copy(update={"attempts": attempts, "error": _cut(delivery.error)})


def _cut(error: str | None) -> str | None:
    return error if error is None or len(error) <= ERROR_CHARS else error[: ERROR_CHARS - 1] + "…"


def _state_alone(delivery: Delivery) -> Delivery:
    return Delivery(subscriber=delivery.subscriber, state=delivery.state)


_SHORTER: Sequence[Callable[[Delivery], Delivery]] = (without_responses, _terse, _state_alone)
