"""The gateway to the check-up: `im doctor`."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version

from domain.checkup import Checkup, Finding, from_error
from domain.errors import ImError
from service import findings
from service.checks_temporal import check_clock, check_namespace, check_queues, check_server, check_workflows
from service.connection import Connection
from service.health import HealthGateway
from service.heartbeats import HeartbeatGateway
from service.keys import KeyGateway
from service.registries import Registries
from service.workers import present_workers

Check = Callable[[], Awaitable[Sequence[Finding]]]


class DoctorGateway:
    """Looks at everything that can go wrong, and says of each what to do. Changes nothing."""

    def __init__(
        self,
        connection: Connection,
        registries: Registries,
        health: HealthGateway,
        heartbeats: HeartbeatGateway,
        keys: KeyGateway,
    ) -> None:
        self._client = connection.client
        self._registries = registries
        self._health = health
        self._heartbeats = heartbeats
        self._keys = keys

    async def check(self) -> Checkup:
        """Every finding; a check that cannot be made is a finding itself."""
        client, workers = self._client, await present_workers(self._client)
        checks: dict[str, Check] = {
            "temporal": lambda: check_server(client),
            "namespace": lambda: check_namespace(client),
            "clock": lambda: check_clock(client),
        }
        if workers:
            checks |= {
                "queues": lambda: check_queues(client),
                "workflows": lambda: check_workflows(client),
                "keys": self._key_findings,
                "registries": self._registered,
                "heartbeats": self._heartbeat_findings,
            }
        made = await asyncio.gather(*(_made(name, check) for name, check in checks.items()))
        told = findings.of_workers(workers, version("incidents-platform"))
        return Checkup(findings=[*told, *(finding for found in made for finding in found)])

    async def _key_findings(self) -> Sequence[Finding]:
        return findings.of_keys(await self._keys.report())

    async def _registered(self) -> Sequence[Finding]:
        directory, sources = await self._registries.directory(), await self._registries.sources()
        sizes = [findings.of_directory(directory), findings.of_sources(sources)]
        now, rows = datetime.now(UTC), await self._health.all()
        troubled = [*findings.of_subscribers(directory, rows), *findings.of_long_failures(directory, rows, now)]
        return [*sizes, *findings.of_certificates(directory, now), *troubled]

    async def _heartbeat_findings(self) -> Sequence[Finding]:
        return findings.of_heartbeats(await self._heartbeats.all(), datetime.now(UTC))


async def _made(name: str, check: Check) -> Sequence[Finding]:
    try:
        return await check()
    except ImError as problem:
        return [from_error(name, problem)]
