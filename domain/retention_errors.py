"""Errors about what is kept no longer. Part of the tree in `domain.errors`.

ImError
├── ConflictError
│   └── RetentionRefusedError
└── NotFoundError
    ├── EventNotFoundError
    │   └── EventGoneError
    └── IncidentNotFoundError
        └── IncidentGoneError
"""

from domain.errors import ConflictError
from domain.event_errors import EventNotFoundError
from domain.incident_errors import IncidentNotFoundError


class RetentionRefusedError(ConflictError):
    """Temporal does not let this process change its namespace."""

    code = "retention_refused"
    says = "Temporal does not let this process change the retention of namespace {namespace!r}: {reason}"
    hint = "Whoever administers Temporal runs: {command}"


class EventGoneError(EventNotFoundError):
    """No event with this id, which tells that it was made before everything that is kept."""

    code = "event_gone"
    says = (
        "no event with id {event_id!r} is kept any more: events are kept for {kept} after their deliveries ended, and "
        "this id was made on {made_on}"
    )
    hint = "Its receivers may have it still. To keep what comes longer: im retention set 30d."


class IncidentGoneError(IncidentNotFoundError):
    """An incident that was declared, closed, and is kept no longer."""

    code = "incident_gone"
    says = "incident {incident_id} is gone: it was declared and closed, and is kept for {kept} after that"
    hint = "Its receivers may have its events still. To keep what comes longer: im retention set 30d."
