"""What the event workflow, lanes and their activities say to each other about order."""

from collections.abc import Collection, Sequence

from pydantic import BaseModel

MOST_NAMED = 400_000  # characters of names in a line; its own tickets take some 100 to 200 each


class Ticket(BaseModel):
    """A place in a lane.

    Attributes:
        workflow_id: of the workflow that delivers the event.
        behind: those of the events before it, of the same subject, as in `EventInput`.
        begun_by: of the workflow of several events that has yet to begin it; None once it has begun.
        part_of: the same one, before and after that: whoever is behind that workflow is behind each part of it.
    """

    workflow_id: str
    subscriber: str
    behind: list[str] = []
    begun_by: str | None = None
    part_of: str | None = None

    def is_of(self, other: "Ticket") -> bool:
        """Whether both are places of the same event."""
        return self.workflow_id == other.workflow_id

    def begins(self, held: "Ticket") -> "Ticket":
        """This ticket, of a workflow that has begun, in the place that was held for it."""
        return self.model_copy(update={"behind": self.behind or held.behind, "part_of": held.part_of})


def slim(line: Sequence[Ticket], left: Collection[str] = ()) -> list[Ticket]:
    """The same line, with few enough names for Temporal's limit of 2 MiB: of thousands, ten each would be too many.

    Each ticket names the latest one here that it is behind, those that this one does not name, and what has yet to
    come. Where that is too much still, nobody who has yet to come is named, and then nobody.

    Args:
        line: as it is.
        left: who has been here, or will not come.
    """
    places = {name: at for at, ticket in enumerate(line) for name in (ticket.workflow_id, ticket.part_of) if name}
    to_come, here = [], []
    for ticket in line:
        in_line = sorted((name for name in ticket.behind if name in places), key=places.__getitem__)
        told = {*line[places[in_line[-1]]].behind} if in_line else set()
        here.append([name for name in in_line if name == in_line[-1] or name not in told])
        to_come.append([name for name in ticket.behind if name not in places and name not in left])
    for named in ([*map(list.__add__, to_come, here)], here):
        if sum(len(name) for names in named for name in names) <= MOST_NAMED:
            return [ticket.model_copy(update={"behind": names}) for ticket, names in zip(line, named, strict=True)]
    return [ticket.model_copy(update={"behind": []}) for ticket in line]


class LineUpRequest(BaseModel):
    """Asks for a place in the lane of each of these subscribers, behind those of the workflows ``behind``."""

    subject: str
    subscribers: list[str]
    behind: list[str] = []


class Place(BaseModel):
    """A place that is taken for an event whose workflow, named here, has yet to begin; ``behind`` as in `Ticket`."""

    subject: str
    subscriber: str
    workflow_id: str
    behind: list[str] = []


class HoldRequest(BaseModel):
    """Asks for places for events that share a workflow; those in one lane stand in this order."""

    places: list[Place]


class EarlierEvents(BaseModel):
    """Asks whether the workflows of earlier events have taken their places, or never will.

    Attributes:
        held_suffice: also of one of several events whose parts have yet to begin.
    """

    workflow_ids: list[str]
    held_suffice: bool = False


def waits_behind(subject: str) -> str:
    """What an ordered delivery waits for that does not have its turn, in words."""
    return f"waits until the earlier events of {subject} are done with"
