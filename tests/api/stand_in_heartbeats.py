"""The gateway to heartbeats in memory: the domain's own rules, without Temporal between them and the API."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from domain.heartbeat_changes import HeartbeatChange, apply_heartbeat_change
from domain.heartbeat_rules import Heartbeat
from domain.heartbeats import Beat, BeatKind, HeartbeatState, check_times, ping_path, redacted
from domain.incidents import Severity
from domain.source_errors import HeartbeatExistsError, HeartbeatNotFoundError
from domain.sources import HeartbeatConfig, check_source_name, digest
from service.heartbeat_views import HeartbeatAdded, HeartbeatView, view

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)


class Heartbeats:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.known: dict[str, Heartbeat] = {}
        self.taken: list[tuple[str, BeatKind, str | None]] = []

    async def add(
        self,
        name: str,
        *,
        every: timedelta,
        grace: timedelta,
        severity: Severity,
        cluster: str | None,
        zeebe_process: str | None,
        ping_url: str | None,
    ) -> HeartbeatAdded:
        self._called()
        check_times(every, grace)
        if name in self.known:
            raise HeartbeatExistsError(name=name)
        config = HeartbeatConfig(
            name=check_source_name(name),
            every_seconds=int(every.total_seconds()),
            grace_seconds=int(grace.total_seconds()),
            severity=severity,
            key_hash=digest(self.key(name)),
            ping_host=redacted(ping_url) if ping_url else None,
            cluster=cluster,
            zeebe_process=zeebe_process,
            created_at=AT,
        )
        self.known[name] = Heartbeat(config, HeartbeatState())
        return HeartbeatAdded(heartbeat=await self.get(name), ping_path=ping_path(self.key(name)))

    async def all(self) -> list[HeartbeatView]:
        self._called()
        return [await self.get(name) for name in sorted(self.known)]

    async def get(self, name: str) -> HeartbeatView:
        found = self._found(name)
        return view(found.config, found.state)

    async def update(
        self,
        name: str,
        *,
        every: timedelta | None,
        grace: timedelta | None,
        severity: Severity | None,
        cluster: str | None,
        zeebe_process: str | None,
        ping_url: str | None,
    ) -> HeartbeatView:
        watched = self._found(name)
        change = HeartbeatChange(
            name=name,
            every_seconds=int(every.total_seconds()) if every else None,
            grace_seconds=None if grace is None else int(grace.total_seconds()),
            severity=severity,
            ping_host=redacted(ping_url) if ping_url else ping_url,
            cluster=cluster,
            zeebe_process=zeebe_process,
        )
        now = datetime.now(UTC)
        watched.change(apply_heartbeat_change(watched.config, change, now), now)
        return await self.get(name)

    async def remove(self, name: str) -> HeartbeatView:
        removed = await self.get(name)
        del self.known[name]
        return removed

    async def pause(self, name: str) -> HeartbeatView:
        self._found(name).pause(datetime.now(UTC))
        return await self.get(name)

    async def resume(self, name: str) -> HeartbeatView:
        self._found(name).resume(datetime.now(UTC))
        return await self.get(name)

    async def beat(self, name: str, kind: BeatKind = BeatKind.SUCCESS, *, note: str | None = None) -> None:
        now = datetime.now(UTC)
        self._found(name).hear(Beat(kind=kind, at=now, note=note), now)
        self.taken.append((name, kind, note))

    async def ping(self, key: str, kind: BeatKind = BeatKind.SUCCESS, *, note: str | None = None) -> None:
        self._called()
        owner = next((name for name in self.known if self.key(name) == key), None)
        if owner is None:
            raise HeartbeatNotFoundError(name="(unknown key)")
        await self.beat(owner, kind, note=note)

    @staticmethod
    def key(name: str) -> str:
        return f"key-of-{name}"

    def _found(self, name: str) -> Heartbeat:
        self._called()
        if name not in self.known:
            raise HeartbeatNotFoundError(name=name)
        return self.known[name]
