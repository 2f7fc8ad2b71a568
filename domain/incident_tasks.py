"""What workflows that watch something and the incident activities say to each other."""

from typing import Any

from pydantic import BaseModel

from domain.incidents import Declaration, Status


class DeclareRequest(BaseModel):
    """Asks for an incident under ``key``: the same key again gets the same incident (of the last 1,000 declared)."""

    key: str
    declaration: Declaration


class DeclaredIncident(BaseModel):
    """The incident that was declared."""

    incident_id: str


class ResolveRequest(BaseModel):
    """Asks that an incident be resolved, with a note; one that is resolved or closed already stays as it is."""

    incident_id: str
    actor: str
    note: str
    details: dict[str, Any] | None = None


class ObserveRequest(BaseModel):
    """Asks that an incident's details be brought up to date, which emits nothing."""

    incident_id: str
    details: dict[str, Any]


class IncidentStanding(BaseModel):
    """Where an incident stands; None when it is no longer known."""

    status: Status | None = None

    @property
    def over(self) -> bool:
        """Whether it was resolved or closed, by whomever, or is no longer known."""
        return self.status in {None, Status.RESOLVED, Status.CLOSED}
