"""How `im listen` shows what arrived: a line and the data in a terminal, or one JSON object a line."""

import json
from collections.abc import Callable
from typing import Any

import typer
from rich.console import Console
from rich.syntax import Syntax
from rich.text import Text

from cli.listener_server import NOT_OURS, Arrival
from cli.render import clean, json_text
from cli.run import Format
from cli.screen import Screen

ANSWER_SHOWN = 200  # characters of a forwarded request's answer; JSON has more


def printer(output: Format) -> Callable[[Arrival], None]:
    """What prints each arrival; raises `OSError` where it cannot be written."""
    if output is Format.JSON:
        return lambda arrival: typer.echo(json.dumps(arrival.model_dump(mode="json"), separators=(",", ":")))
    console = Screen()
    return lambda arrival: _show(console, arrival)


def _show(console: Console, arrival: Arrival) -> None:
    event = arrival.event if isinstance(arrival.event, dict) else {}
    line = Text()
    line.append(f"{arrival.at.astimezone():%H:%M:%S}  ", style="dim")
    if arrival.refused:
        line.append(f"refused with {arrival.status}: {clean(arrival.remark)}", style="yellow")
        console.print(line)
        return
    line.append(clean(event.get("type", "(no CloudEvent)")), style="bold")
    for word in _words(event):
        line.append(f"  {clean(word)}")
    line.append(*_signature(arrival))
    line.append(f"  answered {arrival.status}", style="green" if arrival.status < 300 else "yellow")
    if arrival.attempt > 1:
        line.append(f"  attempt {arrival.attempt}", style="yellow")
    if arrival.remark:
        line.append(f"  {clean(arrival.remark)}", style="yellow")
    console.print(line)
    for problem in arrival.problems if arrival.problems != [NOT_OURS] else []:
        console.print(Text(f"  ! {clean(problem)}", style="red"))
    if arrival.forwarded:
        console.print(Text(_forwarded(arrival), style="cyan"))
    if arrival.attempt == 1:
        console.print(_body(arrival.event, event))


def _words(event: dict[str, Any]) -> list[str]:
    """What says at a glance which event it is."""
    data = event.get("data") if isinstance(event.get("data"), dict) else {}
    found = [event.get("imincidentid") or event.get("imalarmid") or event.get("source"), (data or {}).get("severity")]
    return [str(word) for word in [*found, event.get("id")] if word]


def _signature(arrival: Arrival) -> tuple[str, str]:
    if arrival.verified is None:
        return "  not verified", "dim"
    if arrival.problems == [NOT_OURS]:
        return f"  {NOT_OURS}", "yellow"
    return ("  signature right", "green") if arrival.verified else ("  signature WRONG", "bold red")


def _forwarded(arrival: Arrival) -> str:
    done = arrival.forwarded
    if done is None or done.status is None:
        return f"  > no answer: {clean(done.said) if done else ''}"
    said = f": {clean(done.said)[:ANSWER_SHOWN]}" if done.said else ""
    return f"  > sent on, answered {done.status} in {done.duration_ms} ms{said}"


def _body(whole: Any, event: dict[str, Any]) -> Syntax:
    """The data alone, which is what differs; all of what is no CloudEvent. Escapes of control characters stay."""
    shown = json_text(event.get("data", whole))
    indented = "\n".join(f"  {line}" for line in shown.splitlines())
    return Syntax(indented, "json", background_color="default", word_wrap=True)
