"""Sources: whoever may speak to us: Zeebe clusters, the heartbeats that must go on arriving, and the API's tokens.

What is stored of a token or a ping key is its SHA-256: they are long and random, so that a hash cannot be reversed.
"""

import hashlib
import hmac
import re
from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from domain.errors import InvalidNameError, InvalidRequestError
from domain.incidents import Severity
from domain.labels import labelled
from domain.tokens import ApiToken

MIN_TOKEN_LENGTH = 16
MAX_RULES = 50
MAX_SOURCES = 1000  # of each kind; at 500 bytes each, half of the 2 MiB of a Temporal payload
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


class Grouping(StrEnum):
    """What one platform incident stands for: a Zeebe incident, or all of one kind at one element."""

    INCIDENT = "incident"
    ELEMENT = "element"


class SeverityRule(BaseModel):
    """Gives incidents of an error type in a process a severity; ``*`` stands for any characters, or none."""

    model_config = ConfigDict(frozen=True)

    error_type: str = "*"
    process: str = "*"
    severity: Severity

    def applies_to_type(self, error_type: str) -> bool:
        """Whether the rule is meant for incidents of this type, in some process."""
        return _matches(self.error_type, error_type)

    def applies(self, error_type: str, process: str) -> bool:
        """Whether the rule is meant for this incident."""
        return self.applies_to_type(error_type) and _matches(self.process, process)


class ZeebeCluster(BaseModel):
    """One cluster whose exporter may post records.

    Attributes:
        token_hash: SHA-256 of its token, in hexadecimal.
        tokenless: records are taken without a token, from loopback addresses.
        sealed_alert_secret: signs the Camunda SaaS console's alerts for this cluster; None: it sends none.
        group_by: what one platform incident stands for.
        rules: the first that applies decides the severity.
        severity: where no rule applies.
        operate_url: a link for people, with ``{processInstanceKey}`` and other names of a record in braces.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    token_hash: str | None = None
    tokenless: bool = False
    sealed_alert_secret: str | None = None
    group_by: Grouping = Grouping.INCIDENT
    rules: tuple[SeverityRule, ...] = ()
    severity: Severity = Severity.SEV_3
    operate_url: str | None = None
    created_at: datetime
    updated_at: datetime


class ClusterRemoved(BaseModel):
    """A cluster that was removed.

    Attributes:
        narrowed: the API tokens that could post its records, and still may do other things.
        revoked: those that could do nothing else.
    """

    cluster: ZeebeCluster
    narrowed: list[str] = []
    revoked: list[str] = []


class HeartbeatConfig(BaseModel):
    """A heartbeat that must go on arriving; its own workflow watches it.

    Attributes:
        every_seconds: how far apart beats are expected.
        grace_seconds: how much later one may come.
        severity: of the incident that a missed beat declares.
        key_hash: SHA-256 of the key in its beat URL, in hexadecimal.
        sealed_ping_url: what is told of every beat (healthchecks.io conventions); None: nobody.
        ping_host: as much of it as may be shown.
        zeebe_process: BPMN process id whose records are beats; with ``cluster``. They never declare an incident.
        updated_at: when it was last changed; None: never, or by a version that did not say.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    every_seconds: int
    grace_seconds: int
    severity: Severity = Severity.SEV_1
    key_hash: str
    sealed_ping_url: str | None = None
    ping_host: str | None = None
    cluster: str | None = None
    zeebe_process: str | None = None
    created_at: datetime
    updated_at: datetime | None = None

    @property
    def changed_at(self) -> datetime:
        """When it was last changed, or added."""
        return self.updated_at or self.created_at


class Sources(BaseModel):
    """Every source, by name, and a version that grows with each change."""

    version: int = 0
    clusters: dict[str, ZeebeCluster] = {}
    heartbeats: dict[str, HeartbeatConfig] = {}
    tokens: dict[str, ApiToken] = {}

    def cluster_of(self, token: str) -> ZeebeCluster | None:
        """The cluster whose token this is."""
        given = digest(token)
        found = [c for c in self.clusters.values() if c.token_hash and hmac.compare_digest(c.token_hash, given)]
        return found[0] if found else None

    def heartbeat_of(self, key: str) -> HeartbeatConfig | None:
        """The heartbeat whose ping key this is."""
        given = digest(key)
        found = [beat for beat in self.heartbeats.values() if hmac.compare_digest(beat.key_hash, given)]
        return found[0] if found else None

    def canaries(self, cluster: str) -> dict[str, str]:
        """The heartbeats that a cluster's processes beat, by BPMN process id."""
        beats = self.heartbeats.values()
        return {beat.zeebe_process: beat.name for beat in beats if beat.cluster == cluster and beat.zeebe_process}

    def canary(self, cluster: str, process: str) -> str | None:
        """The heartbeat that a cluster's process beats, if it does."""
        beats = self.heartbeats.values()
        return next((b.name for b in beats if b.cluster == cluster and b.zeebe_process == process), None)


class SourcesSnapshot(BaseModel):
    """The sources as one query returned them; ``sources`` is None when the asked-for version is current."""

    version: int
    sources: Sources | None = None


class ClusterChange(BaseModel):
    """What `im zeebe cluster update` asks for; None leaves a value as it is."""

    name: str
    token_hash: str | None = None
    tokenless: bool | None = None
    sealed_alert_secret: str | None = None
    group_by: Grouping | None = None
    rules: tuple[SeverityRule, ...] | None = None
    severity: Severity | None = None
    operate_url: str | None = None


def apply_cluster_change(cluster: ZeebeCluster, change: ClusterChange, now: datetime) -> ZeebeCluster:
    """The cluster after a change at ``now``; the same object when the change alters nothing."""
    update = {field: value for field, value in change if field != "name" and value is not None}
    if change.token_hash is not None:
        update["tokenless"] = False
    elif change.tokenless:
        update["token_hash"] = None
    changed = cluster.model_copy(update=update)
    return cluster if changed == cluster else changed.model_copy(update={"updated_at": now})


def digest(token: str) -> str:
    """SHA-256 in hexadecimal."""
    return hashlib.sha256(token.encode()).hexdigest()


def bare_token(value: str) -> str:
    """A token as it was configured or sent, without the word ``Bearer`` before it, if it was there."""
    scheme, _, rest = value.strip().partition(" ")
    return rest.strip() if scheme.lower() == "bearer" and rest.strip() else value.strip()


def check_token(value: str) -> str:
    """The bare token, if it is long enough and has no label before it; raises `InvalidRequestError` otherwise."""
    token = bare_token(value)
    if reason := labelled(token):
        raise InvalidRequestError(reason=f"the token cannot be used: {reason}")
    if len(token) < MIN_TOKEN_LENGTH or not token.isascii() or not token.isprintable():
        raise InvalidRequestError(reason=f"a token has at least {MIN_TOKEN_LENGTH} printable ASCII characters")
    return token


def check_source_name(name: str) -> str:
    """The same name, if a cluster or heartbeat may have it; raises `InvalidNameError` otherwise."""
    if not _NAME.fullmatch(name):
        raise InvalidNameError(name=name[:64], reason="it is empty, too long, or has other characters")
    return name


def parse_rule(text: str) -> SeverityRule:
    """``JOB_NO_RETRIES@payment-*=SEV-1``; without ``@`` for every process. Raises `InvalidRequestError`."""
    match, equals, severity = text.strip().rpartition("=")
    error_type, _, process = match.partition("@")
    try:
        return SeverityRule(
            error_type=error_type.strip() or "*",
            process=process.strip() or "*",
            severity=Severity(severity.strip().upper()) if equals else Severity(""),
        )
    except ValueError:
        raise InvalidRequestError(
            reason=f"{text[:80]!r} is not a severity rule; write ERROR_TYPE@PROCESS=SEV-n, such as "
            "JOB_NO_RETRIES@payment-*=SEV-1 or *@billing=SEV-2"
        ) from None


def _matches(pattern: str, value: str) -> bool:
    parts = (re.escape(part) for part in pattern.split("*"))
    return re.fullmatch(".*".join(parts), value, re.DOTALL) is not None


def check_count(count: int, limit: int) -> None:
    """Raise `InvalidRequestError` when there are as many of a kind as there may be."""
    if count >= limit:
        raise InvalidRequestError(reason=f"there are {limit} already; remove what is no longer used")
