"""What the event workflow, lanes and their activities say to each other about order."""

from pydantic import BaseModel


class Ticket(BaseModel):
    """A place in a lane.

    Attributes:
        workflow_id: of the workflow that delivers the event.
        behind: those of the events before it, of the same subject, as in `EventInput`.
        begun_by: of the workflow of several events that has yet to begin it; None once it has begun.
    """

    workflow_id: str
    subscriber: str
    behind: list[str] = []
    begun_by: str | None = None

    def is_of(self, other: "Ticket") -> bool:
        """Whether both are places of the same event."""
        return self.workflow_id == other.workflow_id


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
    """Asks for places for events that share a workflow; those in one lane stand in this order."""

    places: list[Place]


class EarlierEvents(BaseModel):
    """Asks whether the workflows of earlier events have taken their places, or never will."""

    workflow_ids: list[str]


def waits_behind(subject: str) -> str:
    """What an ordered delivery waits for that does not have its turn, in words."""
    return f"waits until the earlier events of {subject} are done with"
