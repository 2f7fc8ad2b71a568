"""How data is written: borderless tables that no width truncates, JSON, and text that cannot control a terminal."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from domain.listeners import in_trouble
from domain.timing import about, ago

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from domain.explanations import RunKind
    from domain.outcomes import Attempt, Delivery
    from domain.pauses import Pause
    from service.event_rows import EventRow
    from service.event_views import EventView
    from service.progress import RunView
    from service.trials import Trial

GAP = "  "
NONE = "-"
NOT_COUNTED = "not counted"  # what visibility took too long to tell

# ECMA-48: control sequences (CSI), strings (OSC, DCS, SOS, PM, APC) to their terminator, then any other escape.
_ESCAPES = re.compile(
    "(?:\x1b\\[|\x9b)[0-?]*[ -/]*[@-~]"
    "|(?:\x1b[\\]PX^_]|[\x9d\x90\x98\x9e\x9f])[^\x07\x1b\x9c]*(?:\x07|\x1b\\\\|\x9c)?"
    "|\x1b[ -/]*[0-~]?"
)
# Characters that move the cursor, hide, or turn the direction of text: C0, C1, bidirectional and line separators.
_BEYOND_ASCII = "\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff"
_CONTROL = re.compile(f"[\x00-\x1f{_BEYOND_ASCII}]")
_SPACING = re.compile("[\t\n\v\f\r\u2028\u2029]+")


def clean(value: object) -> str:
    """A value as one line of plain text: escape sequences and control characters removed, line breaks a space."""
    return _CONTROL.sub("", _SPACING.sub(" ", _ESCAPES.sub("", str(value))))


def clean_lines(text: str) -> list[str]:
    """The same for text of several lines, which stay lines."""
    return [clean(line) for line in _ESCAPES.sub("", text).splitlines()]


def json_text(data: Any) -> str:
    """Indented JSON with ISO timestamps; characters that could control a terminal stay in it, escaped."""
    from pydantic_core import to_jsonable_python  # noqa: PLC0415 - heavy

    text = json.dumps(to_jsonable_python(data), indent=2, ensure_ascii=False)
    return re.sub(f"[{_BEYOND_ASCII}]", lambda found: f"\\u{ord(found[0]):04x}", text)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Columns two spaces apart, as wide as their widest value, whatever the terminal."""
    return _aligned([headers, *rows])


def _aligned(rows: Iterable[Sequence[object]]) -> str:
    cells = [[clean(value) for value in row] for row in rows]
    widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    return "\n".join(
        GAP.join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in cells
    )


def _width(text: str) -> int:
    """Terminal columns that a text takes."""
    if text.isascii():
        return len(text)
    return sum(0 if unicodedata.combining(char) else 1 + (unicodedata.east_asian_width(char) in "WF") for char in text)


def fields(pairs: Iterable[tuple[str, object]]) -> str:
    """One value a line, named; values that are None are left out."""
    return _aligned([(f"{name}:", value) for name, value in pairs if value is not None])


def when(at: datetime | None, timespec: str = "seconds") -> str:
    """``2025-12-26T14:30:00Z``, or a dash."""
    return at.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z") if at else NONE


def percent(rate: float | None) -> str:
    """``97.5%``, ``100%``, or a dash when there is nothing to count yet."""
    return NONE if rate is None else f"{rate:.1f}".removesuffix(".0") + "%"


def yes_no(value: bool | None, unknown: str = NONE) -> str:  # noqa: FBT001 - the value itself
    """``yes``, ``no``, or the word for None."""
    return unknown if value is None else "yes" if value else "no"


def trial_text(trial: Trial, now: datetime) -> str:
    """`im subscriber test`: the delivery of the test event, with what was answered."""
    if trial.delivery is None:
        return clean(f"{trial.subscriber}: {trial.state}")
    return "\n".join(line.removeprefix("  ") for line in _delivery_lines(trial.delivery, now))


def event_table(rows: Iterable[EventRow], now: datetime, subscriber: str | None = None) -> str:
    """One line an event, with its outcome and those in trouble; of one subscriber's, where it stands with that one."""
    heads = ("STATE", "EMITTED") if subscriber else ("OUTCOME", "EMITTED", "TROUBLE")
    cells = []
    for row in rows:
        at = emitted_text(row, now)
        told = (state_text(row, subscriber), at) if subscriber else (row.outcome, at, trouble_text(row))
        cells.append((row.event_id, row.type, row.incident_id or NONE, *told))
    return table(("EVENT", "TYPE", "INCIDENT", *heads), cells)


def state_text(row: EventRow, subscriber: str) -> str:
    """``delivered``; ``failed or delivered`` where it is not known which; a dash where it is not for that one."""
    return " or ".join(row.states_of(subscriber)) or NONE


def trouble_text(row: EventRow) -> str:
    """``retrying:a,failed:b``; at its end three dots where there are more than can be named.

    An `im listen` that ended is there only where the event was for nobody else.
    """
    words = in_trouble(row.troubled)
    alone = row.outcome == "cancelled" and not words
    return ",".join([*(row.troubled if alone else words), *(["..."] if row.more_troubled else [])]) or NONE


def emitted_text(row: EventRow, now: datetime) -> str:
    """``5m ago``; of a resend or a replay ``resent 5m ago``, ``replayed 5m ago by rpl_3f9c2a7b10de``."""
    at = ago(now - row.emitted_at)
    if row.kind == "replay":
        return f"replayed {at} by {row.replay}" if row.replay else f"replayed {at}"
    return f"resent {at}" if row.kind == "resend" else at


def event_text(view: EventView, now: datetime) -> str:
    """An event, then each workflow that carried it, with every delivery and every known attempt."""
    context = view.event.to_dict()
    data = context.pop("data", None)
    pairs: list[tuple[str, object]] = list(context.items())
    if data is not None:
        pairs.append(("data", json.dumps(data, ensure_ascii=False)))
    return "\n\n".join([fields(pairs), *(_run_text(run, now, view.paused) for run in view.runs)])


def kind_text(kind: RunKind, replay: str | None = None) -> str:
    """What one of an event's deliveries is, in words."""
    if kind == "replay" and replay:
        return f"replayed by {replay}"
    return {"original": "first delivery", "resend": "resent", "replay": "replayed", "rest": "went on alone"}[kind]


def _run_text(run: RunView, now: datetime, paused: Mapping[str, Pause]) -> str:
    from domain.replays import replay_of  # noqa: PLC0415 - heavy

    span = f"started {when(run.started_at)}" + (f", ended {when(run.ended_at)}" if run.ended_at else "")
    head = clean(
        f"{kind_text(run.kind, replay_of(run.workflow_id))}: {run.outcome} ({span}; workflow {run.workflow_id})"
    )
    note = [] if run.complete else ["  attempts are not shown: no worker answered (start one: im serve or im worker)"]
    lines = (line for each in run.deliveries for line in _delivery_lines(each, now, paused.get(each.subscriber)))
    return "\n".join([head, *note, *lines])


def _delivery_lines(delivery: Delivery, now: datetime, pause: Pause | None = None) -> list[str]:
    head = clean(f"  {delivery.subscriber}: {delivery.state}")
    waits = delivery.state in {"pending", "waiting"} and delivery.error
    if waits:
        head += clean(f", {delivery.error}")
    elif delivery.state == "pending":
        head += ", a request is under way, or about to be made"
    if delivery.next_retry_at:
        left = (delivery.next_retry_at - now).total_seconds()
        head += f", next retry at {when(delivery.next_retry_at)} ({f'in {about(left)}' if left > 0 else 'due now'})"
    lines = [head]
    if pause and delivery.next_retry_at:
        lines.append(f"    paused: {clean(pause.reason)}; that request waits if it is then still")
    if delivery.error and not waits:
        lines.append(f"    error: {clean(delivery.error)}")
    if delivery.attempts:
        headers = ("ATTEMPT", "AT", "STATUS", "DURATION", "ERROR")
        lines += _indented(table(headers, map(_attempt_cells, delivery.attempts)).splitlines(), "    ")
    for response, numbers in _responses(delivery.attempts):
        lines.append(f"    response to attempt{'s' if len(numbers) > 1 else ''} {', '.join(map(str, numbers))}:")
        lines += _indented(clean_lines(response), "      | ")
    return lines


def _responses(attempts: Iterable[Attempt]) -> list[tuple[str, list[int]]]:
    """Each response once, with the attempts that it answered, in the order in which they were last given."""
    found: dict[str, list[int]] = {}
    for attempt in attempts:
        if attempt.response:
            found[attempt.response] = [*found.pop(attempt.response, []), attempt.number]
    return list(found.items())


def _attempt_cells(attempt: Attempt) -> tuple[object, ...]:
    at = when(attempt.at, "milliseconds")
    return attempt.number, at, attempt.status or NONE, f"{attempt.duration_ms} ms", attempt.error or NONE


def _indented(lines: Iterable[str], margin: str) -> list[str]:
    return [margin + line for line in lines]
