"""`im event watch` and `im subscriber watch`: events as their outcomes change."""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import Format, FormatOption, incident_id, put, say, with_gateway

if TYPE_CHECKING:
    from service.changes import EventChange, Watch
    from service.gateway import Gateway

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
    from service.changes import Watch  # noqa: PLC0415 - heavy

    watch = Watch(
        type=event_type,
        subscriber=subscriber,
        incident=incident_id(incident) if incident else None,
        failed=failed,
    )
    try:
        with_gateway(lambda im: _follow(im, watch.checked(), output))
    except KeyboardInterrupt:
        return


async def _follow(im: "Gateway", watch: "Watch", output: Format) -> None:
    if watch.subscriber is not None:
        await im.subscribers.get(watch.subscriber)  # a name that is not there would be watched forever
    async with im.follower.listening(watch) as listener:
        say("watching; Ctrl-C ends it")
        async with _shown(im, watch, output) as show:
            while True:
                told = await listener.next()
                if told is None:
                    continue
                if told.change is None:
                    break
                show(told.change)
        say(told.reason or told.kind)


@asynccontextmanager
async def _shown(im: "Gateway", watch: "Watch", output: Format) -> AsyncIterator[Show]:
    """Where changes are shown: in a table if a person looks, else on lines of their own."""
    from cli.render_watch import LiveTable, change_line  # noqa: PLC0415 - heavy

    if output is Format.JSON:
        yield lambda change: put(json.dumps(json.loads(change.model_dump_json())))
    elif not sys.stdout.isatty():
        yield lambda change: put(change_line(change, watch.subscriber, datetime.now(UTC)))
    else:
        with LiveTable(watch.subscriber) as table:
            beating = asyncio.create_task(_refresh(im, watch, table.tell_health, table.refresh))
            try:
                yield table.show
            finally:
                beating.cancel()


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
        await asyncio.sleep(2)
