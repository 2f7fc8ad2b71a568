"""Errors of incidents. Part of the tree in `domain.errors`.

ImError
├── ConflictError
│   └── IllegalTransitionError
└── NotFoundError
    └── IncidentNotFoundError
"""

from domain.errors import ConflictError, NotFoundError


class IllegalTransitionError(ConflictError):
    """A lifecycle step the incident's status does not allow."""

    code = "illegal_transition"
    says = "cannot {action} {incident_id}: it is {status}"
    hint = "Allowed now: {allowed}."


class IncidentNotFoundError(NotFoundError):
    """No such incident, or no longer."""

    code = "incident_not_found"
    says = "no incident {incident_id!r} is known"
    hint = "It was never declared: one that was, and is kept no longer, is said to be gone. See: im incident list."
