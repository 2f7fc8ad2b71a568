"""What the event workflow, lanes and their activities say to each other about order."""

from pydantic import BaseModel


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


class LineUpRequest(BaseModel):
    """Asks for a place in the lane of each of these subscribers, behind those of the workflows ``behind``."""

    subject: str
    subscribers: list[str]
    behind: list[str] = []


class Place(BaseModel):
    """A place that is taken for an event whose workflow, named here, has yet to begin."""

    subject: str
    subscriber: str
    workflow_id: str


class HoldRequest(BaseModel):
    """Asks for places for events that share a workflow, ``behind`` others; those in one lane stand in this order."""

    places: list[Place]
    behind: list[str] = []


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
