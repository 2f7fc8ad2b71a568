"""How heartbeats are written for people."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from cli.render import NONE, fields, listing, table, when
from domain.timing import ago, in_short

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from collections.abc import Iterable

    from domain.heartbeats import PingReport
    from service.heartbeat_views import HeartbeatView


def heartbeat_table(rows: Iterable[HeartbeatView], now: datetime) -> str:
    """One line a heartbeat, with times as they are seen from now."""
    cells = (
        (
            row.name,
            row.status,
            ago(now - row.last_beat_at) if row.last_beat_at else "never",
            ahead(row.due_at, now),
            row.incident_id or NONE,
        )
        for row in rows
    )
    return listing(("NAME", "STATUS", "LAST_BEAT", "NEXT_DUE", "INCIDENT"), cells)


def heartbeat_text(row: HeartbeatView, now: datetime) -> str:
    """Everything that may be known of a heartbeat, then its last changes, the latest first."""
    head = fields(
        [
            ("name", row.name),
            ("status", row.status),
            ("fault", row.fault),
            ("every", in_short(row.every_seconds)),
            ("grace", in_short(row.grace_seconds)),
            ("severity", row.severity),
            ("last beat", _both(row.last_beat_at, now) or "never"),
            ("next due", f"{when(row.due_at)} ({ahead(row.due_at, now)})" if row.due_at else None),
            ("deadline", when(row.deadline) if row.deadline else None),
            ("unknown since", _both(row.unknown_since, now)),
            ("running since", _both(row.running_since, now)),
            ("last run", _took(row.last_run_seconds) if row.last_run_seconds is not None else None),
            ("last note", row.last_note),
            ("incident", row.incident_id),
            ("zeebe process", row.zeebe_process),
            ("cluster", row.cluster),
            ("pings on", row.ping_url),
            ("last ping", _ping(row.last_ping, now) if row.last_ping else None),
            ("created", when(row.created_at)),
            ("updated", when(row.updated_at) if row.updated_at > row.created_at else None),
        ]
    )
    changes = ((when(change.at), change.status, change.reason) for change in reversed(row.changes))
    return f"{head}\n\n{table(('AT', 'STATUS', 'REASON'), changes)}" if row.changes else head


def ahead(at: datetime | None, now: datetime) -> str:
    """``in 40s``, ``5s late``, or a dash."""
    if at is None:
        return NONE
    if at >= now:
        return f"in {_bare(at - now)}"
    return f"{_bare(now - at)} late"


def _bare(elapsed: timedelta) -> str:
    return ago(elapsed).removesuffix(" ago")


def _both(at: datetime | None, now: datetime) -> str | None:
    return f"{when(at)} ({ago(now - at)})" if at else None


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms" if seconds < 1 else f"{seconds:.1f} s"


def _ping(ping: PingReport, now: datetime) -> str:
    result = f"failed: {ping.error}" if ping.error else "ok"
    return f"{ping.kind} {ago(now - ping.at)}: {result}"
