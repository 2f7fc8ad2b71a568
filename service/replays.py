"""The gateway to replays: start, watch, cancel; and what their activities need of Temporal."""

import asyncio
import contextlib
import secrets
from datetime import UTC, datetime

from temporalio.client import WorkflowExecution, WorkflowExecutionDescription, WorkflowExecutionStatus, WorkflowHandle
from temporalio.common import WorkflowIDReusePolicy
from temporalio.exceptions import WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from domain.errors import IdempotencyKeyReusedError, ImError, InvalidRequestError, PublishingDisabledError
from domain.replay_errors import ReplayNotFoundError
from domain.replays import ENDED, ReplayReport, ReplayState, Stage, Survey, refusal_of
from service.connection import Connection
from service.idempotency import Once
from service.listing import check_limit, first_of, latest, quoted
from service.reachability import searched
from service.replay_search import ReplaySearch, check_findable
from service.replay_selection import selected
from service.replay_views import Ends, ReplayOptions, ReplayPageView, ReplayView, replay_rate, replay_view
from service.subscribers import SubscriberGateway
from service.temporal import answered
from service.turns import Turns
from workflows import names
from workflows.replay import ReplayWorkflow

FIRST_WORD_SECONDS = 5  # a start is answered with what was counted, if that is known within so long
_POLL_SECONDS = 0.1
_LATEST_RUNS = "WorkflowType = 'ReplayWorkflow' AND ExecutionStatus != 'ContinuedAsNew'"
_RUNNING = "ExecutionStatus = 'Running'"
MAX_SURVEYED = 20_000  # events, by a dry run; a replay itself has no limit
SURVEYS_AT_ONCE = 3  # dry runs; whoever goes away leaves one behind that searches on


class ReplayGateway:
    """Everything that can be done with replays. All methods raise the errors of `domain.errors` alone."""

    def __init__(self, connection: Connection, subscribers: SubscriberGateway) -> None:
        self._connection = connection
        self._subscribers = subscribers
        self._surveys = Turns(SURVEYS_AT_ONCE)

    async def survey(self, options: ReplayOptions) -> Survey:
        """What a replay would send, to one that is paused too; nothing is sent. Counting ends at 20,000 events.

        Raises:
            UnavailableError: three others are being counted, and none of them ended within six seconds.
        """
        selection, to = await selected(self._connection, self._subscribers, options)
        held = refusal_of(to.name, to)
        if held and not to.paused:
            raise InvalidRequestError(reason=held)
        async with self._surveys.of(secrets.token_hex(6)):
            found = await ReplaySearch(self._connection.client).survey(selection, to, limit=MAX_SURVEYED)
        return found.model_copy(update={"held": held})

    async def start(self, options: ReplayOptions, once: Once | None = None) -> ReplayView:
        """Start a replay, which goes on by itself; returns when it has counted what it will send, or after 5 s.

        Args:
            options: what is replayed, and how.
            once: the same again returns the replay that the first one started, for as long as it is retained.

        Raises:
            InvalidRequestError: the options contradict each other, nothing may be sent to the subscriber now, or a type
                cannot be looked for.
            IdempotencyKeyReusedError: the key started another replay.
            UnknownSubscriberError: there is none of a name that was given, nor was there one that is retained.
            SubscriberRemovedError: there was one of that name, and it is said nowhere whom its events go to.
            InvalidReplayRateError: the rate is out of range.
            PublishingDisabledError: publishing is off in the worker's process.
        """
        if once is not None and await self._began(once):  # whatever has become of the subscriber meanwhile
            return await self._first_word(_id_of(once))
        selection, to = await selected(self._connection, self._subscribers, options)
        if refused := refusal_of(to.name, to):
            raise InvalidRequestError(reason=refused)
        check_findable(selection, to)
        await self._connection.require_worker(names.CONTROL_QUEUE)
        if self._connection.has_worker and not self._connection.publishing:
            raise PublishingDisabledError
        replay = ReplayState(
            id=_id_of(once) if once else f"rpl_{secrets.token_hex(6)}",
            selection=selection,
            rate=replay_rate(options.rate),
            started_at=datetime.now(UTC),
        )
        await self._begin(replay, once)
        return await self._first_word(replay.id)

    async def _begin(self, replay: ReplayState, once: Once | None) -> None:
        client = self._connection.client
        memo = {names.REPLAY_MEMO: replay.model_dump(mode="json", exclude={"recent", "cursor"})}
        async with answered(client):
            try:
                await client.start_workflow(
                    ReplayWorkflow.run,
                    replay,
                    id=names.replay_workflow_id(replay.id),
                    task_queue=names.CONTROL_QUEUE,
                    id_reuse_policy=WorkflowIDReusePolicy.REJECT_DUPLICATE,
                    memo=memo | ({names.REQUEST_MEMO: once.digest} if once else {}),
                    static_summary=f"replay to {replay.selection.to}",
                )
            except WorkflowAlreadyStartedError:
                if once is None or not await self._began(once):
                    raise

    async def _began(self, once: Once) -> bool:
        """Whether a request has started its replay; raises `IdempotencyKeyReusedError` where another had its key."""
        described = await self._described(_id_of(once))
        if described is None:
            return False
        if await described.memo_value(names.REQUEST_MEMO, "") != once.digest:
            raise IdempotencyKeyReusedError(did=f"started {_id_of(once)}", other="other options")
        return True

    async def get(self, replay_id: str) -> ReplayView:
        """A replay: where it stands, and what became of what it sent.

        Raises:
            ReplayNotFoundError: there is none of that id, or it is gone.
        """
        state = await self._state(replay_id)
        return replay_view(state, await self._ends(replay_id), datetime.now(UTC))

    async def find(self, *, limit: int = 100, before: datetime | None = None) -> ReplayPageView:
        """Replays, the latest first, from Temporal's visibility store (a second behind at most)."""
        check_limit(limit)
        client = self._connection.client
        async with searched(client):
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
        described = await self._described(replay_id)
        if described is None:
            raise ReplayNotFoundError(replay_id=replay_id)
        if described.status is WorkflowExecutionStatus.RUNNING:
            with contextlib.suppress(ImError):
                async with answered(self._connection.client, names.CONTROL_QUEUE):
                    return await self._handle(replay_id).query(ReplayWorkflow.replay)
        return await _remembered(described)

    async def _described(self, replay_id: str) -> WorkflowExecutionDescription | None:
        try:
            async with answered(self._connection.client):
                return await self._handle(replay_id).describe()
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:
                return None
            raise

    async def _ends(self, replay_id: str) -> Ends:
        """What became of what a replay sent. A delivery that is about to end counts as ended, and not as running."""
        untold = f"({names.OUTCOME.name} IS NULL OR {names.OUTCOME.name} NOT IN ('delivered', 'failed'))"
        counted = await asyncio.gather(
            self._count(replay_id, f"{names.OUTCOME.name} = 'delivered'"),
            self._count(replay_id, f"{names.OUTCOME.name} = 'failed'"),
            self._count(replay_id, f"{untold} AND ExecutionStatus != 'Running'"),
            self._count(replay_id, f"{untold} AND {_RUNNING}"),
        )
        return Ends(**dict(zip(Ends.model_fields, counted, strict=True)))

    async def _count(self, replay_id: str, condition: str) -> int:
        client = self._connection.client
        beneath = quoted(f"{names.replay_workflow_id(replay_id)}/")
        async with answered(client):
            return (await client.count_workflows(f"WorkflowId STARTS_WITH {beneath} AND {condition}")).count

    def _handle(self, replay_id: str) -> WorkflowHandle[ReplayWorkflow, ReplayState]:
        return self._connection.client.get_workflow_handle_for(ReplayWorkflow.run, names.replay_workflow_id(replay_id))


def _id_of(once: Once) -> str:
    return f"rpl_{once.id}"


async def _remembered(run: WorkflowExecution) -> ReplayReport:
    """What a replay last noted of itself; one that was ended from outside could not note that."""
    state = ReplayReport.model_validate(await run.memo_value(names.REPLAY_MEMO))
    if run.close_time is not None and state.stage not in ENDED:
        ended = f"its workflow was ended from outside ({run.status.name.lower() if run.status else 'unknown'})"
        return state.model_copy(update={"stage": Stage.STOPPED, "reason": ended, "ended_at": run.close_time})
    return state
