"""`im subscriber match`: what patterns match."""

from typing import Annotated

import typer

from cli import render
from cli.run import Format, FormatOption, meant, warn, write


def match(
    patterns: Annotated[list[str], typer.Argument(help="Patterns, as --types takes them.", show_default=False)],
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show which known event types patterns match. Needs no server. Quote patterns, or the shell expands them."""
    from domain.event_types import KNOWN_TYPES  # noqa: PLC0415 - heavy
    from domain.operational import asks_for  # noqa: PLC0415 - heavy
    from domain.patterns import advise, parse_patterns  # noqa: PLC0415 - heavy

    wanted = meant("PATTERNS", parse_patterns, ",".join(patterns))
    rows = [
        {"type": known, "matches": asks_for(wanted, known), "description": description}
        for known, description in KNOWN_TYPES.items()
    ]
    cells = ((row["type"], render.yes_no(bool(row["matches"])), row["description"]) for row in rows)
    write(output, rows, render.table(("TYPE", "MATCHES", "DESCRIPTION"), cells))
    for warning in advise(wanted, list(KNOWN_TYPES)):
        warn(warning)
