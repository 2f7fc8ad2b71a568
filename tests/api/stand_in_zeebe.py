"""The gateway to Zeebe clusters in memory: the domain's own rules, without Temporal between them and the API."""

import hashlib
import hmac
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from domain.source_errors import AccessDeniedError, ClusterExistsError, ClusterNotFoundError
from domain.sources import Sources, ZeebeCluster, bare_token, check_source_name, check_token, digest, parse_rule
from domain.zeebe import IngestReceipt, ParsedRecords
from domain.zeebe_cluster import ClusterActivity
from domain.zeebe_parsing import parse_alerts, parse_records
from service.zeebe_clusters import ClusterChanged, ClusterDetail, ClusterView, view

AT = datetime(2025, 12, 26, 14, 30, tzinfo=UTC)
GENERATED = "generated-generated-generated"


class Zeebe:
    def __init__(self, called: Callable[[], None]) -> None:
        self._called = called
        self.known = Sources()
        self.secrets: dict[str, str] = {}
        self.taken: list[ParsedRecords] = []

    async def add_cluster(
        self,
        name: str,
        *,
        token: str | None,
        generate_token: bool,
        no_token: bool,
        alert_secret: str | None,
        group_by: str,
        rules: Sequence[str],
        severity: str,
        operate_url: str | None,
    ) -> ClusterChanged:
        self._called()
        if name in self.known.clusters:
            raise ClusterExistsError(name=name)
        token = GENERATED if generate_token else token
        self.secrets |= {name: alert_secret} if alert_secret else {}
        self.known.clusters[name] = ZeebeCluster(
            name=check_source_name(name),
            token_hash=digest(check_token(token)) if token else None,
            tokenless=no_token,
            sealed_alert_secret="sealed" if alert_secret else None,
            group_by=group_by,
            rules=tuple(parse_rule(rule) for rule in rules),
            severity=severity,
            operate_url=operate_url,
            created_at=AT,
            updated_at=AT,
        )
        return ClusterChanged(cluster=view(self.known.clusters[name]), token=GENERATED if generate_token else None)

    async def update_cluster(
        self,
        name: str,
        *,
        token: str | None,
        generate_token: bool,
        no_token: bool,
        alert_secret: str | None,
        group_by: str | None,
        rules: Sequence[str] | None,
        severity: str | None,
        operate_url: str | None,
    ) -> ClusterChanged:
        cluster = self._found(name)
        token = GENERATED if generate_token else token
        given = {
            "token_hash": digest(token) if token else None,
            "tokenless": no_token or None,
            "sealed_alert_secret": "sealed" if alert_secret else None,
            "group_by": group_by,
            "rules": None if rules is None else tuple(parse_rule(rule) for rule in rules),
            "severity": severity,
            "operate_url": operate_url,
        }
        update = {field: value for field, value in given.items() if value is not None}
        self.known.clusters[name] = cluster.model_copy(update=update)
        return ClusterChanged(cluster=view(self.known.clusters[name]), token=GENERATED if generate_token else None)

    async def remove_cluster(self, name: str) -> ClusterView:
        removed = self._found(name)
        del self.known.clusters[name]
        return view(removed)

    async def clusters(self) -> list[ClusterView]:
        self._called()
        return [view(self.known.clusters[name]) for name in sorted(self.known.clusters)]

    async def cluster(self, name: str) -> ClusterDetail:
        return ClusterDetail(**view(self._found(name)).model_dump(), activity=ClusterActivity(raised=1))

    async def authorised(
        self, authorization: str | None, *, loopback: bool, cluster: str | None = None
    ) -> ZeebeCluster:
        self._called()
        if authorization:
            found = self.known.cluster_of(bare_token(authorization))
        else:
            open_ones = [one for one in self.known.clusters.values() if one.tokenless and cluster in {None, one.name}]
            found = open_ones[0] if loopback and len(open_ones) == 1 else None
        if found is None:
            raise AccessDeniedError(reason="no cluster has that token", fix="configure one")
        return found

    async def accept(self, cluster: ZeebeCluster, body: bytes) -> IngestReceipt:
        return self._taken(cluster.name, parse_records(body))

    async def expect_alerts(self, signature: str | None) -> None:
        self._called()
        if not self.secrets or len((signature or "").removeprefix("sha256=")) != 64:
            raise AccessDeniedError(reason="the signature is missing or wrong", fix="configure it")

    async def accept_alerts(self, body: bytes, signature: str | None) -> IngestReceipt:
        self._called()
        for name, secret in self.secrets.items():
            expected = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
            if (signature or "").removeprefix("sha256=") == expected:
                return self._taken(name, parse_alerts(body))
        raise AccessDeniedError(reason="the signature is missing or wrong", fix="configure it")

    def _taken(self, name: str, parsed: ParsedRecords) -> IngestReceipt:
        self.taken.append(parsed)
        resolved = sum(record.resolved for record in parsed.incidents)
        raised = len(parsed.incidents) - resolved
        return IngestReceipt(cluster=name, raised=raised, resolved=resolved, ignored=len(parsed.others), bad=parsed.bad)

    def _found(self, name: str) -> ZeebeCluster:
        self._called()
        if name not in self.known.clusters:
            raise ClusterNotFoundError(name=name)
        return self.known.clusters[name]
