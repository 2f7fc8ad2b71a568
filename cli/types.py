"""`im types`: the event types that the platform emits, their schemas and examples. Needs no server."""

from typing import Annotated

import typer

from cli import render
from cli.groups import Group
from cli.run import Format, FormatOption, examples, put, write

app = typer.Typer(
    cls=Group,
    help="The event types that im emits, their schemas and examples.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback(invoke_without_command=True, epilog=examples("im types", "im types show im.incident.declared.v1"))
def list_(context: typer.Context, *, output: FormatOption = Format.TABLE) -> None:
    """List the event types that im emits; show has the schema of one. Needs no server."""
    if context.invoked_subcommand is not None:
        return
    from domain.event_types import EMITTED_TYPES  # noqa: PLC0415 - heavy

    rows = [{"type": name, "description": text} for name, text in EMITTED_TYPES.items()]
    write(output, rows, render.table(("TYPE", "DESCRIPTION"), EMITTED_TYPES.items()))


@app.command(epilog=examples("im types show im.incident.declared.v1", "im types show im.alarm.raised.v1 --format json"))
def show(
    event_type: Annotated[str, typer.Argument(help="The type.", metavar="TYPE", show_default=False)],
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show a type's JSON Schema and an example; JSON is the schema alone, for a validator."""
    from service.event_schemas import event_schema  # noqa: PLC0415 - heavy

    schema = dict(event_schema(event_type))
    if output is Format.JSON:
        put(render.json_text(schema))
        return
    found = schema.pop("examples")
    put(render.clean(schema["description"]))
    for heading, value in (("Example:", found[0]), ("Schema:", schema)):
        put(f"\n{heading}\n{render.json_text(value)}")
