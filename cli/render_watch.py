"""How changes of events are shown: a line each, or a table that is drawn again and again."""

from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from cli.render import NONE, NOT_COUNTED, clean, emitted_text, percent, state_text, trouble_text, when
from cli.render_subscribers import pause_text, waiting_text
from domain.health import Health
from service.changes import EventChange

DELIVERIES_KNOWN = 10_000  # of the latest so many it is known what was said last
LINES_KEPT = 200  # rows of a table; of these so many are drawn as the terminal has lines
_COLOURS = {"delivered": "green", "failed": "red", "retrying": "yellow", "waiting": "cyan"}


class ChangeLines:
    """A line for each change that a reader can see: the same state of an event is not said twice.

    Args:
        subscriber: whose state is shown; None for the event's.
    """

    def __init__(self, subscriber: str | None) -> None:
        self._subscriber = subscriber
        self._said: dict[tuple[str, ...], tuple[str, ...]] = {}

    def line(self, change: EventChange, now: datetime) -> str | None:
        """When, what became of which event, and who is in trouble; None when that was said last of this delivery.

        Of one subscriber's watch its own state is told alone: what becomes of others is no news.
        """
        state = _state(change, self._subscriber)
        trouble = () if self._subscriber else (trouble_text(change),)
        key, told = _delivery(change), (state, *trouble)
        known = self._said.pop(key, None)
        self._said[key] = told
        if len(self._said) > DELIVERIES_KNOWN:
            del self._said[next(iter(self._said))]
        if known == told:
            return None
        parts = (when(now), state, change.type, change.event_id, change.incident_id or NONE, *trouble)
        return "  ".join(clean(part) for part in parts)


def health_line(health: Health) -> str:
    """How a subscriber does, and whether it is paused."""
    rate, held = percent(health.success_rate), pause_line(health)
    retried = f"retries {NOT_COUNTED}" if health.retrying is None else f"{health.retrying} being retried"
    said = f"{health.subscriber}: {health.status}, {rate} delivered, {retried}"
    return clean(f"{said}; {held}" if held else said)


def pause_line(health: Health) -> str | None:
    """Since when and why a subscriber is paused, and what waits; None when it is not, and nothing does."""
    paused, waiting = pause_text(health.paused), waiting_text(health)
    if waiting and not health.drain:
        waiting = f"waiting: {waiting}"
    return "; ".join(part for part in (paused and f"paused {paused}", waiting) if part) or None


class LiveTable:
    """The latest events, each in one row that changes with its outcome."""

    def __init__(self, subscriber: str | None) -> None:
        self._subscriber = subscriber
        self._rows: dict[tuple[str, ...], EventChange] = {}
        self._health = ""
        self._undrawn = False
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)

    def __enter__(self) -> Self:
        self._live.start()
        self.refresh()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._live.stop()

    def show(self, change: EventChange) -> None:
        """Put a change at the top; `draw_news` draws it."""
        key = _delivery(change)
        self._rows.pop(key, None)
        self._rows[key] = change
        while len(self._rows) > LINES_KEPT:
            del self._rows[next(iter(self._rows))]
        self._undrawn = True

    def draw_news(self) -> None:
        """Draw it again, if a change was put there since."""
        if self._undrawn:
            self.refresh()

    def tell_health(self, text: str) -> None:
        """Put a line above the table."""
        self._health = text

    def refresh(self) -> None:
        """Draw it again, as of now."""
        self._undrawn = False
        self._live.update(Group(Text(self._health), self._table(datetime.now(UTC))), refresh=True)

    def _table(self, now: datetime) -> Table:
        table = Table(box=None, pad_edge=False, header_style="bold")
        told = ("STATE", "EMITTED") if self._subscriber else ("OUTCOME", "EMITTED", "TROUBLE")
        for name in ("EVENT", "TYPE", "INCIDENT", *told):
            table.add_column(name, overflow="fold")
        room = max(1, self._console.size.height - 4)
        for change in list(reversed(self._rows.values()))[:room]:
            state = _state(change, self._subscriber)
            table.add_row(
                Text(clean(change.event_id)),
                Text(clean(change.type)),
                Text(clean(change.incident_id or NONE)),
                Text(clean(state), style=_COLOURS.get(state.partition(" ")[0], "")),
                emitted_text(change, now),
                *([] if self._subscriber else [Text(clean(trouble_text(change)))]),
            )
        return table


def _delivery(change: EventChange) -> tuple[str, ...]:
    """What tells one delivery of an event from another; one that shared its workflow goes on in one of its own."""
    return change.source, change.event_id, change.workflow_id if change.kind in {"resend", "replay"} else ""


def _state(change: EventChange, subscriber: str | None) -> str:
    state = state_text(change, subscriber) if subscriber else change.outcome
    again = {"resend": " (resent)", "replay": " (replayed)"}
    return state + again.get(change.kind, "")
