"""The text of ``/metrics``: our own metrics, the health of each subscriber, and the Temporal SDK's metrics.

Of several processes behind one port it is the sum, whichever of them is asked.
"""

import asyncio
import os
import time
from collections.abc import Iterable, Sequence
from datetime import datetime

import httpx
from prometheus_client import REGISTRY, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from activities.logger import Logger
from domain import uncounted
from domain.errors import ImError
from domain.health import Health, HealthStatus
from service.fleet import SHARED_METRICS
from service.health import HealthGateway
from service.listeners import internal_port

HEALTH_EVERY_SECONDS = 10  # a scrape more often than this sees the health of the one before
RESTS = 3  # or so many times as long as it took: where many are paused, each of them is a question to Temporal
PATIENCE_SECONDS = 5  # a scrape is given up after 10 by default

_VALUES = {HealthStatus.HEALTHY: 1.0, HealthStatus.UNHEALTHY: 0.0}  # any other is NaN
_log = Logger("metrics")


def sdk_ports(count: int) -> tuple[int, ...]:
    """Internal ports of this machine for the SDK's metrics of so many processes."""
    found: set[int] = set()
    while len(found) < count:
        found.add(internal_port())
    return tuple(found)


def sdk_runtime(port: int, place: int | None = None) -> Runtime:
    """A runtime whose metrics the SDK serves on a port of this machine, marked with the process's place if given."""
    metrics = PrometheusConfig(
        bind_address=f"127.0.0.1:{port}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    tags = {"process": str(place)} if place is not None else {}
    return Runtime(telemetry=TelemetryConfig(metrics=metrics, global_tags=tags))


class MetricsPage:
    """Gathers the page.

    Args:
        health: asked at most every 10 s and a quarter of the time, for the gauges by subscriber.
        sdk_ports: where the SDK of each process serves its own metrics.
    """

    def __init__(self, health: HealthGateway, sdk_ports: Sequence[int] = ()) -> None:
        self._health = health
        self._sdk_ports = sdk_ports
        self._look: asyncio.Task[None] | None = None
        self._due = float("-inf")
        self._ours = REGISTRY
        self._subscribers = _SubscriberGauges()
        if SHARED_METRICS in os.environ:
            self._ours = CollectorRegistry()
            MultiProcessCollector(self._ours)  # type: ignore[no-untyped-call]

    async def text(self) -> str:
        """The page, in the Prometheus text format 0.0.4. What cannot be had is left out rather than waited for."""
        await self._refreshed()
        subscribers = CollectorRegistry()
        subscribers.register(self._subscribers)
        ours = generate_latest(self._ours).decode() + generate_latest(subscribers).decode()
        return ours + merged([await self._sdk_text(port) for port in self._sdk_ports])

    async def _refreshed(self) -> None:
        """Have the health of now, unless that takes long: the scrapes until it is known tell what was known before."""
        if self._look is None or (self._look.done() and time.monotonic() >= self._due):
            self._look = asyncio.create_task(self._look_at_health())
        ended, _ = await asyncio.wait({self._look}, timeout=PATIENCE_SECONDS)
        for each in ended:
            each.result()

    async def _look_at_health(self) -> None:
        began = time.monotonic()
        try:
            self._subscribers.rows = rows = await self._health.all()
        except ImError as error:
            _log.warning("subscriber health is missing from the metrics", error=str(error))
            return
        if missed := uncounted.reasons(rows):
            _log.warning("what waits is missing from the metrics", subscribers=len(missed), error=missed[0])
        ended = time.monotonic()
        self._due = ended + max(HEALTH_EVERY_SECONDS, RESTS * (ended - began))

    async def _sdk_text(self, port: int) -> str:
        try:
            # Without TLS: to read the system's certificates took 25 ms of each scrape, and of all requests meanwhile.
            async with httpx.AsyncClient(trust_env=False, timeout=2, verify=False) as client:  # noqa: S501
                answer = await client.get(f"http://127.0.0.1:{port}/metrics")
        except httpx.TransportError as error:
            _log.warning("the SDK's metrics are missing", port=port, error=str(error))
            return ""
        return answer.text


class _SubscriberGauges(Collector):
    """What is known of each subscriber in all processes, as it was last asked for."""

    def __init__(self) -> None:
        self.rows: Sequence[Health] = ()

    def collect(self) -> Iterable[GaugeMetricFamily]:
        """The gauges."""
        healthy = "1 healthy, 0 unhealthy, NaN before the first delivery ended and of a disabled one."
        yield self._gauge("healthy", healthy, [_VALUES.get(row.status, float("nan")) for row in self.rows])
        yield self._gauge("retrying", "Deliveries on the retry queue.", [row.retrying for row in self.rows])
        in_line = "Deliveries of an ordered subscriber that wait for their turn behind earlier events."
        yield self._gauge("in_line", in_line, [row.in_line for row in self.rows])
        yield self._gauge("paused", "1 paused, 0 not.", [float(row.paused is not None) for row in self.rows])
        waiting = "Deliveries that wait for the end of a pause, or to be sent after it."
        yield self._gauge("waiting", waiting, [row.waiting for row in self.rows])
        oldest = "When the oldest event that waits so was emitted, in seconds since 1970; NaN when none does."
        yield self._gauge("oldest_waiting_timestamp_seconds", oldest, [_oldest(row) for row in self.rows])
        streak = [row.consecutive_failures for row in self.rows]
        yield self._gauge("consecutive_failures", "Requests failed since the last success.", streak)
        expiry = [_at(row.certificate_expires_at) for row in self.rows]
        told = "When the certificate that it is shown expires, in seconds since 1970; NaN without one."
        yield self._gauge("certificate_expiry_timestamp_seconds", told, expiry)

    def _gauge(self, name: str, told: str, values: Sequence[float | None]) -> GaugeMetricFamily:
        """A sample for each subscriber; none where the value is not known: 0 would say that all is well."""
        family = GaugeMetricFamily(f"im_subscriber_{name}", told, labels=["subscriber"])
        for row, value in zip(self.rows, values, strict=True):
            if value is not None:
                family.add_metric([row.subscriber], value)
        return family


def _oldest(row: Health) -> float | None:
    return _at(row.oldest_waiting) if row.oldest_waiting or row.waiting == 0 else None


def _at(moment: datetime | None) -> float:
    return moment.timestamp() if moment else float("nan")


def merged(pages: Sequence[str]) -> str:
    """Pages in the text format as one: each metric with its samples of every page, which its labels tell apart."""
    heads: dict[str, list[str]] = {}
    samples: dict[str, list[str]] = {}
    for page in pages:
        name = ""
        for line in page.splitlines():
            if line.startswith("# "):
                name = line.split(" ", 3)[2]
                known = heads.setdefault(name, [])
                known += [line] if line not in known else []
            elif line:
                samples.setdefault(name, []).append(line)
    return "".join(f"{line}\n" for name, head in heads.items() for line in head + samples.get(name, []))
