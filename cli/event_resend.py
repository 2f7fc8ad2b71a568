"""`im event resend`."""

from typing import Annotated

import typer

from cli.render import clean
from cli.run import Format, FormatOption, say, with_gateway, write

Id = Annotated[str, typer.Argument(help="The event's id.", metavar="ID", show_default=False)]
Source = Annotated[str | None, typer.Option("--source", help="Its source, where several sources use the id.")]


def resend(
    event: Id,
    *,
    subscriber: Annotated[str | None, typer.Option("--subscriber", metavar="NAME", help="To this one only.")] = None,
    source: Source = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Deliver an event afresh, under the same id; prints the id."""
    resent = with_gateway(lambda im: im.events.resend(event, subscriber, source=source))
    write(output, resent, clean(resent.event_id))
    for warning in resent.warnings:
        say(warning)
