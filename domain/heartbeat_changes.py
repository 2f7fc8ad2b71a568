"""Changes of how a heartbeat is set up: what is asked for, and what comes of it. Its ping key and past stay."""

from datetime import datetime, timedelta

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.incidents import Severity
from domain.sources import HeartbeatConfig

_ABOUT = {"name", "instead_of"}


class HeartbeatChange(BaseModel):
    """What `im heartbeat update` or an import asks for; None leaves a value as it is, and ``""`` takes it away.

    Attributes:
        key_hash: an import's alone.
        sealed_ping_url: goes with ``ping_host``, as ``cluster`` does with ``zeebe_process``.
        instead_of: when what an import saw was last changed; None: whatever is there.
    """

    name: str
    every_seconds: int | None = None
    grace_seconds: int | None = None
    severity: Severity | None = None
    key_hash: str | None = None
    sealed_ping_url: str | None = None
    ping_host: str | None = None
    cluster: str | None = None
    zeebe_process: str | None = None
    instead_of: datetime | None = None


def change_to(wanted: HeartbeatConfig, known: HeartbeatConfig) -> HeartbeatChange:
    """The change that makes ``known``, as it was seen, what is wanted."""
    members = {name: "" if value is None else value for name, value in wanted if name in HeartbeatChange.model_fields}
    return HeartbeatChange(**members, instead_of=known.changed_at)


def apply_heartbeat_change(config: HeartbeatConfig, change: HeartbeatChange, now: datetime) -> HeartbeatConfig:
    """The heartbeat after a change at ``now``; the same object when the change alters nothing.

    Raises:
        InvalidRequestError: it is no longer what an import saw, or would have a Zeebe process without its cluster.
    """
    if change.instead_of not in {None, config.changed_at}:
        raise InvalidRequestError(
            reason="it was changed here while this import was under way, and was left as it is: import again"
        )
    given = {name: value for name, value in change if name not in _ABOUT and value is not None}
    changed = config.model_copy(update={name: None if value == "" else value for name, value in given.items()})
    if (changed.cluster is None) != (changed.zeebe_process is None):
        raise InvalidRequestError(reason="a Zeebe process goes with its cluster: give both, or neither")
    # Always later than before: the heartbeat's workflow tells by it what is newer, in whatever order it hears of it.
    later = max(now, config.changed_at + timedelta(microseconds=1))
    return config if changed == config else changed.model_copy(update={"updated_at": later})
