"""What people read about an event workflow in the Temporal Web UI."""

from collections.abc import Sequence

from domain.events import CloudEvent
from domain.outcomes import Delivery, DeliveryRow, DeliveryState
from domain.tasks import Pending

HANDED_OVER = "handed_over"
MAX_SUMMARY_BYTES = 400  # Temporal's limit
MAX_ROWS = 50  # of 20,000 bytes that Temporal shows

_WORST_FIRST = ("retrying", "pending", "waiting", "failed", HANDED_OVER, "unmatched", "cancelled", "delivered")


def event_summary(events: Sequence[CloudEvent]) -> str:
    """One line for the workflow list: type, what it is about, and the event's title if it has one."""
    if len(events) > 1:
        return f"{len(events)} events, first {events[0].type}"
    event = events[0]
    title = event.data.get("title") if isinstance(event.data, dict) else None
    parts = [event.type, event.source, event.severity, title if isinstance(title, str) else None]
    return _cut(" · ".join(part for part in parts if part))


def event_details(events: Sequence[CloudEvent], groups: Sequence[Sequence[Delivery]]) -> str:
    """A Markdown table a delivery per row; those that went well are summed up where there are many."""
    several = len(events) > 1
    heads = [*(["event"] if several else []), "subscriber", "state", "attempts", "last error", "next retry"]
    lines = [_cells(heads), "|---" * len(heads) + "|"]
    rows = [(event.id, delivery) for event, group in zip(events, groups, strict=True) for delivery in group]
    if not rows:
        return "No subscriber wants this event: it is kept as `unmatched`."
    rows.sort(key=lambda row: row[1].state is DeliveryState.DELIVERED)
    lines += [_cells([*([event_id] if several else []), *_told(delivery)]) for event_id, delivery in rows[:MAX_ROWS]]
    if len(rows) > MAX_ROWS:
        lines.append(f"\nand {len(rows) - MAX_ROWS} more")
    if any(delivery.state is DeliveryState.RETRYING for _, delivery in rows):
        lines.append("\nLater attempts are under *Pending Activities*.")
    return "\n".join(lines)


def row(delivery: Delivery) -> DeliveryRow:
    """A delivery in one line, for the workflow's result."""
    return DeliveryRow(
        subscriber=delivery.subscriber,
        state=delivery.state,
        attempts=len(delivery.attempts),
        error=delivery.error,
    )


def without_responses(delivery: Delivery) -> Delivery:
    """A delivery without what its receiver said."""
    silent = [attempt.model_copy(update={"response": None}) for attempt in delivery.attempts]
    return delivery.model_copy(update={"attempts": silent})


def for_ledger(delivery: Delivery) -> Delivery:
    """What counting needs of a delivery: its latest request alone, without what the receiver said."""
    return without_responses(delivery.model_copy(update={"attempts": delivery.attempts[-1:]}))


def keyword(event: CloudEvent, pending: Pending) -> str:
    """The state that visibility shows: ``retrying`` is anything on the retry queue, a first try there included.

    What waits for its turn in a lane is on no queue yet, and ``pending``.
    """
    state = pending.delivery.state
    if state is DeliveryState.PENDING and pending.in_flight_on is None and not waits_turn(event, pending):
        return DeliveryState.RETRYING.value
    return state.value


def waits_turn(event: CloudEvent, pending: Pending) -> bool:
    """Whether a delivery is ordered and has not got its turn, also before it has a place in the lane."""
    return pending.ordered and not pending.turn and event.ordering_key is not None


def worst(outcomes: Sequence[str]) -> str:
    """The least fortunate of several outcomes; the first where none is known, as of a newer version."""
    return next((outcome for outcome in _WORST_FIRST if outcome in outcomes), outcomes[0])


def _told(delivery: Delivery) -> list[str]:
    due = delivery.next_retry_at.strftime("%H:%M:%S UTC") if delivery.next_retry_at else ""
    return [delivery.subscriber, delivery.state.value, str(len(delivery.attempts)), delivery.error or "", due]


def _cells(texts: Sequence[str]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|").replace("\n", " ") for text in texts) + " |"


def _cut(text: str) -> str:
    raw = text.encode()
    return text if len(raw) <= MAX_SUMMARY_BYTES else raw[: MAX_SUMMARY_BYTES - 3].decode(errors="ignore") + "…"
