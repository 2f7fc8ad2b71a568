"""How alarms are written for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cli.render import NONE, clean, clean_lines, fields, listing, when, yes_no

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from collections.abc import Iterable, Sequence

    from domain.alarms import Alarm, Observed
    from service.alarms import AlarmRow

_OUTCOMES = {
    "unchanged": "unchanged: the same severity as before, so nobody is told",
    "outdated": "outdated: a later state of the alarm is known, so this one changed nothing",
}


def alarm_table(rows: Iterable[AlarmRow | Alarm]) -> str:
    """One line an alarm; the description last, because it is as long as it is."""
    cells = (
        (
            row.alarm_id,
            row.severity,
            row.alarm_type,
            f"{row.resource_type}/{row.resource_id}",
            row.node_id or NONE,
            when(row.last_updated),
            row.brief_description or NONE,
        )
        for row in rows
    )
    return listing(("ID", "SEVERITY", "TYPE", "RESOURCE", "NODE", "UPDATED", "DESCRIPTION"), cells)


def alarm_text(alarm: Alarm) -> str:
    """Everything that is known of an alarm."""
    head = fields(
        [
            ("id", alarm.alarm_id),
            ("severity", alarm.severity),
            ("cleared", yes_no(alarm.cleared)),
            ("type", alarm.alarm_type),
            ("resource type", alarm.resource_type),
            ("resource", alarm.resource_id),
            ("node", alarm.node_id or None),
            ("description", alarm.brief_description or None),
            ("dashboard", alarm.dashboard_link or None),
            ("last updated", when(alarm.last_updated, "microseconds")),
            ("first raised", when(alarm.first_raised_at) if alarm.first_raised_at else None),
            ("last raised", when(alarm.raised_at) if alarm.raised_at else None),
            ("last cleared", when(alarm.cleared_at) if alarm.cleared_at else None),
            ("raised", f"{alarm.raised_count} times" if alarm.raised_count != 1 else "once"),
            ("heard of", f"{alarm.observed_count} times" if alarm.observed_count != 1 else "once"),
        ]
    )
    impacts = []
    for kind, impact in alarm.impacted_resources.items():
        impacts += [f"{kind}: {impact.title}", *(f"  - {name}" for name in impact.impacted_dependencies)]
    parts = [
        head,
        _section("details", alarm.detailed_description),
        _section("suggested actions", alarm.suggested_actions),
        _section("impacted resources", impacts),
    ]
    return "\n\n".join(part for part in parts if part)


def outcome_text(observed: Observed) -> str:
    """What came of an observation, in a sentence."""
    if observed.event_id is None:
        return _OUTCOMES[observed.outcome]
    return clean(f"{observed.outcome}: event {observed.event_id}; see: im event show {observed.event_id}")


def _section(title: str, lines: Sequence[str]) -> str:
    return "\n".join([f"{title}:", *(f"  {line}" for line in clean_lines("\n".join(lines)))]) if lines else ""
