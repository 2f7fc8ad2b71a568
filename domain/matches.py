"""Who wants events: what the event workflow asks of an activity, and what that answers. Later fields have defaults."""

from collections.abc import Sequence
from datetime import datetime
from typing import Self

from pydantic import BaseModel

from domain.events import CloudEvent
from domain.operational import told_of
from domain.retry import RetrySchedule


class Match(BaseModel):
    """A subscriber that wants an event.

    Attributes:
        schedule: None for the default one, which keeps histories small.
        since: when the subscriber was added, which tells it from a later one of the same name.
        inline: whether the first request may be made at once, within the workflow task.
        ordered: it is told of an incident's events one after the other.
        limits: on requests to it, in words; such a delivery goes by a queue of the subscriber's own. None where it has
            none, or where whoever delivers has to see first that its queue is served.
        paused: why the delivery waits for the end of its pause; None when it does not.
    """

    subscriber: str
    schedule: RetrySchedule | None = None
    since: datetime | None = None
    inline: bool = True
    ordered: bool = False
    limits: str | None = None
    paused: str | None = None


class ResolveRequest(BaseModel):
    """Asks who wants events of these types.

    Attributes:
        severities: that the events state, in the same order, None where one states none; None where none does.
        only: restricts the answer to these subscribers.
        told_of: for each event, whom it tells of, who is not told; None where there is none such.
    """

    event_types: list[str]
    severities: list[str | None] | None = None
    only: list[str] | None = None
    told_of: list[str | None] | None = None

    @classmethod
    def of(cls, events: Sequence[CloudEvent], only: list[str] | None) -> Self:
        """Asks it of events; a list that would say nothing is left out."""
        severities, named = [event.severity for event in events], [told_of(event) for event in events]
        return cls(
            event_types=[event.type for event in events],
            severities=severities if any(severities) else None,
            only=only,
            told_of=named if any(named) else None,
        )


class Resolution(BaseModel):
    """The matches of each event, in order, and whether the answering process has publishing switched on.

    Attributes:
        watchers: who wants to be told of deliveries that fail for good; two at most, which is enough to know whether
            anybody but the one that failed does.
    """

    publishing: bool = True
    matches: list[list[Match]]
    watchers: list[str] = []
