"""What may be seen of heartbeats."""

from datetime import UTC, datetime

from pydantic import BaseModel

from domain.heartbeats import HeartbeatState, PingReport, Status, StatusChange
from domain.incidents import Severity
from domain.sources import HeartbeatConfig


class HeartbeatView(BaseModel):
    """A heartbeat as people and programs may see it: no key, and of the ping URL only the host.

    Attributes:
        due_at: when the next beat is expected; ``deadline`` is when its absence is judged.
        fault: why it is not watched, and what to do about it; None when it is.
    """

    name: str
    status: Status
    every_seconds: int
    grace_seconds: int
    severity: Severity
    cluster: str | None = None
    zeebe_process: str | None = None
    ping_url: str | None = None
    created_at: datetime
    updated_at: datetime
    last_beat_at: datetime | None = None
    due_at: datetime | None = None
    deadline: datetime | None = None
    unknown_since: datetime | None = None
    running_since: datetime | None = None
    last_run_seconds: float | None = None
    last_note: str | None = None
    incident_id: str | None = None
    last_ping: PingReport | None = None
    changes: list[StatusChange] = []
    fault: str | None = None


class HeartbeatAdded(BaseModel):
    """The result of adding a heartbeat; the path has its key in it and is shown this once."""

    heartbeat: HeartbeatView
    ping_path: str


def unseen(config: HeartbeatConfig, fault: str) -> HeartbeatView:
    """What may be shown of a heartbeat that is not watched, or cannot be asked, for that reason."""
    return view(config, HeartbeatState(status=Status.UNKNOWN)).model_copy(update={"fault": fault})


def view(config: HeartbeatConfig, state: HeartbeatState) -> HeartbeatView:
    """What may be shown of a heartbeat."""
    known = state.model_dump(exclude={"status"})
    return HeartbeatView(
        **{field: known[field] for field in HeartbeatView.model_fields if field in known},
        name=config.name,
        status=state.status_at(datetime.now(UTC), config.grace_seconds),
        every_seconds=config.every_seconds,
        grace_seconds=config.grace_seconds,
        severity=config.severity,
        cluster=config.cluster,
        zeebe_process=config.zeebe_process,
        ping_url=config.ping_host,
        created_at=config.created_at,
        updated_at=config.changed_at,
        due_at=state.due_at(config.grace_seconds),
        incident_id=state.incident_id,
    )
