"""Where beats come in: a signal to the heartbeat's workflow, which waits in Temporal while no worker is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

from temporalio.client import Client, WorkflowHandle
from temporalio.service import RPCError, RPCStatusCode

from activities.heartbeats import BEATS
from domain.heartbeats import Beat, BeatKind
from domain.source_errors import HeartbeatNotFoundError
from domain.sources import check_source_name
from service.beat_rate import BeatRate
from service.connection import Connection
from service.doors import Door
from service.reachability import unless_away
from service.sources import SourceRegistry
from service.temporal import answered
from workflows.heartbeat import HeartbeatWorkflow
from workflows.names import heartbeat_workflow_id


class BeatIntake:
    """Takes beats, by name or by key.

    Args:
        connection: to Temporal.
        registry: knows whose key it is.
        door: told when a beat cannot be taken.
    """

    def __init__(self, connection: Connection, registry: SourceRegistry, door: Door) -> None:
        self._connection = connection
        self._registry = registry
        self._door = door
        self._rate = BeatRate()

    async def beat(
        self, name: str, kind: BeatKind = BeatKind.SUCCESS, *, note: str | None = None, at: datetime | None = None
    ) -> None:
        """Take a beat; once this returned, Temporal has it.

        Args:
            name: of the heartbeat.
            kind: what the job says.
            note: what it sent along.
            at: when it beat, where that is known of somebody else; None: now.

        Raises:
            HeartbeatNotFoundError: no such heartbeat.
            TooManyBeatsError: more than anything could need.
            TemporalUnavailableError: at once; the beat may be sent again.
        """
        check_source_name(name)
        beat = Beat(kind=kind, at=at or datetime.now(UTC), note=note, exported=at is not None)
        with self._door.passing():
            await unless_away(self._connection.client, self._signal(name, beat))
        BEATS.labels(kind.value).inc()

    async def ping(self, key: str, kind: BeatKind = BeatKind.SUCCESS, *, note: str | None = None) -> None:
        """`beat`, for whoever has the key of a beat URL; raises the same, and never names the key."""
        beat = Beat(kind=kind, at=datetime.now(UTC), note=note)
        with self._door.passing():
            await unless_away(self._connection.client, self._signal_owner(key, beat))
        BEATS.labels(kind.value).inc()

    def handle(self, name: str) -> WorkflowHandle[HeartbeatWorkflow, None]:
        """The workflow that watches a heartbeat."""
        client = self._connection.client
        return client.get_workflow_handle_for(HeartbeatWorkflow.run, heartbeat_workflow_id(name))

    async def _signal_owner(self, key: str, beat: Beat) -> None:
        sources = await self._registry.latest()
        # The latest known may be old while no worker answers: then only the registry itself can say that nobody has it.
        config = sources.heartbeat_of(key) or (await self._registry.current()).heartbeat_of(key)
        if config is None:
            raise HeartbeatNotFoundError(name="(unknown key)")
        await self._signal(config.name, beat)

    async def _signal(self, name: str, beat: Beat) -> None:
        if not self._rate.says_something(name, beat.kind) and not beat.exported:
            return
        async with reaching(self._connection.client, name):
            await self.handle(name).signal(HeartbeatWorkflow.beat, beat)
        self._rate.accepted(name, beat.kind)


@asynccontextmanager
async def reaching(client: Client, name: str, queue: str | None = None) -> AsyncIterator[None]:
    """`answered`, for the workflow of a heartbeat; raises `HeartbeatNotFoundError` when there is none."""
    try:
        async with answered(client, queue):
            yield
    except RPCError as error:
        if error.status is RPCStatusCode.NOT_FOUND:
            raise HeartbeatNotFoundError(name=name) from None
        raise
