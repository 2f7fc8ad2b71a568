"""The gateway to replays: start, watch, cancel; and what their activities need of Temporal."""

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime

from pydantic import BaseModel
from temporalio.client import WorkflowExecution, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import ImError, InvalidRequestError, PublishingDisabledError
from domain.limits import check_rate
from domain.patterns import check_patterns
from domain.replay_errors import ReplayNotFoundError, UnknownSubscriberError
from domain.replays import DEFAULT_RATE, ENDED, ReplayReport, ReplayState, Selection, Stage, Survey, refusal_of
from domain.subscribers import Subscriber
from service.connection import Connection
from service.idempotency import Once
from service.listing import check_limit, first_of, latest, quoted
from service.replay_search import ReplaySearch
from service.subscribers import SubscriberGateway
from service.temporal import answered
from workflows import names
from workflows.replay import ReplayWorkflow

FIRST_WORD_SECONDS = 5  # a start is answered with what was counted, if that is known within so long
_POLL_SECONDS = 0.1
_LATEST_RUNS = "WorkflowType = 'ReplayWorkflow' AND ExecutionStatus != 'ContinuedAsNew'"
_RUNNING = "ExecutionStatus = 'Running'"
MAX_SURVEYED = 20_000  # events, by a dry run; a replay itself has no limit


class ReplayOptions(BaseModel):
    """What is asked for; see docs/replay.md.

    Attributes:
        subscriber: whose events: those that it wants; with ``failed_only`` or ``to`` those that it was sent.
        to: who is sent them; ``subscriber`` by default.
        types: patterns, besides those of whom they are sent to.
    """

    subscriber: str | None = None
    to: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    types: list[str] | None = None
    failed_only: bool = False
    rate: str = DEFAULT_RATE


class ReplayView(ReplayReport):
    """A replay, with what became of what it sent.

    Attributes:
        delivered: of ``sent``, a second behind at most; likewise ``failed`` and ``under_way``.
        eta_seconds: until all is sent, at its rate; None when it is not sending.
    """

    delivered: int = 0
    failed: int = 0
    under_way: int = 0
    eta_seconds: float | None = None


class ReplayPageView(BaseModel):
    """A part of the list of replays; ``older`` is what to look ``before`` for the next one, if there is any."""

    rows: list[ReplayReport]
    older: datetime | None = None


class ReplayGateway:
    """Everything that can be done with replays. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._subscribers = subscribers

    async def survey(self, options: ReplayOptions) -> Survey:
        """What a replay would send, to one that is paused too; nothing is sent. Counting ends at 20,000 events."""
        selection, to = await self._selection(options)
        held = refusal_of(to.name, to)
        if held and not to.paused:
            raise InvalidRequestError(reason=held)
        found = await ReplaySearch(self._connection.client).survey(selection, to, limit=MAX_SURVEYED)
        return found.model_copy(update={"held": held})

    async def start(self, options: ReplayOptions, once: Once | None = None) -> ReplayView:
        """Start a replay, which goes on by itself; returns when it has counted what it will send, or after 5 s.

        Args:
            options: what is replayed, and how.
            once: the same again returns the replay that the first one started, for as long as it is retained.

        Raises:
            InvalidRequestError: the options contradict each other, nothing may be sent to the subscriber now, or the
                key started another replay.
            UnknownSubscriberError: there is none of a name that was given.
            InvalidLimitError: the rate is out of range.
            PublishingDisabledError: publishing is off in the worker's process.
        """
        selection, to = await self._selection(options)
        if refused := refusal_of(to.name, to):
            raise InvalidRequestError(reason=refused)
        await self._connection.require_worker(names.CONTROL_QUEUE)
        if self._connection.has_worker and not self._connection.publishing:
            raise PublishingDisabledError
        replay = ReplayState(
            id=f"rpl_{once.id if once else secrets.token_hex(6)}",
            selection=selection,
            rate=check_rate(options.rate),
            started_at=datetime.now(UTC),
        )
        await self._begin(replay, once)
        return await self._first_word(replay.id)

    async def _begin(self, replay: ReplayState, once: Once | None) -> None:
        client, workflow_id = self._connection.client, names.replay_workflow_id(replay.id)
        memo = {names.REPLAY_MEMO: replay.model_dump(mode="json", exclude={"recent", "cursor"})}
        async with answered(client):
            try:
                await client.start_workflow(
                    ReplayWorkflow.run,
                    replay,
                    id=workflow_id,
                    task_queue=names.CONTROL_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    memo=memo | ({names.REQUEST_MEMO: once.digest} if once else {}),
                    static_summary=f"replay to {replay.selection.to}",
                )
            except WorkflowAlreadyStartedError:
                described = await client.get_workflow_handle(workflow_id).describe()
                if once is None or await described.memo_value(names.REQUEST_MEMO, "") != once.digest:
                    reason = f"that idempotency key started {replay.id}, with other options; use a new key"
                    raise InvalidRequestError(reason=reason) from None

    async def get(self, replay_id: str) -> ReplayView:
        """A replay: where it stands, and what became of what it sent.

        Raises:
            ReplayNotFoundError: there is none of that id, or it is gone.
        """
        state = await self._state(replay_id)
        conditions = (f"{names.OUTCOME.name} = 'delivered'", f"{names.OUTCOME.name} = 'failed'", _RUNNING)
        counted = await asyncio.gather(*(self._count(replay_id, condition) for condition in conditions))
        told = dict(zip(("delivered", "failed", "under_way"), counted, strict=True))
        return ReplayView(
            **state.model_dump(include=set(ReplayReport.model_fields)), **told, eta_seconds=state.seconds_left
        )

    async def find(self, *, limit: int = 100, before: datetime | None = None) -> ReplayPageView:
        """Replays, the latest first, from Temporal's visibility store (a second behind at most)."""
        check_limit(limit)
        client = self._connection.client
        async with answered(client):
            found = await latest(client, _LATEST_RUNS, before, limit)
        runs, older = first_of(*found, limit)
        return ReplayPageView(rows=[await _remembered(run) for run in runs], older=older)

    async def cancel(self, replay_id: str) -> ReplayView:
        """Stop a replay, within two seconds or twenty events; what it sent is delivered. An ended one stays as it is.

        Raises:
            ReplayNotFoundError: there is none of that id, or it is gone.
        """
        if (await self._state(replay_id)).ended_at is None:
            await self._connection.require_worker(names.CONTROL_QUEUE)
            async with answered(self._connection.client):
                await self._handle(replay_id).signal(ReplayWorkflow.cancel)
        return await self._first_word(replay_id, ended=True)

    async def _selection(self, options: ReplayOptions) -> tuple[Selection, Subscriber]:
        """What the options select, and the subscriber that it is sent to."""
        name = options.to or options.subscriber
        if name is None:
            raise InvalidRequestError(reason="say whose events: --subscriber NAME, or --to NAME for all that it wants")
        if options.failed_only and options.subscriber is None:
            raise InvalidRequestError(reason="failed for whom? Add --subscriber NAME")
        now = datetime.now(UTC)
        until = min(options.until or now, now)
        if options.since and options.since >= until:
            raise InvalidRequestError(reason="since is not before until: no time lies between them")
        known = (await self._subscribers.snapshot(None)).subscribers or {}
        for each in {name, options.subscriber or name} - set(known):
            raise UnknownSubscriberError(name=each)
        selection = Selection(
            to=name,
            sent_to=options.subscriber if options.failed_only or options.to else None,
            failed_only=options.failed_only,
            types=check_patterns(options.types) if options.types else None,
            since=options.since,
            until=until,
        )
        return selection, known[name]

    async def _first_word(self, replay_id: str, *, ended: bool = False) -> ReplayView:
        """The replay once it has counted, or (``ended``) come to its end; as it stands after five seconds."""
        deadline = asyncio.get_running_loop().time() + FIRST_WORD_SECONDS
        while True:
            state = await self._state(replay_id)
            done = state.stage in ENDED if ended else state.stage is not Stage.COUNTING
            if done or asyncio.get_running_loop().time() > deadline:
                break
            await asyncio.sleep(_POLL_SECONDS)
        if state.reason == str(PublishingDisabledError()):
            raise PublishingDisabledError
        return await self.get(replay_id)

    async def _state(self, replay_id: str) -> ReplayReport:
        """Where a replay stands, by its workflow's own word, or by what it last noted where no worker can ask it."""
        try:
            async with answered(self._connection.client):
                described = await self._handle(replay_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                raise ReplayNotFoundError(replay_id=replay_id) from None
            raise
        if described.status is WorkflowExecutionStatus.RUNNING:
            with contextlib.suppress(ImError):
                async with answered(self._connection.client, names.CONTROL_QUEUE):
                    return await self._handle(replay_id).query(ReplayWorkflow.replay)
        return await _remembered(described)

    async def _count(self, replay_id: str, condition: str) -> int:
        client = self._connection.client
        beneath = quoted(f"{names.replay_workflow_id(replay_id)}/")
        async with answered(client):
            return (await client.count_workflows(f"WorkflowId STARTS_WITH {beneath} AND {condition}")).count

    def _handle(self, replay_id: str) -> WorkflowHandle[ReplayWorkflow, ReplayState]:
        return self._connection.client.get_workflow_handle_for(ReplayWorkflow.run, names.replay_workflow_id(replay_id))


async def _remembered(run: WorkflowExecution) -> ReplayReport:
    """What a replay last noted of itself; one that was ended from outside could not note that."""
    state = ReplayReport.model_validate(await run.memo_value(names.REPLAY_MEMO))
    if run.close_time is not None and state.stage not in ENDED:
        ended = f"its workflow was ended from outside ({run.status.name.lower() if run.status else 'unknown'})"
        return state.model_copy(update={"stage": Stage.STOPPED, "reason": ended, "ended_at": run.close_time})
    return state
