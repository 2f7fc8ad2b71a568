"""The gateway to heartbeats: `im heartbeat`, and the beats that come in."""

import asyncio
import secrets
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import BaseModel
from temporalio.client import WorkflowFailureError, WorkflowQueryRejectedError
from temporalio.common import QueryRejectCondition, WorkflowIDConflictPolicy
from temporalio.service import RPCError

from activities.sealing import ping_url_purpose
from domain.addresses import check_url
from domain.errors import ImError, InvalidRequestError, UnavailableError
from domain.heartbeats import (
    KEY_BYTES,
    HeartbeatState,
    PingReport,
    Status,
    StatusChange,
    check_times,
    ping_path,
    redacted,
)
from domain.incidents import Severity
from domain.naming import given_as
from domain.source_errors import HeartbeatNotFoundError, HeartbeatUnwatchedError
from domain.sources import HeartbeatConfig, check_source_name, digest
from domain.timing import in_short
from service.beats import BeatIntake, reaching
from service.temporal import ANSWER_TIMEOUT, answered
from service.updates import seen
from workflows.heartbeat import HeartbeatInput, HeartbeatWorkflow
from workflows.names import CONTROL_QUEUE, heartbeat_workflow_id
from workflows.policies import EVENT_TASK_TIMEOUT
from workflows.sources import SourcesWorkflow

QUERIES_AT_ONCE = 20


class HeartbeatView(BaseModel):
    """A heartbeat as people and programs may see it: no key, and of the ping URL only the host.

    Attributes:
        due_at: when the next beat is expected; ``deadline`` is when its absence is judged.
        fault: why it is not watched, and what to do about it; None when it is.
    """

    name: str
    status: Status
    every_seconds: int
    grace_seconds: int
    severity: Severity
    cluster: str | None = None
    zeebe_process: str | None = None
    ping_url: str | None = None
    created_at: datetime
    last_beat_at: datetime | None = None
    due_at: datetime | None = None
    deadline: datetime | None = None
    unknown_since: datetime | None = None
    running_since: datetime | None = None
    last_run_seconds: float | None = None
    last_note: str | None = None
    incident_id: str | None = None
    last_ping: PingReport | None = None
    changes: list[StatusChange] = []
    fault: str | None = None


class HeartbeatAdded(BaseModel):
    """The result of adding a heartbeat; the path has its key in it and is shown this once."""

    heartbeat: HeartbeatView
    ping_path: str


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
        return await self._changed(name, HeartbeatWorkflow.pause)

    async def resume(self, name: str) -> HeartbeatView:
        """Expect beats again, counted from now."""
        return await self._changed(name, HeartbeatWorkflow.resume)

    async def all(self) -> list[HeartbeatView]:
        """Every heartbeat, by name."""
        heartbeats = (await self._registry.fresh()).heartbeats
        limit = asyncio.Semaphore(QUERIES_AT_ONCE)

        async def one(config: HeartbeatConfig) -> HeartbeatView:
            async with limit:
                try:
                    return await self._view(config)
                except UnavailableError as error:  # the others are to be seen all the same
                    return _unseen(config, f"{config.name}: {error}")

        return await asyncio.gather(*(one(heartbeats[name]) for name in sorted(heartbeats)))

    async def get(self, name: str) -> HeartbeatView:
        """One heartbeat."""
        return await self._view(await self._config(name))

    async def _config(self, name: str) -> HeartbeatConfig:
        config = (await self._registry.fresh()).heartbeats.get(name)
        if config is None:
            raise HeartbeatNotFoundError(name=name)
        return config

    async def _view(self, config: HeartbeatConfig) -> HeartbeatView:
        try:
            async with reaching(self._connection.client, config.name, CONTROL_QUEUE):
                state = await self.handle(config.name).query(
                    HeartbeatWorkflow.state, reject_condition=QueryRejectCondition.NOT_OPEN
                )
                return view(config, state)
        except (HeartbeatNotFoundError, WorkflowQueryRejectedError):
            fault = HeartbeatUnwatchedError(name=config.name)
            return _unseen(config, f"{fault}. {fault.advice}")

    async def _changed(self, name: str, update: Any) -> HeartbeatView:
        config = await self._config(name)
        try:
            async with reaching(self._connection.client, name, CONTROL_QUEUE):
                return view(config, await seen(lambda: self.handle(name).execute_update(update)))
        except HeartbeatNotFoundError:
            raise HeartbeatUnwatchedError(name=name) from None

    async def _watch(self, config: HeartbeatConfig) -> None:
        """Start the workflow of a heartbeat, or take the heartbeat out of the registry again."""
        every, grace = in_short(config.every_seconds), in_short(config.grace_seconds)
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
                    static_summary=f"{config.name}: every {every}, grace {grace}",
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


def _unseen(config: HeartbeatConfig, fault: str) -> HeartbeatView:
    return view(config, HeartbeatState(status=Status.UNKNOWN)).model_copy(update={"fault": fault})


def view(config: HeartbeatConfig, state: HeartbeatState) -> HeartbeatView:
    """What may be shown of a heartbeat."""
    known = state.model_dump(exclude={"status"})
    return HeartbeatView(
        **{field: known[field] for field in HeartbeatView.model_fields if field in known},
        name=config.name,
        status=state.status_at(datetime.now(UTC), config.grace_seconds),
        every_seconds=config.every_seconds,
        grace_seconds=config.grace_seconds,
        severity=config.severity,
        cluster=config.cluster,
        zeebe_process=config.zeebe_process,
        ping_url=config.ping_host,
        created_at=config.created_at,
        due_at=state.due_at(config.grace_seconds),
        incident_id=state.incident_id,
    )
