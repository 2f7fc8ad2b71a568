"""How replays are written for people."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Self

from cli import render
from cli.run import say
from domain.timing import about, ago

if TYPE_CHECKING:  # for annotations alone
    from domain.replays import Replayed, ReplayReport, Survey
    from service.replay_views import ReplayOptions, ReplayView

PLAIN_EVERY_SECONDS = 5.0  # a line, where no terminal can show a bar


def replay_table(rows: Iterable[ReplayReport], now: datetime) -> str:
    """`im replay list`."""
    cells = (
        (
            row.id,
            row.stage,
            row.selection.to,
            meant(row),
            f"{row.sent}/{row.matched}",
            row.rate,
            ago(now - row.started_at),
        )
        for row in rows
    )
    return render.listing(("REPLAY", "STAGE", "TO", "WHAT", "SENT", "RATE", "STARTED"), cells)


def meant(replay: ReplayReport) -> str:
    """Which events, in words."""
    chosen = replay.selection
    if chosen.failed_only:
        said = ("what failed or was cancelled" if chosen.undelivered else "what failed") + (
            f" for {chosen.sent_to}" if chosen.sent_to != chosen.to else ""
        )
    else:
        said = f"what {chosen.sent_to} was sent" if chosen.sent_to else "what it wants"
    return said + (f" of {','.join(chosen.types)}" if chosen.types else "")


def replay_text(found: ReplayView) -> str:
    """`im replay show`."""
    chosen = found.selection
    return render.fields(
        [
            ("replay", found.id),
            ("stage", found.stage),
            ("reason", found.reason),
            ("to", chosen.to),
            ("what", meant(found)),
            ("since", render.when(chosen.since) if chosen.since else "the beginning of what is retained"),
            ("until", render.when(chosen.until)),
            ("rate", found.rate),
            ("matched", found.matched),
            ("skipped", found.skipped or None),
            ("sent", found.sent),
            ("gone", found.gone or None),
            ("delivered", found.delivered),
            ("failed", found.failed),
            ("cancelled", found.cancelled or None),
            ("under way", found.under_way),
            ("forgotten", found.forgotten or None),
            ("time left", None if found.eta_seconds is None else about(found.eta_seconds)),
            ("started", render.when(found.started_at)),
            ("ended", render.when(found.ended_at) if found.ended_at else None),
        ]
    )


def outcome(found: ReplayView) -> str:
    """One line on where a replay stands."""
    left = "" if found.eta_seconds is None else f", {about(found.eta_seconds)} left"
    told = f"{found.delivered} delivered, {found.failed} failed, {found.under_way} without an outcome yet"
    others = (("cancelled", found.cancelled), ("forgotten", found.forgotten))
    told += "".join(f", {count} {name}" for name, count in others if count)
    return f"{found.id} {found.stage}: {found.sent} of {found.matched} handed over ({told}){left}"


def look_again(found: ReplayView) -> str | None:
    """Where to look, when a replay has handed over all it will, and not all of that has ended."""
    if found.ended_at is None or not found.under_way:
        return None
    return f"{found.under_way} of these have no outcome yet; look again: im replay show {found.id}"


def survey_text(found: Survey, options: ReplayOptions) -> str:
    """`im replay --dry-run`: how many of each type, the first and the last one."""
    pairs: list[tuple[str, Any]] = [
        ("would be sent", f"{found.matched}{'' if found.complete else ' at least'}, at {options.rate}")
    ]
    pairs += [("first", _told(found.first)), ("last", _told(found.last))] if found.first and found.last else []
    pairs += (
        [("skipped", f"{found.skipped} of those that {_ended(options)} have arrived since, or are on their way")]
        if found.skipped
        else []
    )
    counted = render.table(("TYPE", "EVENTS"), found.by_type.items())
    return "\n\n".join([render.fields(pairs), *([counted] if found.by_type else [])])


def nothing(options: ReplayOptions, skipped: int) -> str:
    """Why there is nothing to send, as far as it is known."""
    if skipped:
        return f"nothing to send: the {skipped} that {_ended(options)} have arrived since, or are on their way"
    if options.undelivered:
        what = f"failed or was cancelled for {options.subscriber}"
    elif options.failed_only:
        what = f"failed for {options.subscriber}"
    else:
        what = f"is for {options.to or options.subscriber}"
    more = "; what was cancelled is found with --undelivered" if options.failed_only and not options.undelivered else ""
    if options.failed_only or options.undelivered:
        more += f"; of an event with very many in trouble not all are found: im why EVENT {options.subscriber}"
    return f"nothing matches: no retained event {what}, within the times and types given (how long: im retention){more}"


class Progress:
    """A bar on standard error; lines where that is no terminal."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._task: Any = None
        self._due = 0.0

    def __enter__(self) -> Self:
        if sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415 - heavy
            from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn  # noqa: PLC0415 - heavy

            columns = (
                TextColumn("{task.description}"),
                BarColumn(),
                MofNCompleteColumn(),
                TextColumn("{task.fields[told]}"),
            )
            self._bar = Progress(*columns, console=Console(stderr=True))
            self._task = self._bar.add_task("counting", total=None, told="")
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def show(self, found: ReplayView) -> None:
        """Show where it stands."""
        if self._bar is not None:
            left = "" if found.eta_seconds is None else f"  {about(found.eta_seconds)} left"
            told = f"{found.delivered} delivered  {found.failed} failed{left}"
            self._bar.update(
                self._task, description=str(found.stage), completed=found.sent, total=found.matched, told=told
            )
        elif found.ended_at is not None or time.monotonic() >= self._due:
            self._due = time.monotonic() + PLAIN_EVERY_SECONDS
            say(outcome(found))


def _ended(options: ReplayOptions) -> str:
    """How those have ended that are chosen by their end."""
    return "failed or were cancelled" if options.undelivered else "failed"


def _told(event: Replayed) -> str:
    return f"{event.event_id} {event.type} {render.when(event.at)}"
