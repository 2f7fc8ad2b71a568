"""How incidents are written for people."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli.render import NONE, fields, listing, table, when, yes_no

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from domain.incidents import Incident, TimelineEntry
    from service.incidents import IncidentRow


def incident_table(rows: Iterable[IncidentRow | Incident]) -> str:
    """One line an incident; the title last, because it is as long as it is."""
    cells = ((row.id, row.severity, row.status, when(row.declared_at), row.title) for row in rows)
    return listing(("ID", "SEVERITY", "STATUS", "DECLARED", "TITLE"), cells)


def incident_text(incident: Incident) -> str:
    """An incident and its timeline."""
    head = fields(
        [
            ("id", incident.id),
            ("title", incident.title),
            ("severity", incident.severity),
            ("status", incident.status),
            ("declared", when(incident.declared_at)),
            ("updated", when(incident.updated_at)),
            *((name.replace("_", " "), value) for name, value in _told_details(incident)),
        ]
    )
    headers = ("AT", "ACTION", "ACTOR", "PUBLISHED", "EVENT", "NOTE")
    entries = (
        (when(e.at), e.action, e.actor, yes_no(e.published, "pending"), _told_by(e), e.note or NONE)
        for e in incident.timeline
    )
    return f"{head}\n\n{table(headers, entries)}"


def _told_details(incident: Incident) -> Iterable[tuple[str, str]]:
    """What its source says of it; keys of Zeebe among them, which stay exact because they are strings."""
    for name, value in (incident.details or {}).items():
        yield name, value if isinstance(value, str) else json.dumps(value)


def _told_by(entry: TimelineEntry) -> str:
    return NONE if entry.published is False else entry.event_id
