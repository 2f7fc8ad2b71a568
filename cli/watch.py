"""`im event watch` and `im subscriber watch`: events as their outcomes change."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli.run import Format, FormatOption, check_not_empty, meant, put, say, warn, with_gateway

if TYPE_CHECKING:
    from cli.render_watch import ChangeLines, LiveTable
    from domain.pauses import Pause
    from service.changes import EventChange, Watch
    from service.gateway import Gateway

HEALTH_EVERY_SECONDS = 2.0
DRAW_EVERY_SECONDS = 0.2  # drawing the table takes some hundredths of a second: less often than changes may come
AWAY_EVERY_SECONDS = 1.0  # between two looks at whether Temporal is away, when nothing changes

Show = Callable[["EventChange"], None]

Type = Annotated[str | None, typer.Option("--type", metavar="PATTERN", help="Only this type, or types that match.")]
Incident = Annotated[str | None, typer.Option("--incident", metavar="ID", help="Only of this incident.")]
Failed = Annotated[bool, typer.Option("--failed", help="Only what failed for good.")]


def watch_events(
    *,
    event_type: Type = None,
    subscriber: Annotated[str | None, typer.Option("--subscriber", metavar="NAME", help="Only of this one.")] = None,
    incident: Incident = None,
    failed: Failed = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Watch events come and go, until Ctrl-C.

    A table that changes in a terminal, a line for each change elsewhere, and a JSON object a line with --format json.
    """
    _watch(event_type, subscriber, incident, failed=failed, output=output)


def watch_subscriber(
    name: Annotated[str, typer.Argument(help="The subscriber's name.", metavar="NAME", show_default=False)],
    *,
    event_type: Type = None,
    incident: Incident = None,
    failed: Failed = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Watch one subscriber's events, until Ctrl-C."""
    _watch(event_type, name, incident, failed=failed, output=output)


def _watch(
    event_type: str | None, subscriber: str | None, incident: str | None, *, failed: bool, output: Format
) -> None:
    from domain.incidents import incident_named  # noqa: PLC0415 - heavy
    from service.changes import Watch  # noqa: PLC0415 - heavy

    check_not_empty({"--type": event_type, "--incident": incident, "--subscriber": subscriber})
    watch = Watch(
        type=event_type,
        subscriber=subscriber,
        incident=incident_named(incident),
        failed=failed,
    )
    check_type(event_type)
    try:
        with_gateway(lambda im: _follow(im, watch.checked(), output))
    except KeyboardInterrupt:
        return


def check_type(event_type: str | None) -> None:
    """Refuse what is no pattern, and warn of a type that no event has and that is close to one that events have."""
    from domain.event_types import EMITTED_TYPES  # noqa: PLC0415 - heavy
    from domain.patterns import check_patterns, misread  # noqa: PLC0415 - heavy

    if event_type is not None:
        meant("--type", lambda text: check_patterns([text]), event_type)
    if warning := misread(event_type, list(EMITTED_TYPES)):
        warn(warning)


async def _follow(im: "Gateway", watch: "Watch", output: Format) -> None:
    from domain.incidents import own_form  # noqa: PLC0415 - heavy
    from service.filter_checks import check_watched  # noqa: PLC0415 - heavy

    await check_watched(im, watch.subscriber, watch.incident)
    if watch.incident and not own_form(watch.incident):
        warn(f"{watch.incident!r} is no incident of im; watching for events of publishers with that imincidentid")
    async with im.follower.listening(watch, here=True) as listener:
        say("watching; Ctrl-C ends it")
        async with _shown(im, watch, output) as show:
            away = None
            while True:
                told = await listener.next(AWAY_EVERY_SECONDS)
                if (im.follower.away is None) != (away is None):
                    away = im.follower.away
                    say(f"{away}; it goes on here when that is back" if away else "Temporal is back; it goes on")
                if told and told.change:
                    show(told.change)
                    await asyncio.sleep(0)  # many may wait: what goes on beside has its turn, and so has Ctrl-C
                elif told:
                    say(told.reason or told.kind)
                    if told.kind == "end":
                        return


@asynccontextmanager
async def _shown(im: "Gateway", watch: "Watch", output: Format) -> AsyncIterator[Show]:
    """Where changes are shown: in a table if a person looks, else on lines of their own."""
    from cli.render_watch import ChangeLines, LiveTable  # noqa: PLC0415 - heavy

    if output is Format.JSON or not sys.stdout.isatty():
        async with _beside(_tell_standing(im, watch.subscriber) if watch.subscriber else asyncio.sleep(0)):
            if output is Format.JSON:
                yield lambda change: put(json.dumps(json.loads(change.model_dump_json())))
            else:
                yield partial(_put_line, ChangeLines(watch.subscriber))
    else:
        with LiveTable(watch.subscriber) as table:
            async with _beside(_draw(table)), _beside(_refresh(im, watch, table.tell_health, table.refresh)):
                yield table.show


def _put_line(lines: "ChangeLines", change: "EventChange") -> None:
    if line := lines.line(change, datetime.now(UTC)):
        put(line)


@asynccontextmanager
async def _beside(work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    """Do something else for the duration of a block."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def _tell_standing(im: "Gateway", name: str) -> None:
    """Say when the subscriber is paused or disabled, and when it no longer is, where no table shows it."""
    from cli.render_watch import pause_line  # noqa: PLC0415 - heavy
    from domain.errors import ImError  # noqa: PLC0415 - heavy
    from service.filter_checks import disabled  # noqa: PLC0415 - heavy

    known: tuple[bool, Pause | None] = (True, None)
    while True:
        try:
            found = await im.subscribers.get(name)
            if (found.enabled, found.paused) != known:
                if not found.enabled:
                    say(disabled(name))
                else:
                    line = pause_line(await im.health.get(name)) or "nothing waits"
                    over = "" if found.paused else "not paused any more; " if known[0] else "enabled again; "
                    say(f"{name}: {over}{line}")
                known = found.enabled, found.paused
        except ImError:  # that Temporal is away is said once, for everything
            pass
        await asyncio.sleep(HEALTH_EVERY_SECONDS)


async def _draw(table: "LiveTable") -> None:
    """Keep the changes in the table, while they come."""
    while True:
        table.draw_news()
        await asyncio.sleep(DRAW_EVERY_SECONDS)


async def _refresh(
    im: "Gateway", watch: "Watch", tell_health: Callable[[str], None], refresh: Callable[[], None]
) -> None:
    """Keep the ages in the table true, and the health of the subscriber above it."""
    from cli.render_watch import health_line  # noqa: PLC0415 - heavy
    from domain.errors import ImError  # noqa: PLC0415 - heavy

    while True:
        if watch.subscriber is not None:
            try:
                tell_health(health_line(await im.health.get(watch.subscriber)))
            except ImError as error:
                tell_health(str(error))
        refresh()
        await asyncio.sleep(HEALTH_EVERY_SECONDS)
