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
_PROBES: Columns = (
    ("p50 ms at 20/s", "p50_ms"),
    ("p99 ms at 20/s", "p99_ms"),
    ("Deliveries/s", "deliveries_per_s"),
)
GROWTH: dict[str, Columns] = {
    "subscribers": (
        ("Subscribers an event", "size"),
        ("Deliveries/s", "deliveries_per_s"),
        ("CPU ms a delivery", "cpu_ms_per_delivery"),
        ("p50 ms", "p50_ms"),
        ("p99 ms", "p99_ms"),
        ("History bytes/event", "history_bytes_per_event"),
    ),
    "directory": (
        ("Subscribers known", "size"),
        ("kB", "directory_kb"),
        ("ms an add", "add_ms"),
        ("ms a snapshot", "snapshot_ms"),
        ("ms to list 100", "list_ms"),
        *_PROBES,
    ),
    "visibility": (
        ("Events in visibility", "size"),
        ("ms to list 100", "list_ms"),
        ("ms to list the failed", "failed_ms"),
        ("ms to find one", "find_ms"),
        *_PROBES,
    ),
    "ledger": (
        ("Outcomes recorded", "size"),
        ("Counted", "counted"),
        ("Outcomes/s", "outcomes_per_s"),
        ("ms to ask for all", "health_ms"),
        ("ms to ask for one", "health_one_ms"),
        ("Signal p50 ms", "signal_p50_ms"),
        ("Signal p99 ms", "signal_p99_ms"),
        ("Longest", "signal_max_ms"),
        ("Runs", "runs"),
    ),
}
