"""The gateway to the registry of sources: leased reading, and updates that wait out the lease."""

import asyncio
from typing import Any

from temporalio.client import WorkflowHandle

from activities.leases import LEASE_SECONDS, Lease
from domain.sources import Sources, SourcesSnapshot
from domain.tokens import TokenUses
from service.connection import Connection
from service.reachability import unless_away
from service.temporal import answered_by_entity
from service.together import Together
from service.updates import Updates
from workflows.names import CONTROL_QUEUE, SOURCES_ID
from workflows.sources import SourcesWorkflow

# The lease is counted by other processes' clocks; a tenth more covers their drift within half a second.
LEASE_WAIT_SECONDS = LEASE_SECONDS * 1.1


class SourceRegistry:
    """Reads and changes the registry. All methods raise the errors of `domain.errors` and `domain.source_errors`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._updates = Updates(connection, SOURCES_ID)
        self._lease = Lease(self._newer)
        self._together = Together()

    async def current(self) -> Sources:
        """The sources, at most half a second old: for what comes in often."""
        return await self._lease.current()

    async def latest(self) -> Sources:
        """`current`, or what was known last where the registry does not answer: a beat waits for no worker."""
        return await self._lease.latest()

    @property
    def known(self) -> Sources | None:
        """The sources as they were known last, however long ago; None: never asked for."""
        return self._lease.known

    def held(self) -> Sources | None:
        """`current` where that needs no waiting; None otherwise."""
        return self._lease.held()

    async def promptly(self) -> Sources:
        """`current`, or `TemporalUnavailableError` at once when Temporal is away."""
        return await unless_away(self._connection.client, self._lease.current())

    async def fresh(self) -> Sources:
        """The sources as they are now: for people."""
        await self._connection.require_worker()
        return await self._together.ask("fresh", lambda: self._newer(None))

    async def change(self, update: Any, argument: Any, *, settle: bool = True) -> Any:
        """Carry out an update of `SourcesWorkflow`; once this returned, every process knows, unless not to settle."""
        await self._connection.require_worker()
        changed = await self._updates.carry_out(update, argument)
        if settle:
            await asyncio.sleep(LEASE_WAIT_SECONDS)
        return changed

    async def token_uses(self) -> TokenUses:
        """When API tokens were last used."""
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            return await self._handle.query(SourcesWorkflow.token_uses)

    async def note_uses(self, uses: TokenUses) -> None:
        """Take note of when API tokens were last used; a signal, which waits for no worker."""
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            await self._handle.signal(SourcesWorkflow.tokens_used, uses)

    @property
    def _handle(self) -> WorkflowHandle[SourcesWorkflow, None]:
        return self._connection.client.get_workflow_handle_for(SourcesWorkflow.run, SOURCES_ID)

    async def _newer(self, known: Sources | None) -> Sources:
        async with answered_by_entity(self._connection.client, CONTROL_QUEUE):
            snapshot: SourcesSnapshot = await self._handle.query(
                SourcesWorkflow.snapshot, known.version if known else None
            )
        return snapshot.sources or known or Sources(version=snapshot.version)
