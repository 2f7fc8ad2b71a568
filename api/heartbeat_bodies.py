"""What clients may send of heartbeats, and how OpenAPI describes a beat."""

from datetime import timedelta
from typing import Any

from pydantic import ConfigDict, Field, SecretStr

from api import heartbeat_examples
from api.bodies import Body
from domain.heartbeats import MAX_BODY_READ, MAX_NOTE, MAX_PERIOD, MIN_EVERY
from domain.incidents import Severity

_MIN_SECONDS = int(MIN_EVERY.total_seconds())
_MAX_SECONDS = int(MAX_PERIOD.total_seconds())


class AddHeartbeat(Body):
    """A heartbeat to add."""

    model_config = ConfigDict(json_schema_extra={"examples": [heartbeat_examples.ADD_HEARTBEAT]})

    name: str = Field(description="Unique; 1 to 63 letters, digits, dots, dashes or underscores.")
    every_seconds: int = Field(ge=_MIN_SECONDS, le=_MAX_SECONDS, description="How far apart beats are expected.")
    grace_seconds: int = Field(30, ge=0, le=_MAX_SECONDS, description="How much later one may come.")
    severity: Severity = Field(Severity.SEV_1, description="Of the incident that a missed beat declares.")
    cluster: str | None = Field(None, description="Zeebe cluster whose records are beats; with ``zeebe_process``.")
    zeebe_process: str | None = Field(None, max_length=255, description="BPMN process id of the canary.")
    ping_url: SecretStr | None = Field(
        None, description="https URL that is told of every beat, as healthchecks.io has them; sealed."
    )

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return {
            "name": self.name,
            "every": timedelta(seconds=self.every_seconds),
            "grace": timedelta(seconds=self.grace_seconds),
            "severity": self.severity,
            "cluster": self.cluster,
            "zeebe_process": self.zeebe_process,
            "ping_url": self.ping_url.get_secret_value() if self.ping_url else None,
        }


class UpdateHeartbeat(Body):
    """What to change of a heartbeat; members that are absent or null stay, and ``{}`` changes nothing (200)."""

    model_config = ConfigDict(json_schema_extra={"examples": [heartbeat_examples.UPDATE_HEARTBEAT]})

    every_seconds: int | None = Field(None, ge=_MIN_SECONDS, le=_MAX_SECONDS, description="How far apart beats come.")
    grace_seconds: int | None = Field(None, ge=0, le=_MAX_SECONDS, description="How much later one may come.")
    severity: Severity | None = Field(None, description="Of incidents that are declared from now on.")
    cluster: str | None = Field(
        None, description="Zeebe cluster whose records are beats; empty with ``zeebe_process``."
    )
    zeebe_process: str | None = Field(None, max_length=255, description="BPMN process id of the canary; empty: none.")
    ping_url: SecretStr | None = Field(None, description="https URL that is told of every beat; empty: none any more.")

    def arguments(self) -> dict[str, Any]:
        """Arguments of the gateway, secrets opened."""
        return {
            "every": None if self.every_seconds is None else timedelta(seconds=self.every_seconds),
            "grace": None if self.grace_seconds is None else timedelta(seconds=self.grace_seconds),
            "severity": self.severity,
            "cluster": self.cluster,
            "zeebe_process": self.zeebe_process,
            "ping_url": None if self.ping_url is None else self.ping_url.get_secret_value(),
        }


BEAT_BODY: dict[str, Any] = {
    "requestBody": {
        "required": False,
        "description": f"Anything, of any content type. With fail, log and an exit status, the first {MAX_NOTE} "
        f"characters (of {MAX_BODY_READ // 1024} KiB that are read) are kept as a note.",
        "content": {"*/*": {"schema": {"description": "Text in UTF-8."}, "example": "disk full on /var"}},
    }
}
