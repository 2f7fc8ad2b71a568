"""Which figures the tables show, and how they are called there."""

Columns = tuple[tuple[str, str], ...]  # heading, figure

THROUGHPUT: Columns = (
    ("Accepted/s", "accepted_per_s"),
    ("Deliveries/s", "deliveries_per_s"),
    ("p50 ms", "p50_ms"),
    ("p99 ms", "p99_ms"),
    ("Lost", "lost"),
    ("Repeats", "repeats"),
    ("Refused", "refused"),
)
ISOLATION: Columns = (
    ("p50 ms", "p50_ms"),
    ("p95 ms", "p95_ms"),
    ("p99 ms", "p99_ms"),
    ("p50 to control", "p50_ratio"),
    ("p95 to control", "p95_ratio"),
    ("p99 to control", "p99_ratio"),
    ("Lost", "lost"),
    ("Repeats", "repeats"),
)
CPU: Columns = (
    ("CPU ms a delivery", "cpu_ms_per_delivery"),
    ("Temporal's", "cpu_ms_temporal"),
    ("im's", "cpu_ms_im"),
    ("Share of a core, %: Temporal", "core_percent_temporal"),
    ("im", "core_percent_im"),
    ("sink", "core_percent_sink"),
    ("load", "core_percent_load"),
)
MEMORY: Columns = (
    ("Peak MB: Temporal", "peak_mb_temporal"),
    ("im", "peak_mb_im"),
    ("sink", "peak_mb_sink"),
    ("load", "peak_mb_load"),
    ("Workflows", "workflows"),
    ("History bytes/event", "history_bytes_per_event"),
    ("History events/event", "history_events_per_event"),
)
GROWTH: dict[str, Columns] = {}
