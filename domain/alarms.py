"""Alarms: identity, state, and what an observation of one makes of it. Severities are those of X.733 and RFC 8632."""

import hashlib
import json
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import quote

from pydantic import BaseModel, ConfigDict, computed_field

from domain import event_types
from domain.alarm_errors import InvalidAlarmError
from domain.alarm_texts import MAX_LINK, Impacts

TICK = timedelta(microseconds=1)  # two states of an alarm are at least so far apart
PLACEHOLDERS = ("alarm_id", "alarm_type", "resource_type", "resource_id", "node_id")


class AlarmSeverity(StrEnum):
    """CRITICAL is the worst; an alarm is CLEARED, or raised with one of the others."""

    CRITICAL = "CRITICAL"
    MAJOR = "MAJOR"
    MINOR = "MINOR"
    WARNING = "WARNING"
    CLEARED = "CLEARED"


class IdentityRule(StrEnum):
    """Whether the node is part of what makes two alarms the same."""

    RESOURCE = "resource"
    RESOURCE_AND_NODE = "resource+node"


class Outcome(StrEnum):
    """What an observation came to; the first three are told to subscribers."""

    RAISED = "raised"
    CHANGED = "changed"
    CLEARED = "cleared"
    UNCHANGED = "unchanged"
    OUTDATED = "outdated"


EVENT_TYPES: Mapping[Outcome, str] = {
    Outcome.RAISED: event_types.ALARM_RAISED,
    Outcome.CHANGED: event_types.ALARM_CHANGED,
    Outcome.CLEARED: event_types.ALARM_CLEARED,
}


class Identity(BaseModel):
    """The alarming resource and the alarm type."""

    model_config = ConfigDict(frozen=True)

    alarm_type: str
    resource_type: str
    resource_id: str


class Notification(Identity):
    """A state of an alarm, as messages tell it; what is absent is empty.

    Attributes:
        impacted_resources: by the type of the resources.
        last_updated: UTC; strictly later for each state of an alarm.
    """

    alarm_id: str
    node_id: str = ""
    severity: AlarmSeverity
    dashboard_link: str = ""
    brief_description: str = ""
    detailed_description: list[str] = []
    suggested_actions: list[str] = []
    impacted_resources: Impacts = {}
    last_updated: datetime

    def is_of(self, identity: Identity) -> bool:
        """Whether it is the alarm of this identity."""
        return all(getattr(self, name) == value for name, value in identity)

    @computed_field  # type: ignore[prop-decorator]  # mypy knows no decorated properties
    @property
    def cleared(self) -> bool:
        """Whether nothing is wrong any more."""
        return self.severity is AlarmSeverity.CLEARED


class Alarm(Notification):
    """An alarm, and what this platform remembers of it.

    Attributes:
        observed_at: when this platform last heard of it, by its own clock.
        first_raised_at: None for an alarm that was only ever heard of as cleared.
        raised_at: when it was raised last.
        raised_count: how often it was raised.
        observed_count: how often it was heard of, outdated observations left out.
    """

    observed_at: datetime
    first_raised_at: datetime | None = None
    raised_at: datetime | None = None
    cleared_at: datetime | None = None
    raised_count: int = 0
    observed_count: int = 0


class Observation(BaseModel):
    """What somebody says of an alarm; None leaves a value as it is known.

    Attributes:
        identity: None for an alarm that is known already.
        dashboard_template: makes the link where none is given.
        last_updated: None for now.
        event_id: of the event that tells it, if one does, as the gateway made it; None: the workflow makes one.
    """

    model_config = ConfigDict(frozen=True)

    alarm_id: str
    identity: Identity | None = None
    severity: AlarmSeverity | None = None
    node_id: str | None = None
    dashboard_link: str | None = None
    dashboard_template: str | None = None
    brief_description: str | None = None
    detailed_description: list[str] | None = None
    suggested_actions: list[str] | None = None
    impacted_resources: Impacts | None = None
    last_updated: datetime | None = None
    event_id: str | None = None


class Observed(BaseModel):
    """The answer to an observation.

    Attributes:
        created: the alarm was not known before.
        event_id: of the event that tells it; None when nothing is told.
        published: whether that event was emitted (False: publishing is off).
    """

    outcome: Outcome
    created: bool = False
    event_id: str | None = None
    published: bool | None = None
    alarm: Alarm


def alarm_id_of(identity: Identity, node_id: str | None, rule: IdentityRule) -> str:
    """The alarm_id of an identity: the type made readable, and 64 bits of SHA-256; at most 57 of ``a-z0-9-``.

    A node that is empty or unknown is no part of it under either rule.
    """
    parts = [identity.alarm_type, identity.resource_type, identity.resource_id]
    if rule is IdentityRule.RESOURCE_AND_NODE and node_id:
        parts.append(node_id)
    digest = hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:16]
    readable = re.sub("[^a-z0-9]+", "-", identity.alarm_type.lower())[:40].strip("-")
    return f"{readable or 'alarm'}-{digest}"


def observe(known: Alarm | None, seen: Observation, now: datetime) -> tuple[Alarm, Outcome]:
    """The alarm after a checked observation; the same object when that is older than what is known, or as old.

    Args:
        known: None for an alarm not heard of before; ``seen`` then has its identity.
        seen: what was observed.
        now: this platform's time. A clock that was set back does not set ``last_updated`` back.
    """
    if known and seen.last_updated and seen.last_updated <= known.last_updated:
        return known, Outcome.OUTDATED
    before = known.severity if known else AlarmSeverity.CLEARED
    severity = seen.severity or before
    stamp = seen.last_updated or (max(now, known.last_updated + TICK) if known else now)
    outcome = _outcome(before, severity)
    update = {"severity": severity, "last_updated": stamp, "observed_at": now} | _said(seen)
    if outcome is Outcome.RAISED:
        update["raised_at"] = stamp
        update["first_raised_at"] = (known and known.first_raised_at) or stamp
        update["raised_count"] = (known.raised_count if known else 0) + 1
    if outcome is Outcome.CLEARED:
        update["cleared_at"] = stamp
    update["observed_count"] = (known.observed_count if known else 0) + 1
    before_it = known.model_dump() if known else {"alarm_id": seen.alarm_id}
    alarm = Alarm.model_validate(before_it | update)
    if seen.dashboard_link is None and seen.dashboard_template is not None:
        alarm = alarm.model_copy(update={"dashboard_link": dashboard_link(seen.dashboard_template, alarm)})
    return alarm, outcome


def dashboard_link(template: str, alarm: Notification) -> str:
    """The link that a template makes, each value percent-encoded whole; empty if it would be over 2,000 characters."""
    values = {name: quote(getattr(alarm, name), safe="") for name in PLACEHOLDERS}
    link = re.sub(r"\{(\w+)\}", lambda found: values[found[1]], template)
    return link if len(link) <= MAX_LINK else ""


def check_template(template: str) -> str:
    """The same template, if it makes links; raises `InvalidAlarmError` otherwise."""
    unknown = [name for name in re.findall(r"\{([^}]*)\}", template) if name not in PLACEHOLDERS]
    if not re.match(r"https?://", template) or unknown:
        known = ", ".join(f"{{{name}}}" for name in PLACEHOLDERS)
        raise InvalidAlarmError(
            member="dashboard template", reason=f"it begins with https:// or http://, and may have {known}"
        )
    return template


def _said(seen: Observation) -> dict[str, object]:
    """The values that an observation gives."""
    given = seen.model_dump(exclude={"alarm_id", "identity", "severity", "dashboard_template", "last_updated"})
    given |= seen.identity.model_dump() if seen.identity else {}
    return {name: value for name, value in given.items() if value is not None}


def _outcome(before: AlarmSeverity, after: AlarmSeverity) -> Outcome:
    if before is after:
        return Outcome.UNCHANGED
    if after is AlarmSeverity.CLEARED:
        return Outcome.CLEARED
    return Outcome.RAISED if before is AlarmSeverity.CLEARED else Outcome.CHANGED
