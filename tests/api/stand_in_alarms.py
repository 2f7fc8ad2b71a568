"""The gateway to alarms in memory: the domain's own rules, without Temporal between them and the API."""

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from domain.alarm_checks import checked
from domain.alarm_errors import AlarmNotFoundError
from domain.alarm_parsing import as_observation
from domain.alarms import (
    EVENT_TYPES,
    Alarm,
    AlarmSeverity,
    Identity,
    IdentityRule,
    Notification,
    Observation,
    Observed,
    alarm_id_of,
    observe,
)
from service.alarms import AlarmFilter, AlarmPage, AlarmRow

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


class Alarms:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.known: dict[str, Alarm] = {}
        self.wanted: AlarmFilter | None = None
        self.older: datetime | None = None
        self.published = True

    async def upsert(self, identity: Identity, severity: AlarmSeverity, **said: Any) -> Observed:
        alarm_id = alarm_id_of(identity, said.get("node_id"), IdentityRule.RESOURCE)
        return self._observe(Observation(alarm_id=alarm_id, identity=identity, severity=severity, **said))

    async def clear(self, alarm_id: str, **said: Any) -> Observed:
        await self.get(alarm_id)
        return self._observe(Observation(alarm_id=alarm_id, severity=AlarmSeverity.CLEARED, **said))

    async def take_in(self, state: Notification) -> Observed:
        return self._observe(as_observation(state))

    async def get(self, alarm_id: str) -> Alarm:
        self._called()
        if alarm_id not in self.known:
            raise AlarmNotFoundError(alarm_id=alarm_id)
        return self.known[alarm_id]

    async def find(self, wanted: AlarmFilter) -> AlarmPage:
        self._called()
        self.wanted = wanted
        rows = [AlarmRow.model_validate(alarm.model_dump()) for alarm in self.known.values()]
        return AlarmPage(rows=rows, older=self.older)

    def _observe(self, seen: Observation) -> Observed:
        self._called()
        known = self.known.get(seen.alarm_id)
        alarm, outcome = observe(known, checked(seen, datetime.now(UTC)), AT)
        self.known[seen.alarm_id] = alarm
        told = {"event_id": "evt_1", "published": self.published} if outcome in EVENT_TYPES else {}
        return Observed.model_validate({"outcome": outcome, "created": known is None, "alarm": alarm, **told})
