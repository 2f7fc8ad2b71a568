"""The gateway to heartbeats: `im heartbeat`, and the beats that come in."""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from temporalio.client import WorkflowFailureError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.sealing import ping_url_purpose
from domain.addresses import check_url
from domain.errors import ImError, InvalidRequestError, SealingKeyError, UnavailableError
from domain.heartbeat_changes import HeartbeatChange
from domain.heartbeats import (
    KEY_BYTES,
    MIN_EVERY,
    HeartbeatState,
    check_times,
    ping_path,
    redacted,
)
from domain.incidents import Severity
from domain.naming import found, given_as
from domain.source_errors import HeartbeatNotFoundError, HeartbeatUnwatchedError
from domain.sources import HeartbeatConfig, check_source_name, digest
from service.beats import BeatIntake, reaching
from service.heartbeat_views import HeartbeatAdded, HeartbeatView, unseen, view
from service.sources import LEASE_WAIT_SECONDS
from service.temporal import ANSWER_TIMEOUT, answered
from service.updates import seen
from workflows.heartbeat import HeartbeatInput, HeartbeatWorkflow
from workflows.names import CONTROL_QUEUE, heartbeat_workflow_id
from workflows.policies import EVENT_TASK_TIMEOUT
from workflows.sources import SourcesWorkflow

QUERIES_AT_ONCE = 20


class HeartbeatGateway(BeatIntake):
    """Everything that can be done with heartbeats.

    All methods raise the errors of `domain.errors` and `domain.source_errors` alone.
    """

    async def add(
        self,
        name: str,
        *,
        every: timedelta,
        grace: timedelta,
        severity: Severity = Severity.SEV_1,
        cluster: str | None = None,
        zeebe_process: str | None = None,
        ping_url: str | None = None,
    ) -> HeartbeatAdded:
        """Add a heartbeat; it waits for its first beat without alarm."""
        check_times(every, grace)
        if (cluster is None) != (zeebe_process is None):
            raise InvalidRequestError(reason="a Zeebe process goes with its cluster: give both, or neither")
        key = secrets.token_urlsafe(KEY_BYTES)
        new = HeartbeatConfig(
            name=check_source_name(name),
            every_seconds=int(every.total_seconds()),
            grace_seconds=int(grace.total_seconds()),
            severity=severity,
            key_hash=digest(key),
            sealed_ping_url=await self._sealed(name, ping_url),
            ping_host=redacted(ping_url) if ping_url is not None else None,
            cluster=cluster,
            zeebe_process=zeebe_process,
            created_at=datetime.now(UTC),
        )
        config = await self.adopt(new)
        return HeartbeatAdded(heartbeat=view(config, HeartbeatState()), ping_path=ping_path(key))

    async def adopt(self, new: HeartbeatConfig) -> HeartbeatConfig:
        """Add a heartbeat that was checked and sealed before."""
        config: HeartbeatConfig = await self._registry.change(SourcesWorkflow.add_heartbeat, new)
        await self._watch(config)
        return config

    async def update(
        self,
        name: str,
        *,
        every: timedelta | None = None,
        grace: timedelta | None = None,
        severity: Severity | None = None,
        cluster: str | None = None,
        zeebe_process: str | None = None,
        ping_url: str | None = None,
    ) -> HeartbeatView:
        """Change a heartbeat; None leaves a value as it is, and ``""`` takes it away. Its key and its state stay."""
        check_times(MIN_EVERY if every is None else every, timedelta() if grace is None else grace)
        known = await self._config(name)
        await self._state(known)  # what nobody watches is refused unchanged
        change = HeartbeatChange(
            name=name,
            every_seconds=None if every is None else int(every.total_seconds()),
            grace_seconds=None if grace is None else int(grace.total_seconds()),
            severity=severity,
            cluster=cluster,
            zeebe_process=zeebe_process,
        )
        changed = await self.change(change.model_copy(update=await self._ping_change(known, ping_url)))
        await asyncio.sleep(LEASE_WAIT_SECONDS)
        return changed

    async def change(self, change: HeartbeatChange) -> HeartbeatView:
        """Carry out a change that was checked and sealed before; other processes know it half a second later.

        Its workflow is told in any case: should it not answer, the same change again is all that is needed.
        """
        config = await self._registry.change(SourcesWorkflow.change_heartbeat, change, settle=False)
        return await self._told(config, HeartbeatWorkflow.change, config)

    async def remove(self, name: str) -> HeartbeatView:
        """Remove a heartbeat; an incident of it that is open is resolved with a note.

        Its workflow is told first: should the registry not answer then, removing it again is all that is needed.
        """
        found = await self.get(name)
        with suppress(HeartbeatNotFoundError):
            async with reaching(self._connection.client, name):
                await self.handle(name).signal(HeartbeatWorkflow.remove)
        await self._registry.change(SourcesWorkflow.remove_heartbeat, name)
        with suppress(TimeoutError, RPCError, WorkflowFailureError):  # it ends by itself, however long that takes
            async with asyncio.timeout(ANSWER_TIMEOUT.total_seconds()):
                await self.handle(name).result()
        return found

    async def pause(self, name: str) -> HeartbeatView:
        """Expect nothing until resumed; an incident of it that is open is resolved with a note."""
        return await self._told(await self._config(name), HeartbeatWorkflow.pause)

    async def resume(self, name: str) -> HeartbeatView:
        """Expect beats again, counted from now."""
        return await self._told(await self._config(name), HeartbeatWorkflow.resume)

    async def all(self) -> list[HeartbeatView]:
        """Every heartbeat, by name."""
        heartbeats = (await self._registry.fresh()).heartbeats
        limit = asyncio.Semaphore(QUERIES_AT_ONCE)

        async def one(config: HeartbeatConfig) -> HeartbeatView:
            async with limit:
                try:
                    return await self._view(config)
                except UnavailableError as error:  # the others are to be seen all the same
                    return unseen(config, f"{config.name}: {error}")

        return await asyncio.gather(*(one(heartbeats[name]) for name in sorted(heartbeats)))

    async def get(self, name: str) -> HeartbeatView:
        """One heartbeat."""
        return await self._view(await self._config(name))

    async def _config(self, name: str) -> HeartbeatConfig:
        return found(name, (await self._registry.fresh()).heartbeats, HeartbeatNotFoundError)

    async def _view(self, config: HeartbeatConfig) -> HeartbeatView:
        try:
            return view(config, await self._state(config))
        except HeartbeatUnwatchedError as fault:
            return unseen(config, f"{fault}. {fault.advice}")

    async def _state(self, config: HeartbeatConfig) -> HeartbeatState:
        try:
            async with reaching(self._connection.client, config.name, CONTROL_QUEUE):
                return await self.handle(config.name).query(
                    HeartbeatWorkflow.state, reject_condition=QueryRejectCondition.NOT_OPEN
                )
        except (HeartbeatNotFoundError, WorkflowQueryRejectedError):
            raise HeartbeatUnwatchedError(name=config.name) from None

    async def _told(self, config: HeartbeatConfig, update: Any, *arguments: Any) -> HeartbeatView:
        try:
            async with reaching(self._connection.client, config.name, CONTROL_QUEUE):
                handle = self.handle(config.name)
                return view(config, await seen(lambda: handle.execute_update(update, *arguments)))
        except HeartbeatNotFoundError:
            raise HeartbeatUnwatchedError(name=config.name) from None

    async def _watch(self, config: HeartbeatConfig) -> None:
        """Start the workflow of a heartbeat, or take the heartbeat out of the registry again."""
        try:
            async with answered(self._connection.client):
                await self._connection.client.start_workflow(
                    HeartbeatWorkflow.run,
                    HeartbeatInput(config=config),
                    id=heartbeat_workflow_id(config.name),
                    task_queue=CONTROL_QUEUE,
                    task_timeout=EVENT_TASK_TIMEOUT,
                    # One that still runs is of a removed heartbeat of this name, with that one's times.
                    id_conflict_policy=WorkflowIDConflictPolicy.TERMINATE_EXISTING,
                    static_summary=config.name,  # its times may change
                )
        except (ImError, RPCError):
            with suppress(ImError, RPCError):
                await self._registry.change(SourcesWorkflow.remove_heartbeat, config.name)
            raise

    async def _sealed(self, name: str, ping_url: str | None) -> str | None:
        if ping_url is None:
            return None
        with given_as("ping_url"):
            checked = check_url(ping_url, self._connection.policy)
        return (await self._connection.sealing()).seal(checked, ping_url_purpose(name))

    async def _ping_change(self, known: HeartbeatConfig, ping_url: str | None) -> dict[str, str]:
        """What changes with a ping URL: nothing where it is the same, which differs by its seal alone."""
        if ping_url is None:
            return {}
        sealed, before = await self._sealed(known.name, ping_url or None), known.sealed_ping_url
        if sealed is None:
            return {"sealed_ping_url": "", "ping_host": ""}
        ring, purpose = self._connection.keyring, ping_url_purpose(known.name)
        with suppress(SealingKeyError):
            if before is not None and ring.open(before, purpose) == ring.open(sealed, purpose):
                return {}
        return {"sealed_ping_url": sealed, "ping_host": redacted(ping_url)}
