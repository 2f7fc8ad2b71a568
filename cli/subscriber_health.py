"""`im subscriber health`: how deliveries go."""

from datetime import UTC, datetime
from typing import Annotated

import typer

from cli.render_subscribers import health_table
from cli.run import Format, FormatOption, say, with_gateway, write

NONE_YET = "no subscribers yet; add one: im subscriber add --name NAME --url URL"


def health(
    name: Annotated[str | None, typer.Argument(help="Only this subscriber.", metavar="[NAME]")] = None,
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show how deliveries go. JSON has more, such as the last success and response times.

    FAILED counts deliveries given up; LAST_DELIVERED is when the last one ended, delivered or given up. While
    somebody fails there are also RETRYING, the deliveries that wait for a retry, and FAILING, the requests that
    failed since the last success.
    """
    now = datetime.now(UTC)
    if name is None:
        rows = with_gateway(lambda im: im.health.all())
        write(output, rows, health_table(rows, now))
        if not rows:
            say(NONE_YET)
    else:
        row = with_gateway(lambda im: im.health.get(name))
        write(output, row, health_table([row], now))
