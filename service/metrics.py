"""The text of ``/metrics``: our own metrics, the health of each subscriber, and the Temporal SDK's metrics."""

import time

import httpx
import structlog
from prometheus_client import REGISTRY, Gauge, generate_latest
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig

from domain.errors import ImError
from domain.health import HealthStatus
from service.devserver import free_port
from service.health import HealthGateway

HEALTH_EVERY_SECONDS = 10  # a scrape more often than this sees the health of the one before

HEALTHY = Gauge("im_subscriber_healthy", "1 healthy, 0 unhealthy, NaN before the first delivery ended.", ["subscriber"])
RETRYING = Gauge("im_subscriber_retrying", "Deliveries on the retry queue.", ["subscriber"])
STREAK = Gauge("im_subscriber_consecutive_failures", "Requests failed since the last success.", ["subscriber"])

_VALUES = {HealthStatus.HEALTHY: 1.0, HealthStatus.UNHEALTHY: 0.0, HealthStatus.UNKNOWN: float("nan")}
_log = structlog.get_logger("metrics")


def sdk_runtime() -> tuple[Runtime, int]:
    """A runtime whose metrics the SDK serves on a free port of this machine, and that port."""
    port = free_port()
    metrics = PrometheusConfig(
        bind_address=f"127.0.0.1:{port}", counters_total_suffix=True, unit_suffix=True, durations_as_seconds=True
    )
    return Runtime(telemetry=TelemetryConfig(metrics=metrics)), port


class MetricsPage:
    """Gathers the page.

    Args:
        health: asked at most every 10 s, for the gauges by subscriber.
        sdk_port: where the SDK serves its own metrics; None leaves them out.
    """

    def __init__(self, health: HealthGateway, sdk_port: int | None) -> None:
        self._health = health
        self._sdk_port = sdk_port
        self._asked = float("-inf")

    async def text(self) -> str:
        """The page, in the Prometheus text format 0.0.4. What cannot be had is left out rather than waited for."""
        if time.monotonic() - self._asked >= HEALTH_EVERY_SECONDS:
            await self._refresh_health()
        return generate_latest(REGISTRY).decode() + await self._sdk_text()

    async def _refresh_health(self) -> None:
        try:
            rows = await self._health.all()
        except ImError as error:
            _log.warning("subscriber health is missing from the metrics", error=str(error))
            return
        self._asked = time.monotonic()
        for gauge in (HEALTHY, RETRYING, STREAK):
            gauge.clear()
        for row in rows:
            HEALTHY.labels(row.subscriber).set(_VALUES[row.status])
            RETRYING.labels(row.subscriber).set(row.retrying)
            STREAK.labels(row.subscriber).set(row.consecutive_failures)

    async def _sdk_text(self) -> str:
        if self._sdk_port is None:
            return ""
        try:
            async with httpx.AsyncClient(trust_env=False, timeout=2) as client:
                answer = await client.get(f"http://127.0.0.1:{self._sdk_port}/metrics")
        except httpx.TransportError as error:
            _log.warning("the SDK's metrics are missing", error=str(error))
            return ""
        return answer.text
