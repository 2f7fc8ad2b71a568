"""How Zeebe clusters are written for people."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from cli import render

if TYPE_CHECKING:  # for annotations alone
    from service.zeebe_clusters import ClusterDetail, ClusterView


def cluster_table(clusters: Iterable[ClusterView]) -> str:
    """`im zeebe cluster list`; the rules last, because they are as long as they are."""
    rows = (
        (one.name, one.token, render.yes_no(one.alerts), one.group_by, one.severity, ",".join(one.rules) or render.NONE)
        for one in clusters
    )
    return render.listing(("NAME", "TOKEN", "ALERTS", "GROUP_BY", "SEVERITY", "RULES"), rows)


def cluster_fields(cluster: ClusterDetail) -> str:
    """`im zeebe cluster show`: how it is set up but for token and secret, and what came of its records."""
    activity = cluster.activity
    return render.fields(
        [
            ("name", cluster.name),
            ("token", cluster.token),
            ("alerts", "signed ones are taken" if cluster.alerts else "none are taken"),
            ("group by", cluster.group_by),
            ("severity", cluster.severity),
            *(("rule", rule) for rule in cluster.rules),
            ("operate url", cluster.operate_url),
            ("created", render.when(cluster.created_at)),
            ("updated", render.when(cluster.updated_at)),
            ("last record", render.when(activity.last_record_at)),
            ("raised", activity.raised),
            ("resolved", activity.resolved),
            ("repeated", activity.repeated),
            ("too old", activity.too_old),
            ("open", f"{activity.open} (in {activity.groups_open} incidents of im)"),
            ("incidents", ", ".join(activity.incidents) or None),
        ]
    )
