"""Every error by its code: how one that crossed Temporal is raised again.

Importing this imports every module of errors, so what is found does not depend on what else a process has imported.
"""

from typing import Any

from domain import (
    alarm_errors,
    errors,
    event_errors,
    http_client_errors,
    incident_errors,
    pause_errors,
    replay_errors,
    retention_errors,
    source_errors,
    stream_errors,
    subscriber_errors,
    token_errors,
    type_errors,
)
from domain.errors import ImError
from domain.targets import errors as target_errors

MODULES = (
    errors,
    alarm_errors,
    event_errors,
    http_client_errors,
    incident_errors,
    pause_errors,
    replay_errors,
    retention_errors,
    source_errors,
    stream_errors,
    subscriber_errors,
    target_errors,
    token_errors,
    type_errors,
)
KINDS: dict[str, type[ImError]] = {
    kind.code: kind
    for module in MODULES
    for kind in vars(module).values()
    if isinstance(kind, type) and issubclass(kind, ImError)
}


def from_code(code: str, data: dict[str, Any]) -> ImError | None:
    """The error that was sent across Temporal as ``code`` and ``data``; None for a code that no error has."""
    kind = KINDS.get(code)
    try:
        return kind(**data) if kind else None
    except KeyError:  # made by another version with other data: the caller keeps what it received
        return None
