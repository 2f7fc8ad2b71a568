"""How subscribers and their health are written for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.render import NONE, NOT_COUNTED, fields, listing, percent, when, yes_no
from domain.targets.kinds import WEBHOOK
from domain.timing import ago, in_short

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from collections.abc import Iterable

    from domain.drains import DrainProgress
    from domain.health import Health
    from domain.pauses import Pause
    from service.subscriber_views import SubscriberView

SENTENCES = ("FAILING", "PAUSED", "WAITING", "WARNING")


def subscriber_table(subscribers: Iterable[SubscriberView]) -> str:
    """The guide's `im subscriber list`."""
    subscribers = list(subscribers)
    headers = ["NAME", "URL", "TYPES", "ENABLED"]
    cells = [[each.name, each.url, ",".join(each.types), str(each.enabled).lower()] for each in subscribers]
    if any(each.severities for each in subscribers):
        headers.append("SEVERITIES")
        cells = [[*line, severities_text(each)] for line, each in zip(cells, subscribers, strict=True)]
    if any(each.paused for each in subscribers):
        headers.append("PAUSED")
        cells = [[*line, pause_text(each.paused) or NONE] for line, each in zip(cells, subscribers, strict=True)]
    return listing(headers, cells)


def severities_text(subscriber: SubscriberView) -> str:
    """``SEV-1,SEV-2``, or ``all``."""
    return ",".join(subscriber.severities) or "all"


def pause_text(pause: Pause | None) -> str | None:
    """``since 2025-12-26T14:30:00Z: by hand``; None without a pause."""
    return f"since {when(pause.at)}: {pause.reason}" if pause else None


def subscriber_fields(subscriber: SubscriberView, health: Health | None = None) -> str:
    """`im subscriber show`: everything that may be known, which no secret and no header value is."""
    return fields(
        [
            ("name", subscriber.name),
            ("url", subscriber.url),
            ("target", subscriber.target),
            ("types", ",".join(subscriber.types)),
            ("severities", severities_text(subscriber)),
            ("enabled", str(subscriber.enabled).lower()),
            ("gone", f"answered 410 Gone at {when(subscriber.gone_at)}" if subscriber.gone_at else None),
            ("paused", pause_text(subscriber.paused)),
            ("waiting", waiting_text(health) if health else None),
            ("retrying", _retrying(health) if health else None),
            ("in line", _in_line(health) if health else None),
            ("failing", failing_text(health, datetime.now(UTC)) if health else None),
            ("signed", yes_no(subscriber.signed)),
            ("rotating until", when(subscriber.rotating_until) if subscriber.rotating_until else None),
            ("headers", ", ".join(subscriber.header_names) or None),
            ("schedule", subscriber.schedule),
            ("max attempts", subscriber.max_attempts),
            ("hostname", subscriber.hostname),
            ("port", subscriber.port),
            ("context", subscriber.context),
            ("message-format", subscriber.message_format.value if subscriber.target == WEBHOOK else None),
            ("http-client", subscriber.http_client),
            ("certificate", _expiry(subscriber.certificate_expires_at)),
            ("in order", yes_no(subscriber.ordered)),
            ("max concurrency", subscriber.max_concurrency),
            ("rate limit", subscriber.rate_limit),
            ("pause after", _pause_after(subscriber.pause_after_seconds)),
            ("created", when(subscriber.created_at)),
            ("updated", when(subscriber.updated_at)),
        ]
    )


def waiting_text(row: Health) -> str | None:
    """What waits for the end of a pause, or how far the sending of it is; None when nothing does."""
    if row.drain:
        return f"draining, {drain_line(row.drain)}"
    since = f", the oldest since {when(row.oldest_waiting)}" if row.oldest_waiting else ""
    waits = None if row.waiting == 0 else f"{count_text(row.waiting)}{since}"
    if not row.paused or row.retrying == 0:
        return waits or ("0" if row.paused else None)
    if row.retrying is None:
        return f"{waits or 0}; retries, which wait too once they are due: {NOT_COUNTED}"
    due = (
        "1 retry waits too once it is due"
        if row.retrying == 1
        else f"{row.retrying} retries wait too once they are due"
    )
    return f"{waits or 0}; {due}"


def count_text(count: int | None) -> str:
    """A number of deliveries, or that it is not known."""
    return NOT_COUNTED if count is None else str(count)


def _retrying(row: Health) -> str | None:
    return None if row.paused or row.retrying == 0 else count_text(row.retrying)


def _in_line(row: Health) -> str | None:
    return None if row.in_line == 0 else f"{count_text(row.in_line)}, behind earlier events of the same subject"


def drain_line(progress: DrainProgress) -> str:
    """How far a drain is, in a line."""
    counted = (
        ("delivered", progress.delivered),
        ("to be retried", progress.retried),
        ("failed", progress.failed),
        ("dropped", progress.dropped),
        ("cancelled", progress.cancelled),
        ("in line for their turn", progress.in_line),
    )
    said = ", ".join(f"{count} {word}" for word, count in counted if count)
    left = f"{progress.left} left" if progress.counted else "counting what waits"
    parts = ["done" if progress.done else left, said]
    if progress.holds_until and not progress.done:
        parts.append(f"requests fail: the next one at {when(progress.holds_until)}")
    return "; ".join(part for part in parts if part)


def _pause_after(seconds: int | None) -> str:
    return "never" if seconds is None else f"{in_short(seconds)} of failure without a success"


def _expiry(at: datetime | None) -> str | None:
    if at is None:
        return None
    left = (at - datetime.now(UTC)).days
    return f"expires {when(at)}, in {left} days" if left >= 0 else f"expired {when(at)}"


def failing_text(row: Health, now: datetime) -> str | None:
    """``3 requests, the first 5m ago: HTTP 503``; None when the latest request succeeded, or none was made."""
    if not row.consecutive_failures:
        return None
    counted = f"{row.consecutive_failures} request{'' if row.consecutive_failures == 1 else 's'}"
    since = f", the first {ago(now - row.failing_since)}" if row.failing_since else ""
    return f"{counted}{since}: {row.last_error}"


def health_table(rows: Iterable[Health], now: datetime) -> str:
    """The guide's `im subscriber health`, with further columns when somebody fails, is paused or to be warned of."""
    headers = ["SUBSCRIBER", "DELIVERED", "FAILED", "SUCCESS_RATE", "STATUS", "LAST_DELIVERED"]
    rows = list(rows)
    cells = [
        [
            row.subscriber,
            row.delivered,
            row.failed,
            percent(row.success_rate),
            "paused" if row.paused else row.status,
            ago(now - row.last_delivered) if row.last_delivered else "never",
        ]
        for row in rows
    ]
    if any(row.retrying != 0 or row.consecutive_failures for row in rows):
        headers += ["RETRYING", "FAILING"]
        troubled = ([count_text(row.retrying), failing_text(row, now) or NONE] for row in rows)
        cells = [[*line, *more] for line, more in zip(cells, troubled, strict=True)]
    if any(row.in_line != 0 for row in rows):
        headers.append("IN_LINE")
        lined = (count_text(row.in_line) if row.ordered or row.in_line != 0 else NONE for row in rows)
        cells = [[*line, count] for line, count in zip(cells, lined, strict=True)]
    if any(row.paused or row.drain or row.waiting != 0 for row in rows):
        headers += ["PAUSED", "WAITING"]
        held = ([pause_text(row.paused) or NONE, waiting_text(row) or NONE] for row in rows)
        cells = [[*line, *more] for line, more in zip(cells, held, strict=True)]
    if any(row.warnings for row in rows):
        headers.append("WARNING")
        cells = [[*line, "; ".join(row.warnings) or NONE] for line, row in zip(cells, rows, strict=True)]
    return listing(headers, cells, SENTENCES)
