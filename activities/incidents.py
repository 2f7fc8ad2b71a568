"""The activities by which workflows declare, update and resolve incidents: the same doors that people use."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from temporalio import activity

from domain.incident_errors import IllegalTransitionError, IncidentNotFoundError
from domain.incident_tasks import (
    DeclaredIncident,
    DeclareRequest,
    IncidentStanding,
    ObserveRequest,
    ResolveRequest,
)
from domain.incidents import Action, Change, Declaration, Incident


class Incidents(Protocol):
    """What these activities need of the incidents."""

    async def declare(self, declaration: Declaration, idempotency_key: str | None = None) -> Incident:
        """Declare one; the same key again returns the same one."""

    async def change(self, incident_id: str, change: Change) -> Incident:
        """Take a step of the lifecycle."""

    async def observe(self, incident_id: str, details: dict[str, Any]) -> Incident:
        """Bring its details up to date."""


class IncidentActivities:
    """Declares and resolves incidents.

    Args:
        incidents: the gateway to them.
    """

    def __init__(self, incidents: Incidents) -> None:
        self._incidents = incidents

    @activity.defn(name="declare_incident")
    async def declare_incident(self, request: DeclareRequest) -> DeclaredIncident:
        """Declare an incident; returns when its event was emitted, or withheld. Idempotent by the key."""
        incident = await self._incidents.declare(request.declaration, request.key)
        return DeclaredIncident(incident_id=incident.id)

    @activity.defn(name="resolve_incident")
    async def resolve_incident(self, request: ResolveRequest) -> IncidentStanding:
        """Resolve an incident, unless somebody did. Idempotent."""

        async def resolve() -> Incident:
            if request.details:
                await self._incidents.observe(request.incident_id, request.details)
            change = Change(action=Action.RESOLVE, actor=request.actor, note=request.note)
            return await self._incidents.change(request.incident_id, change)

        return await _standing(resolve)

    @activity.defn(name="observe_incident")
    async def observe_incident(self, request: ObserveRequest) -> IncidentStanding:
        """Bring an incident's details up to date; says where it stands. Idempotent."""
        return await _standing(lambda: self._incidents.observe(request.incident_id, request.details))


async def _standing(work: Callable[[], Awaitable[Incident]]) -> IncidentStanding:
    try:
        return IncidentStanding(status=(await work()).status)
    except IllegalTransitionError as error:
        return IncidentStanding(status=error.data["status"])
    except IncidentNotFoundError:
        return IncidentStanding()
