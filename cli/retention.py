"""`im retention`: how long things that have ended are kept."""

from typing import TYPE_CHECKING, Annotated

import typer

from cli.run import Format, FormatOption, duration, examples, make_app, say, with_gateway, write

if TYPE_CHECKING:  # for annotations alone
    from domain.retention import Retention

app = make_app("See and set how long is kept what has ended.")
app.info.no_args_is_help = False


@app.callback(invoke_without_command=True, epilog=examples("im retention", "im retention set 14d"))
def retention(context: typer.Context, *, output: FormatOption = Format.TABLE) -> None:
    """Show how long events, incidents and replays are kept after they ended."""
    if context.invoked_subcommand is None:
        found = with_gateway(lambda im: im.retention.get())
        write(output, found, found.retention)
        say(_meaning(found))


@app.command("set", epilog=examples("im retention set 14d"))
def set_(
    time: Annotated[str, typer.Argument(metavar="TIME", help="1d to 365d.", show_default=False)],
    *,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change it, for what ends from now on. It is a setting of Temporal's namespace; longer costs space there."""
    wanted = duration("TIME", time)
    found = with_gateway(lambda im: im.retention.set(wanted))
    if output is Format.JSON:
        write(output, found, "")
    say(f"kept for {found.retention} from now on; what has ended keeps the time that it was given")


def _meaning(found: "Retention") -> str:
    return (
        f"events can be listed, shown and sent again for {found.retention} after their deliveries ended, and closed "
        f"incidents shown (namespace {found.namespace})"
    )
