"""`im subscriber health`: how deliveries go."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli.render_subscribers import health_table
from cli.run import Format, FormatOption, say, warn, with_gateway, write

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from domain.health import Health

NONE_YET = "no subscribers yet; add one: im subscriber add --name NAME --url URL"


def health(
    name: Annotated[str | None, typer.Argument(help="Only this subscriber.", metavar="[NAME]")] = None,
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show how deliveries go. JSON has more, such as the last success and response times.

    What Temporal takes over 3 s to count reads "not counted" (null, with the reason in not_counted).

    FAILED counts deliveries given up; LAST_DELIVERED is when the last one ended, delivered or given up. While
    somebody fails there are also RETRYING, the deliveries that wait for a retry, and FAILING, the requests that
    failed since the last success. IN_LINE is what waits for its turn behind earlier events of the same incident or
    alarm, where a subscriber is told of them in order.
    """
    now = datetime.now(UTC)
    if name is None:
        rows = with_gateway(lambda im: im.health.all())
        write(output, rows, health_table(rows, now))
        say_what_is_missing(rows)
        if not rows:
            say(NONE_YET)
    else:
        row = with_gateway(lambda im: im.health.get(name))
        write(output, row, health_table([row], now))
        say_what_is_missing([row])


def say_what_is_missing(rows: "Sequence[Health]") -> None:
    """Say of how many it is not known what waits, and what to do about it; nothing where all is known."""
    from domain.uncounted import in_words  # noqa: PLC0415 - heavy

    if told := in_words(rows):
        alone = "" if len(rows) == 1 else ", or for one: im subscriber health NAME"
        warn(f"{told}. The rest is as it is. Ask again in a moment{alone}")
