"""`im why`: why a subscriber was or was not told of an event."""

import re
import shlex
from typing import Annotated

import typer

from cli.run import Format, FormatOption, with_gateway, write

_EVENT_ID = re.compile("evt_[0-9a-f-]{36}")  # of those that are made here


def why(
    event: Annotated[str, typer.Argument(help="The event's id.", metavar="EVENT", show_default=False)],
    subscriber: Annotated[
        str, typer.Argument(help="A name; the subscriber may be gone.", metavar="SUBSCRIBER", show_default=False)
    ],
    *,
    source: Annotated[
        str | None, typer.Option("--source", help="The event's source, where several sources use the id.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Say why a subscriber was told, or was not.

    Of one event: what matched, what was tried when and with what answer, and what comes next.
    """
    from cli.render_why import explanation_text  # noqa: PLC0415 - heavy

    if _EVENT_ID.fullmatch(subscriber) and not _EVENT_ID.fullmatch(event):
        raise typer.BadParameter(f"the event comes first: im why {shlex.quote(subscriber)} {shlex.quote(event)}")
    found = with_gateway(lambda im: im.why.explain(event, subscriber, source))
    write(output, found, explanation_text(found))
