"""`im subscriber pause` and `resume`: events wait, and are sent when the subscriber is ready for them."""

import time
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from cli.patience import Patience
from cli.render_subscribers import drain_line, pause_text
from cli.run import Format, FormatOption, duration, say, with_gateway, write
from cli.subscriber_options import Name
from domain.timing import in_short

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from domain.drains import DrainProgress
    from service.gateway import Gateway
    from service.subscriber_views import Resumed, SubscriberView

LOOK_EVERY = 1.0  # seconds

Reason = Annotated[str | None, typer.Option("--reason", metavar="TEXT", help="Why; shown wherever the pause is.")]
DropOlderThan = Annotated[
    str | None,
    typer.Option("--drop-older-than", metavar="DURATION", help="End what was emitted longer ago, such as 1h."),
]
Wait = Annotated[bool, typer.Option("--wait", help="Show how the sending goes, until it is done. Ctrl-C leaves it.")]


def pause(name: Name, *, reason: Reason = None, output: FormatOption = Format.TABLE) -> None:
    """Pause a subscriber: nothing is sent to it and nothing is lost. What comes waits, and so do retries."""
    before, paused = with_gateway(lambda im: _pause(im, name, reason))
    if output is Format.JSON:
        write(output, paused, "")
    if before.paused and before.paused == paused.paused:
        say(f"{name} is paused already, {pause_text(before.paused)}; nothing has changed")
    elif paused.paused:
        say(f"paused {name}: {paused.paused.reason}; what comes waits until: im subscriber resume {name}")


def resume(
    name: Name, *, drop_older_than: DropOlderThan = None, wait: Wait = False, output: FormatOption = Format.TABLE
) -> None:
    """End a pause. What waited is sent, the oldest first: one as a probe, then more at once while that goes well."""
    age = duration("--drop-older-than", drop_older_than) if drop_older_than is not None else None
    before, drain, resumed = with_gateway(lambda im: _resume(im, name, age))
    if output is Format.JSON:
        write(output, resumed, "")
    say(resumed_line(resumed, age, was_paused=before.paused is not None))
    if wait:
        _watch(name, drain)


async def _pause(im: "Gateway", name: str, reason: str | None) -> tuple["SubscriberView", "SubscriberView"]:
    """The subscriber before and after."""
    return await im.subscribers.get(name), await im.subscribers.pause(name, reason)


async def _resume(
    im: "Gateway", name: str, age: timedelta | None
) -> tuple["SubscriberView", "DrainProgress | None", "Resumed"]:
    """The subscriber and its latest drain before, and what became of it."""
    return await im.subscribers.get(name), await im.subscribers.drain(name), await im.subscribers.resume(name, age)


def resumed_line(resumed: "Resumed", age: timedelta | None, *, was_paused: bool) -> str:
    """What a resume does, in a line."""
    name, waiting, retrying = resumed.subscriber.name, resumed.waiting, resumed.retrying
    parts = [f"{waiting} waiting" if waiting else "nothing waits"]
    if not resumed.subscriber.enabled:
        return f"{name} is disabled: {parts[0]}{', ending as cancelled' if waiting else ''}"
    if waiting:
        parts.append("draining")
        parts += [f"what is older than {in_short(int(age.total_seconds()))} is dropped"] if age else []
    if retrying:
        parts.append(
            "1 retry goes on when it is due" if retrying == 1 else f"{retrying} retries go on when they are due"
        )
    return f"{f'resumed {name}' if was_paused else f'{name} is not paused'}: {'; '.join(parts)}"


def _watch(name: str, before: "DrainProgress | None") -> None:
    """Show how the drain goes that a resume asked for, and nothing of an earlier one (``before``)."""
    from domain.drains import has_heard  # noqa: PLC0415 - heavy

    told, patience = None, Patience()
    while True:
        try:
            with patience.bearing():
                found = with_gateway(lambda im: im.subscribers.drain(name))
                progress = found if found and has_heard(found, before) else None
                line = drain_line(progress) if progress else "about to begin"
                if line != told:
                    say(line)
                told = line
                if progress is not None and progress.done:
                    return
            time.sleep(LOOK_EVERY)
        except KeyboardInterrupt:
            say(f"it goes on without you; see: im subscriber health {name}")
            return
