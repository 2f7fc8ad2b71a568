"""What a workflow of several events leaves to workflows of one event each."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pydantic import BaseModel

from domain.tasks import Pending


class Rest(BaseModel):
    """The deliveries of one event that need a further request.

    Attributes:
        place: of the event, among those of the workflow.
    """

    place: int
    deliveries: list[Pending]


class HandOver(BaseModel):
    """Asks for a workflow for each of several events of the calling one.

    Attributes:
        watchers: as in `domain.tasks.Resolution`.
        accepted_at: when the events were accepted; None of a workflow that an older version runs.
    """

    rests: list[Rest]
    watchers: list[str] = []
    accepted_at: datetime | None = None


def by_subscriber(rests: Iterable[Rest]) -> dict[str, list[Rest]]:
    """The same by the first subscriber of each, so that those take turns; mostly an event goes on for one alone."""
    found: dict[str, list[Rest]] = {}
    for rest in rests:
        found.setdefault(rest.deliveries[0].delivery.subscriber, []).append(rest)
    return found


def portions(rests: Sequence[Rest], most: int) -> Iterator[list[Rest]]:
    """The same in their order, in portions of so many deliveries at most, or of one event that has more."""
    portion: list[Rest] = []
    size = 0
    for rest in rests:
        if portion and size + len(rest.deliveries) > most:
            yield portion
            portion, size = [], 0
        portion.append(rest)
        size += len(rest.deliveries)
    if portion:
        yield portion
