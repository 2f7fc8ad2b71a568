"""docs/metrics.md, the alerts and the dashboard name the metrics that there are."""

import asyncio
import json
import math
import re
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase
from prometheus_client.parser import text_string_to_metric_families

import api.app  # noqa: F401 - with it comes everything that has metrics
import service.follower  # likewise: a server loads it with its gateway
import service.worker  # noqa: F401 - likewise
from domain.health import Health, HealthStatus
from domain.pauses import Pause
from service import metrics
from service.metrics import MetricsPage
from tests.support.eventually import eventually
from tests.support.metrics import PAGE, ROOT, documented, documented_series

DASHBOARD = json.loads((ROOT / "deploy" / "grafana" / "im.json").read_text())
RULES = (ROOT / "deploy" / "prometheus" / "im-alerts.yml").read_text()


class OneSubscriber:
    """The gateway to health, of one subscriber."""

    async def all(self) -> list[Health]:
        return [Health(subscriber="a", certificate_expires_at=datetime(2026, 1, 1, tzinfo=UTC))]


class PausedSubscribers:
    """The gateway to health, of one that is paused and one that is not; an answer takes until ``may_answer``."""

    def __init__(self) -> None:
        self.asked, self.may_answer = 0, asyncio.Event()

    async def all(self) -> list[Health]:
        self.asked += 1
        await self.may_answer.wait()
        at = datetime(2026, 1, 1, tzinfo=UTC)
        held = Health(subscriber="a", paused=Pause(at=at, reason="by hand"), waiting=3, oldest_waiting=at)
        return [held, Health(subscriber="b", status=HealthStatus.DISABLED)]


def wrapped() -> list[MetricWrapperBase]:
    """The metrics that our code declares."""
    return [metric for metric in REGISTRY._collector_to_names if isinstance(metric, MetricWrapperBase)]


def full(name: str, kind: str) -> str:
    return name + ("_total" if kind == "counter" else "")


def ours() -> dict[str, frozenset[str]]:
    """Their labels, by name."""
    return {
        full(family.name, family.type): frozenset(metric._labelnames)
        for metric in wrapped()
        for family in metric.describe()
        if family.name.startswith("im_")
    }


async def of_subscribers() -> dict[str, frozenset[str]]:
    page = await MetricsPage(cast("Any", OneSubscriber())).text()
    return {
        family.name: frozenset(family.samples[0].labels)
        for family in text_string_to_metric_families(page)
        if family.name.startswith("im_subscriber_")
    }


async def test_the_page_names_every_metric_with_its_labels() -> None:
    assert {name: row.labels for name, row in documented().items()} == ours() | await of_subscribers()


async def gauges(page: MetricsPage) -> dict[tuple[str, str], float]:
    """By metric and subscriber, without the part of the name that all have."""
    families = text_string_to_metric_families(await page.text())
    samples = [sample for family in families for sample in family.samples if "subscriber" in sample.labels]
    return {(each.name.removeprefix("im_subscriber_"), each.labels["subscriber"]): each.value for each in samples}


async def test_a_pause_and_what_waits_for_its_end_have_gauges() -> None:
    health = PausedSubscribers()
    health.may_answer.set()
    found = await gauges(MetricsPage(cast("Any", health)))
    assert (found["paused", "a"], found["waiting", "a"]) == (1, 3)
    assert found["oldest_waiting_timestamp_seconds", "a"] == datetime(2026, 1, 1, tzinfo=UTC).timestamp()
    assert (found["paused", "b"], found["waiting", "b"]) == (0, 0)
    assert math.isnan(found["oldest_waiting_timestamp_seconds", "b"])
    assert math.isnan(found["healthy", "b"])


async def test_what_could_not_be_counted_has_no_sample() -> None:
    slow = Health(subscriber="a", delivered=7, retrying=None, waiting=None, not_counted="slow")
    late = Health(subscriber="b", retrying=2, waiting=3, not_counted="slow")

    async def known() -> list[Health]:
        return [slow, late]

    found = await gauges(MetricsPage(cast("Any", SimpleNamespace(all=known))))
    sampled = {name: {key for metric, key in found if metric == name} for name in ("healthy", "retrying", "waiting")}
    assert sampled == {"healthy": {"a", "b"}, "retrying": {"b"}, "waiting": {"b"}}
    assert not [metric for metric, _ in found if metric.startswith("oldest")]


async def test_a_scrape_does_not_wait_for_health_that_takes_long_nor_asks_for_it_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(metrics, "PATIENCE_SECONDS", 0.01)
    health = PausedSubscribers()
    page = MetricsPage(cast("Any", health))
    assert [await gauges(page), await gauges(page), health.asked] == [{}, {}, 1]
    health.may_answer.set()
    await eventually(lambda: gauges(page))
    assert health.asked == 1


def test_the_types_are_those_that_prometheus_is_told() -> None:
    told = {full(each.name, each.type): each.type for metric in wrapped() for each in metric.describe()}
    assert [name for name, row in documented().items() if told.get(name, "gauge") != row.type] == []


def test_the_page_names_every_alert_and_no_other() -> None:
    named = set(re.findall(r"`(Im\w+)`", PAGE.read_text()))
    assert named == set(re.findall(r"alert: (\w+)", RULES))


def expressions() -> list[str]:
    return [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]


def test_the_dashboard_shows_every_metric_of_ours_and_no_other() -> None:
    shown = {name for each in expressions() for name in re.findall(r"\bim_\w+", re.sub(r'"[^"]*"', "", each))}
    assert shown <= documented_series()
    assert {re.sub(r"_bucket$", "", name) for name in shown} == set(documented())


def test_the_dashboard_can_be_imported_anywhere() -> None:
    assert [each["type"] for each in DASHBOARD["templating"]["list"]] == ["datasource"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {"${datasource}"}
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert all(each.count("(") == each.count(")") and each.count("{") == each.count("}") for each in expressions())
    assert "id" not in DASHBOARD
