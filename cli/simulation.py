"""What a simulation is asked for, and what came of it."""

import math
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from cli import render
from cli.simulated_cluster import SimulatedCluster

LATENCIES_KEPT = 100_000


@dataclass(frozen=True)
class Plan:
    """How the records are posted.

    Attributes:
        url: of the API.
        cluster: its name, for a cluster without token.
        token: sent as Authorization.
        rate: records a second; None: as fast as they go.
        batch: at most so many records a request.
        repeats: share of requests that are sent again at once, as when an answer was lost.
        restart_every: seconds after which the exporter restarts, and sends again what it did not know to be safe.
        records: ends after so many.
        duration: ends after so many seconds.
    """

    url: str
    cluster: str | None = None
    token: str | None = field(default=None, repr=False)
    rate: float | None = 50
    batch: int = 1
    repeats: float = 0.05
    restart_every: float | None = None
    records: int | None = None
    duration: float | None = None


@dataclass
class Told:
    """What was posted and what was answered.

    Attributes:
        sent_again: records posted once more although they had been taken.
        unsent: records that were given up at the end.
        tried_again: requests that were not taken at first.
        answered: sums of the receipts' counts; ``bad`` are records that were refused.
        latencies: seconds until a 200, of the last 100,000 requests.
    """

    requests: int = 0
    sent_again: int = 0
    unsent: int = 0
    tried_again: int = 0
    answered: Counter[str] = field(default_factory=Counter)
    latencies: deque[float] = field(default_factory=lambda: deque(maxlen=LATENCIES_KEPT))

    def latency_ms(self) -> dict[str, float | None]:
        """Median, 99th percentile and maximum."""
        known = sorted(self.latencies)
        return {
            name: round(1000 * known[math.ceil(share * len(known)) - 1], 1) if known else None
            for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1.0))
        }

    def latency_text(self) -> str:
        """The same in words."""
        return ", ".join(f"{name} {render.NONE if ms is None else ms} ms" for name, ms in self.latency_ms().items())


def summary(cluster: SimulatedCluster, told: Told, seconds: float) -> dict[str, Any]:
    """What came of a simulation, for programs."""
    return {
        "records": cluster.count,
        "incidents_raised": cluster.raised,
        "incidents_resolved": cluster.resolved,
        "canary_beats": cluster.beats,
        "sent_again": told.sent_again,
        "unsent": told.unsent,
        "requests": told.requests,
        "tried_again": told.tried_again,
        "answered": {name: told.answered[name] for name in ("raised", "resolved", "beats", "ignored", "bad")},
        "latency_ms": told.latency_ms(),
        "seconds": round(seconds, 1),
        "records_per_second": round((cluster.count + told.sent_again - told.unsent) / seconds, 1) if seconds else None,
    }


def summary_text(result: dict[str, Any], latency: str) -> str:
    """The same for people."""
    answered = ", ".join(f"{name} {count}" for name, count in result["answered"].items())
    return render.fields(
        [
            ("records", f"{result['records']} ({result['sent_again']} sent again, {result['unsent']} not taken)"),
            ("incidents raised", result["incidents_raised"]),
            ("incidents resolved", result["incidents_resolved"]),
            ("canary beats", result["canary_beats"]),
            ("answered", answered),
            ("requests", f"{result['requests']} ({result['tried_again']} tried again)"),
            ("latency", latency),
            ("took", f"{result['seconds']} s, {result['records_per_second']} records a second"),
        ]
    )
