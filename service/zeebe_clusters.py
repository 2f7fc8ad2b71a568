"""The gateway to the registry of Zeebe clusters: `im zeebe cluster`."""

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from pydantic import BaseModel

from domain.errors import InvalidRequestError
from domain.incidents import Severity
from domain.naming import found
from domain.source_errors import ClusterNotFoundError
from domain.sources import (
    MAX_RULES,
    ClusterChange,
    ClusterRemoved,
    Grouping,
    SeverityRule,
    ZeebeCluster,
    check_source_name,
    check_token,
    digest,
    parse_rule,
)
from domain.tokens import RANDOM_BYTES, make_token
from domain.zeebe import ERROR_TYPES
from domain.zeebe_cluster import ClusterActivity
from domain.zeebe_declarations import check_operate_url
from service.zeebe import ZeebeIngest, alerts_purpose
from workflows.sources import SourcesWorkflow


class ClusterView(BaseModel):
    """A cluster as people and programs may see it: no token, no secret.

    Attributes:
        token: ``set``; ``loopback``: none is needed from this machine; ``none``: no records are taken.
    """

    name: str
    token: str
    alerts: bool
    group_by: str
    rules: list[str]
    severity: str
    operate_url: str | None = None
    created_at: datetime
    updated_at: datetime


class ClusterChanged(BaseModel):
    """The result of adding or changing a cluster; ``token`` is a generated one, shown this once."""

    cluster: ClusterView
    token: str | None = None
    warnings: list[str] = []


class ClusterGone(ClusterView):
    """A cluster that was removed, and the API tokens that could post its records: as in `ClusterRemoved`."""

    narrowed: list[str] = []
    revoked: list[str] = []


class ClusterDetail(ClusterView):
    """A cluster, and what came of its records."""

    activity: ClusterActivity


class ZeebeGateway(ZeebeIngest):
    """Everything that can be done with Zeebe clusters."""

    async def add_cluster(
        self,
        name: str,
        *,
        token: str | None = None,
        generate_token: bool = False,
        no_token: bool = False,
        alert_secret: str | None = None,
        group_by: str = Grouping.INCIDENT,
        rules: Sequence[str] = (),
        severity: str = Severity.SEV_3,
        operate_url: str | None = None,
    ) -> ClusterChanged:
        """Add a cluster; records that arrive after this returned are taken in."""
        given = _one_token(token, generate=generate_token, none=no_token)
        if given is None and not no_token and alert_secret is None:
            raise InvalidRequestError(
                reason="say how the exporter shows who it is: a token, a generated token, or no token (loopback only)"
            )
        now = datetime.now(UTC)
        cluster = ZeebeCluster(
            name=check_source_name(name),
            token_hash=digest(given) if given else None,
            tokenless=no_token,
            sealed_alert_secret=await self._sealed(name, alert_secret),
            group_by=Grouping(group_by),
            rules=_rules(rules),
            severity=Severity(severity),
            operate_url=check_operate_url(operate_url) if operate_url else None,
            created_at=now,
            updated_at=now,
        )
        added = await self._registry.change(SourcesWorkflow.add_cluster, cluster)
        return await self._changed(added, given if generate_token else None)

    async def update_cluster(
        self,
        name: str,
        *,
        token: str | None = None,
        generate_token: bool = False,
        no_token: bool = False,
        alert_secret: str | None = None,
        group_by: str | None = None,
        rules: Sequence[str] | None = None,
        severity: str | None = None,
        operate_url: str | None = None,
    ) -> ClusterChanged:
        """Change a cluster; None leaves a value as it is. The former token ends at once."""
        given = _one_token(token, generate=generate_token, none=no_token)
        change = ClusterChange(
            name=name,
            token_hash=digest(given) if given else None,
            tokenless=True if no_token else None,
            sealed_alert_secret=await self._sealed(name, alert_secret),
            group_by=Grouping(group_by) if group_by else None,
            rules=_rules(rules) if rules is not None else None,
            severity=Severity(severity) if severity else None,
            operate_url=check_operate_url(operate_url) if operate_url else None,
        )
        changed = await self._registry.change(SourcesWorkflow.change_cluster, change)
        return await self._changed(changed, given if generate_token else None)

    async def remove_cluster(self, name: str) -> ClusterGone:
        """Remove a cluster; its records are refused from now on, also by API tokens. Its incidents stay."""
        gone: ClusterRemoved = await self._registry.change(SourcesWorkflow.retire_cluster, name)
        return ClusterGone(**view(gone.cluster).model_dump(), narrowed=gone.narrowed, revoked=gone.revoked)

    async def clusters(self) -> list[ClusterView]:
        """Every cluster, by name."""
        clusters = (await self._registry.fresh()).clusters
        return [view(clusters[name]) for name in sorted(clusters)]

    async def cluster(self, name: str) -> ClusterDetail:
        """One cluster, and what came of its records."""
        cluster = found(name, (await self._registry.fresh()).clusters, ClusterNotFoundError)
        return ClusterDetail(**view(cluster).model_dump(), activity=await self.activity(name))

    async def _changed(self, cluster: ZeebeCluster, token: str | None) -> ClusterChanged:
        known = (await self._registry.fresh()).clusters.values()
        open_ones = sorted(one.name for one in known if one.tokenless)
        warnings = [f"the severity rule for {name} applies to no error type known so far" for name in _odd(cluster)]
        if cluster.tokenless and len(open_ones) > 1:
            warnings.append(f"{', '.join(open_ones)} have no token: their exporters must post to ?cluster=NAME")
        return ClusterChanged(cluster=view(cluster), token=token, warnings=warnings)

    async def _sealed(self, name: str, secret: str | None) -> str | None:
        if secret is None:
            return None
        if len(secret.strip()) < 8:
            raise InvalidRequestError(reason="an alert secret has at least 8 characters")
        return (await self._connection.sealing()).seal(secret.strip(), alerts_purpose(name))


def _odd(cluster: ZeebeCluster) -> list[str]:
    """Error types of rules that Zeebe is not known to have; it may be a new one, or a slip."""
    return [rule.error_type for rule in cluster.rules if not any(map(rule.applies_to_type, ERROR_TYPES))]


def view(cluster: ZeebeCluster) -> ClusterView:
    """What may be shown of a cluster."""
    return ClusterView(
        name=cluster.name,
        token="set" if cluster.token_hash else "loopback" if cluster.tokenless else "none",
        alerts=cluster.sealed_alert_secret is not None,
        group_by=cluster.group_by,
        rules=[_rule_text(rule) for rule in cluster.rules],
        severity=cluster.severity,
        operate_url=cluster.operate_url,
        created_at=cluster.created_at,
        updated_at=cluster.updated_at,
    )


def _one_token(token: str | None, *, generate: bool, none: bool) -> str | None:
    if (token is not None) + generate + none > 1:
        raise InvalidRequestError(reason="give a token, have one generated, or allow none: only one of these")
    if generate:
        return make_token(secrets.token_bytes(RANDOM_BYTES))
    return None if token is None else check_token(token)


def _rules(rules: Sequence[str]) -> tuple[SeverityRule, ...]:
    if len(rules) > MAX_RULES:
        raise InvalidRequestError(reason=f"at most {MAX_RULES} severity rules")
    return tuple(parse_rule(rule) for rule in rules)


def _rule_text(rule: SeverityRule) -> str:
    return f"{rule.error_type}@{rule.process}={rule.severity}"
