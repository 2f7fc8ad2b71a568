"""What two queue-based peers do with the same work, and what is aimed at.

Measured in November 2026 on a machine with two cores that also held their PostgreSQL, Redis and RabbitMQ; CPU is of all
processes together. Another machine gives other figures: compare with care.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Comparison:
    """One figure of one case.

    Attributes:
        svix: None where the peer has no such thing, or it was not measured; ``outpost`` likewise.
        aim: at least this, or at most where less is better.
    """

    what: str
    case: str
    figure: str
    svix: float | None
    outpost: float | None
    aim: float
    less_is_better: bool = True


COMPARISONS = (
    Comparison("5000x1, deliveries/s", "5000x1", "deliveries_per_s", 710, 1871, 2000, less_is_better=False),
    Comparison("batches of 100, deliveries/s", "batch100", "deliveries_per_s", None, None, 5600, less_is_better=False),
    Comparison("500x10, deliveries/s", "500x10", "deliveries_per_s", 2282, 2714, 3000, less_is_better=False),
    Comparison("100x100, deliveries/s", "100x100", "deliveries_per_s", None, None, 6000, less_is_better=False),
    Comparison("publish to arrival at 20/s, p50 ms", "20/s", "p50_ms", 3.3, 17.2, 3.3),
    Comparison("publish to arrival at 20/s, p99 ms", "20/s", "p99_ms", 9.9, 53.3, 9.9),
    Comparison("p99 beside one that fails, times its control", "burst-fail", "p99_ratio", 0.97, 1.1, 1.1),
    Comparison("p99 beside a slow one, times its control", "burst-slow", "p99_ratio", None, None, 1.2),
    Comparison("p50 beside a slow one, ms", "burst-slow", "p50_ms", 92, 15940, 92),
    Comparison("p95 beside a slow one, ms", "burst-slow", "p95_ms", 3574, None, 3574),
    Comparison("CPU ms a delivery, 5000x1", "5000x1", "cpu_ms_per_delivery", 2.5, 0.96, 1.0),
    Comparison("CPU ms a delivery, 500x10", "500x10", "cpu_ms_per_delivery", 0.74, 0.69, 0.6),
)
