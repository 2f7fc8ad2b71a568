"""What a check-up asks of Temporal: version, namespace, queues, clock, workflows that are stuck."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta

from temporalio.api.taskqueue.v1 import TaskQueue
from temporalio.api.workflowservice.v1 import (
    DescribeTaskQueueResponse,
    GetSystemInfoRequest,
    PollActivityTaskQueueRequest,
)
from temporalio.client import Client
from temporalio.service import RPCError, RPCStatusCode

from domain.checkup import Finding, error, note, number, ok, warning
from service.retention import read_retention
from service.search_attributes import correction_command, creation_command, unfit_search_attributes
from service.temporal import answered
from service.versions import OLDEST_SERVER, version_of
from service.workers import ACTIVITIES, WORKFLOWS, described, fresh_pollers, stopped_workers
from workflows import names

QUEUES = (
    (names.EVENTS_QUEUE, WORKFLOWS, "fresh events"),
    (names.CONTROL_QUEUE, WORKFLOWS, "registry and incidents"),
    (names.CONTROL_QUEUE, ACTIVITIES, "what incidents and heartbeats set off"),
    (names.DELIVERIES_QUEUE, ACTIVITIES, "retries"),
    (names.HANDOVERS_QUEUE, ACTIVITIES, "what is left of bursts"),
)
START_FIX = "Start a worker: im serve or im worker."
OLD_FIX = "Workers run, but of a version that does not know it: upgrade them, and restart im serve and im worker."
SLOW_FIX = "Add workers (im worker), or see which receiver is slow."
BURST_FIX = "A burst that failed goes on in turns: see who fails (im subscriber health), or add workers (im worker)."
OLD_BACKLOG = timedelta(seconds=60)
SHORT_RETENTION = timedelta(days=1)  # a dev server's default; less is an oversight
CLOCK_SLACK = timedelta(
    seconds=2
)  # a receiver refuses signatures that are five minutes off, a heartbeat judges seconds
CLOCK_POLL = timedelta(seconds=5)
CLOCK_PAUSE_SECONDS = 0.02
LONG_HISTORY = 10_240  # events: where Temporal itself begins to warn; it suggests a new run at 4,096
SHOWN = 5

_STUCK = "ExecutionStatus = 'Running' AND TemporalReportedProblems IN "
_STUCK += "('category=WorkflowTaskFailed', 'category=WorkflowTaskTimedOut')"


async def check_server(client: Client) -> list[Finding]:
    """Its version, and what of its settings can be read."""
    async with answered(client):
        version = (await client.workflow_service.get_system_info(GetSystemInfoRequest(), retry=True)).server_version
    oldest = ".".join(map(str, OLDEST_SERVER))
    fairness = note(
        "fairness",
        "whether matching.enableFairness is on cannot be read over Temporal's API; im dev switches it on",
        "On a server of your own set it (deploy/temporal/dynamicconfig.yaml): without it one subscriber's backlog "
        "delays the retries of others.",
    )
    if version_of(version) < OLDEST_SERVER:
        fix = f"Upgrade the server to {oldest} or later. Until then a SEV-1 waits its turn."
        return [warning("temporal", f"server {version} has no priorities and no fairness", fix)]
    return [ok("temporal", f"server {version} (namespace {client.namespace})"), fairness]


async def check_namespace(client: Client) -> list[Finding]:
    """Its retention and its search attributes."""
    kept = await read_retention(client)
    told = f"events can be listed, shown and resent for {kept.retention} after they ended"
    change = "im retention set 14d"
    findings = [
        warning("retention", told, f"Keep them longer: {change}")
        if kept.time < SHORT_RETENTION
        else ok("retention", f"{told} (another: {change})")
    ]
    return [*findings, *await _search_attributes(client)]


async def _search_attributes(client: Client) -> list[Finding]:
    missing, mistyped = unfit = await unfit_search_attributes(client)
    found = []
    if missing:
        shown = ", ".join(key.name for key in missing)
        by_hand = creation_command(client, missing)
        fix = f"Start im serve or im worker, which registers them. Where it may not: {by_hand}"
        found.append(error("search attributes", f"missing: {shown}", fix))
    if mistyped:
        harm = "events are refused for it, or lists lack what it says"
        fix = f"Stop im, as events are refused meanwhile, and run: {correction_command(client, list(mistyped))}"
        fix += ". Lists and searches find what is there by it no more."
        found.append(error("search attributes", f"{unfit.mistakes()}: {harm}", fix))
    return found or [ok("search attributes", f"all {len(names.SEARCH_ATTRIBUTES)} are registered")]


async def check_queues(client: Client) -> list[Finding]:
    """Whether somebody works on each queue, and keeps up."""
    stopped = await stopped_workers(client)
    seen = [await described(client, queue, kind) for queue, kind, _ in QUEUES]
    workers = [len(fresh_pollers(each.pollers) - stopped) for each in seen]
    found = [
        _queue(queue if kind == WORKFLOWS else f"{queue} (activities)", purpose, state, count, of_all=max(workers))
        for (queue, kind, purpose), state, count in zip(QUEUES, seen, workers, strict=True)
    ]
    if not fresh_pollers((await described(client, names.DOORS_QUEUE, ACTIVITIES)).pollers) - stopped:
        fix = "Start one: im serve. Without it no event comes in over REST, and heartbeats become unknown."
        found.append(warning("queue im-doors", "no process serves the API", fix))
    return found


def _queue(queue: str, purpose: str, seen: DescribeTaskQueueResponse, workers: int, *, of_all: int) -> Finding:
    """What there is to say of a queue on which so many work, where so many work on the one that most work on."""
    check, stats = f"queue {queue}", seen.stats
    if not workers:
        return error(check, f"nobody works on it ({purpose})", OLD_FIX if of_all else START_FIX)
    age = stats.approximate_backlog_age.ToTimedelta()
    if age > OLD_BACKLOG and stats.approximate_backlog_count:
        waiting = f"some {stats.approximate_backlog_count} tasks wait, the oldest for {age.total_seconds():.0f} s"
        return warning(
            check, f"{waiting} ({purpose})", BURST_FIX if queue.startswith(names.HANDOVERS_QUEUE) else SLOW_FIX
        )
    return ok(check, f"{number(workers, 'worker')} seen polling ({purpose})")


async def check_clock(client: Client) -> list[Finding]:
    """How far this machine's clock is from that of Temporal's server.

    Temporal's API tells no time, but notes when a queue was polled last: so a queue of our own is polled.
    """
    queue = f"im-clock-{uuid.uuid4().hex[:12]}"
    began = datetime.now(UTC)
    async with _polling(client, queue):
        at = await _polled_at(client, queue)
    ended = datetime.now(UTC)
    if at is None:
        return [note("clock", "Temporal did not tell its time")]
    off = max(began - at, at - ended, timedelta())
    if off <= CLOCK_SLACK:
        return [ok("clock", f"within {max(off, ended - began).total_seconds():.1f} s of Temporal's")]
    told = f"this machine's clock is {off.total_seconds():.0f} s {'behind' if at > ended else 'ahead of'} Temporal's"
    fix = "Keep both in time (NTP). Signatures carry this time, and receivers refuse those that are five minutes off."
    return [warning("clock", told, fix)]


@asynccontextmanager
async def _polling(client: Client, queue: str) -> AsyncIterator[None]:
    request = PollActivityTaskQueueRequest(
        namespace=client.namespace, task_queue=TaskQueue(name=queue), identity="im doctor"
    )
    poll = asyncio.create_task(
        client.workflow_service.poll_activity_task_queue(request, retry=True, timeout=CLOCK_POLL)
    )
    try:
        yield
    finally:
        poll.cancel()
        with suppress(RPCError, asyncio.CancelledError):
            await poll


async def _polled_at(client: Client, queue: str) -> datetime | None:
    ends = asyncio.get_running_loop().time() + CLOCK_POLL.total_seconds()
    while asyncio.get_running_loop().time() < ends:
        if pollers := (await described(client, queue, ACTIVITIES)).pollers:
            return pollers[0].last_access_time.ToDatetime(UTC)
        await asyncio.sleep(CLOCK_PAUSE_SECONDS)
    return None


async def check_workflows(client: Client) -> list[Finding]:
    """Workflows whose task fails again and again, and entities whose history grows without end."""
    entities = (names.DIRECTORY_ID, names.LEDGER_ID, names.SOURCES_ID, names.INCIDENT_NUMBERS_ID)
    found = [finding for each in entities for finding in await _entity(client, each)]
    stuck = await _stuck(client)
    if stuck is None:
        return [*found, note("stuck workflows", "this server does not tell (1.30 or later does)")]
    if stuck:
        shown = ", ".join(stuck[:SHOWN]) + (" and more" if len(stuck) > SHOWN else "")
        fix = "See the failure: im logs --level error, or the workflow in the Web UI. Mostly a worker of an older or "
        fix += "newer version took it up: give every worker the same version; the workflow then goes on by itself."
        found.append(error("stuck workflows", f"the workflow task fails again and again of {shown}", fix))
    return found or [ok("stuck workflows", "none")]


async def _stuck(client: Client) -> list[str] | None:
    try:
        async with answered(client):
            return [run.id async for run in client.list_workflows(_STUCK, limit=SHOWN + 1)]
    except RPCError:
        return None
    except Exception as problem:  # the attribute is not known to an older server: our error for a query it refuses
        if getattr(problem, "code", "") == "invalid_request":
            return None
        raise


async def _entity(client: Client, workflow_id: str) -> list[Finding]:
    check = f"workflow {workflow_id}"
    try:
        async with answered(client):
            found = await client.get_workflow_handle(workflow_id).describe()
    except RPCError as problem:
        if problem.status is RPCStatusCode.NOT_FOUND:
            return [error(check, "it does not run", "Start a worker, which starts it: im serve or im worker.")]
        raise
    if found.status is None or found.status.name != "RUNNING":
        state = found.status.name.lower() if found.status else "unknown"
        return [error(check, f"it is {state}", "Restart a worker, which starts it anew; what it knew is lost.")]
    if found.history_length > LONG_HISTORY:
        fix = "Restart the workers; if it goes on growing, report it with the workflow's history."
        return [warning(check, f"its history has {found.history_length} events and does not begin anew", fix)]
    return []
