"""The gateway to Zeebe clusters: who may post records, and the door through which every record comes."""

import hashlib
import hmac
import re
from collections.abc import Awaitable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Protocol

from prometheus_client import Counter
from temporalio.service import RPCError, RPCStatusCode

from activities.logger import Logger
from domain.naming import found
from domain.source_errors import AccessDeniedError, ClusterNotFoundError
from domain.sources import ZeebeCluster, bare_token
from domain.zeebe import IncidentRecord, IngestReceipt, OtherRecord, ParsedRecords
from domain.zeebe_cluster import ClusterActivity, ClusterState, RecordsBatch
from domain.zeebe_declarations import ClusterSettings
from domain.zeebe_parsing import parse_alerts, parse_records
from service.callers import Callers
from service.connection import Connection
from service.reachability import unless_away
from service.sources import SourceRegistry
from service.temporal import answered
from service.zeebe_access import cluster_of_caller, denied, unsigned
from workflows import names, policies
from workflows.zeebe import ZeebeClusterWorkflow

RECORDS_PER_SIGNAL = 250  # at most 3 KB each: well below Temporal's 2 MiB a payload


class Beat(Protocol):
    """Tells a heartbeat that its canary was seen, when its latest record was written; None: now."""

    def __call__(self, name: str, /, *, at: datetime | None) -> Awaitable[None]:
        """Take the beat."""
        ...


RECORDS = Counter("im_zeebe_records", "Records taken in, repeats included, by what they are.", ["cluster", "result"])

_SIGNATURE = re.compile(r"\s*(?:sha256=)?[0-9a-fA-F]{64}\s*")
_RESULTS = ("raised", "resolved", "beats", "ignored", "bad")
_log = Logger("zeebe")


class ZeebeIngest:
    """Takes records and alerts in. All methods raise the errors of `domain.errors` and `domain.source_errors` alone.

    Args:
        connection: to Temporal.
        registry: the clusters and their canaries.
        callers: know whose API token one is.
        beat: tells a heartbeat that its canary was seen.
    """

    def __init__(self, connection: Connection, registry: SourceRegistry, callers: Callers, beat: Beat) -> None:
        self._connection = connection
        self._registry = registry
        self._callers = callers
        self._beat = beat

    async def authorised(
        self, authorization: str | None, *, loopback: bool, cluster: str | None = None
    ) -> ZeebeCluster:
        """The cluster that may speak with this Authorization value, with or without the word Bearer.

        A cluster's own token speaks for it alone; an API token, for the clusters of its scopes ``ingest:<cluster>``.

        Args:
            authorization: as it was sent.
            loopback: whether it came from this machine, where a cluster may be allowed to have no token.
            cluster: the name it claims; needed only where several clusters have no token, or the token has several.

        Raises:
            AccessDeniedError: none may.
            ScopeMissingError: the API token is not for that cluster.
            RateLimitedError: the API token makes more requests than it may.
        """
        sources = await self._registry.promptly()
        if authorization:
            token = bare_token(authorization)
            if (found := sources.cluster_of(token)) is None:
                return await cluster_of_caller(self._callers.bearing(token), cluster, sources)
            if cluster not in {None, found.name}:
                raise denied("the token is not that of the cluster")
            return found
        open_ones = [one for one in sources.clusters.values() if one.tokenless and cluster in {None, one.name}]
        if loopback and not open_ones and cluster is not None:
            raise denied(f"no cluster named {cluster!r} may speak without a token")
        if not loopback or not open_ones:
            raise denied("the token of a Zeebe cluster is missing")
        if len(open_ones) > 1:
            raise AccessDeniedError(
                reason="several clusters have no token, and the request does not say which one speaks",
                fix="Post to ?cluster=NAME, or give each cluster a token; with im zeebe simulate: --cluster NAME.",
            )
        return open_ones[0]

    async def accept(self, cluster: ZeebeCluster, body: bytes) -> IngestReceipt:
        """Take in a body of records; returns once Temporal has them. The same again changes nothing.

        Raises:
            InvalidRecordError: nothing in it can be read.
            TemporalUnavailableError: at once, when it is away; the same again is safe.
        """
        return await unless_away(self._connection.client, self._take(cluster, parse_records(body, _latest_allowed())))

    async def accept_as(self, cluster: str, body: bytes) -> IngestReceipt:
        """`accept`, for the CLI: whoever reaches Temporal may speak for any cluster."""
        return await self.accept(await self.cluster_named(cluster), body)

    async def cluster_named(self, name: str) -> ZeebeCluster:
        """The cluster of that name, and a worker for its records; raises what `accept_as` does for want of either."""
        await self._connection.require_worker()
        return found(name, (await self._registry.fresh()).clusters, ClusterNotFoundError)

    async def expect_alerts(self, signature: str | None) -> None:
        """Refuse an alert that cannot be genuine, before its body is read.

        Raises:
            AccessDeniedError: the signature is not one, or no cluster has a secret.
        """
        sources = await self._registry.promptly()
        signing = any(cluster.sealed_alert_secret for cluster in sources.clusters.values())
        if not signing or not _SIGNATURE.fullmatch(signature or ""):
            raise unsigned()

    async def accept_alerts(self, body: bytes, signature: str | None) -> IngestReceipt:
        """Take in the alerts of the Camunda SaaS console, signed with the secret of one of the clusters.

        Args:
            body: as it was sent.
            signature: HMAC-SHA256 of the body, in hexadecimal, with or without ``sha256=`` before it.
        """
        sources = await self._registry.promptly()
        given = (signature or "").strip().removeprefix("sha256=").lower()
        for cluster in sources.clusters.values():
            if cluster.sealed_alert_secret and hmac.compare_digest(self._mac(cluster, body).encode(), given.encode()):
                alerts = parse_alerts(body, _latest_allowed())
                return await unless_away(self._connection.client, self._take(cluster, alerts))
        raise unsigned()

    async def activity(self, cluster: str) -> ClusterActivity:
        """What came of a cluster's records so far."""
        handle = self._connection.client.get_workflow_handle(names.cluster_workflow_id(cluster))
        try:
            async with answered(self._connection.client, names.CONTROL_QUEUE):
                return await handle.query(ZeebeClusterWorkflow.activity)
        except RPCError as error:
            if error.status is RPCStatusCode.NOT_FOUND:  # no record came yet
                return ClusterActivity()
            raise

    async def _take(self, cluster: ZeebeCluster, parsed: ParsedRecords) -> IngestReceipt:
        canaries = (await self._registry.current()).canaries(cluster.name)
        incidents = [record for record in parsed.incidents if record.process_id not in canaries]
        seen: list[IncidentRecord | OtherRecord] = [*parsed.incidents, *parsed.others]
        beats = [record for record in seen if record.process_id in canaries]
        for chunk in _chunks(incidents):
            await self._signal(cluster, chunk)
        for process, at in _latest(beats).items():
            await self._beat(canaries[process], at=at)
        receipt = IngestReceipt(
            cluster=cluster.name,
            raised=sum(not record.resolved for record in incidents),
            resolved=sum(record.resolved for record in incidents),
            beats=len(beats),
            ignored=len(parsed.others) + len(parsed.incidents) - len(incidents) - len(beats),
            bad=parsed.bad,
        )
        _tell(receipt)
        return receipt

    async def _signal(self, cluster: ZeebeCluster, records: Sequence[IncidentRecord]) -> None:
        settings = ClusterSettings(**cluster.model_dump(include=set(ClusterSettings.model_fields)))
        async with answered(self._connection.client):
            await self._connection.client.start_workflow(
                ZeebeClusterWorkflow.run,
                ClusterState(cluster=cluster.name),
                id=names.cluster_workflow_id(cluster.name),
                task_queue=names.CONTROL_QUEUE,
                task_timeout=policies.EVENT_TASK_TIMEOUT,
                start_signal="records",
                start_signal_args=[RecordsBatch(settings=settings, records=list(records))],
                static_summary=f"incidents of the Zeebe cluster {cluster.name}",
            )

    def _mac(self, cluster: ZeebeCluster, body: bytes) -> str:
        secret = self._connection.keyring.open(cluster.sealed_alert_secret or "", alerts_purpose(cluster.name))
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


def alerts_purpose(cluster: str) -> str:
    """The purpose for which a cluster's alert secret is sealed."""
    return f"zeebe/{cluster}/alerts"


def _chunks(records: Sequence[IncidentRecord]) -> Iterator[Sequence[IncidentRecord]]:
    for start in range(0, len(records), RECORDS_PER_SIGNAL):
        yield records[start : start + RECORDS_PER_SIGNAL]


def _latest_allowed() -> int:
    """A day from now, in ms since 1970: whatever says that it was later would make all that follows look old."""
    return int((datetime.now(UTC) + timedelta(days=1)).timestamp() * 1000)


def _latest(beats: Sequence[IncidentRecord | OtherRecord]) -> dict[str, datetime | None]:
    """When each canary wrote its latest record, by the broker's clock."""
    found: dict[str, int] = {}
    for record in beats:
        found[record.process_id] = max(record.timestamp or 0, found.get(record.process_id, 0))
    return {process: datetime.fromtimestamp(at / 1000, UTC) if at else None for process, at in found.items()}


def _tell(receipt: IngestReceipt) -> None:
    counts = receipt.model_dump(exclude={"bad"}) | {"bad": len(receipt.bad)}
    for result in _RESULTS:
        RECORDS.labels(receipt.cluster, result).inc(counts[result])
    if receipt.bad:
        _log.warning("some Zeebe records could not be used", **counts, first=receipt.bad[0].reason)
    elif receipt.raised or receipt.resolved:
        _log.info("took in Zeebe records", **counts)
