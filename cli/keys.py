"""`im keys`: which keys seal secrets, and how to change them. Key material is never shown."""

from typing import TYPE_CHECKING

import typer

from cli.render import NONE, table, yes_no
from cli.run import Format, FormatOption, examples, make_app, say, warn, with_gateway, write

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from domain.keys import KeyReport, KeyRow

app = make_app("See which keys secrets are sealed with, and rotate them.")


@app.command("list", epilog=examples("im keys list", "im keys list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the keys by id, and what needs them.

    Which one seals new values, how many workers hold it, how many sealed values need it.
    """
    report = with_gateway(lambda im: im.keys.report())
    write(output, report, _key_table(report))
    for process in report.silent:
        warn(f"the worker {process} does not tell which keys it has: upgrade it")
    for line in report.advice:
        say(f"next: {line}")


@app.command(epilog=examples("im keys rotate", "IM_SECRET_KEYS=k2:...,k1:... im keys rotate"))
def rotate(*, output: FormatOption = Format.TABLE) -> None:
    """Seal every secret anew with the newest key.

    With IM_SECRET_KEYS: first put the new key in front on every process (and here), then rotate, then take the old one
    out; this command checks each step and says what is next. With a key file (im dev), the new key is made and added.
    """
    done = with_gateway(lambda im: im.keys.rotate())
    if output is Format.JSON:
        write(output, done, "")
    if done.added:
        say(f"made key {done.key} and added it to the key file")
    if done.resealed or done.added or done.lost:
        say(f"{done.resealed} value{'' if done.resealed == 1 else 's'} sealed anew with {done.key}")
    else:
        say(f"nothing to do: everything is sealed with {done.key}, the first of IM_SECRET_KEYS")
    for line in done.advice:
        say(f"next: {line}")
    if done.lost:
        raise typer.Exit(1)


def _key_table(report: "KeyReport") -> str:
    def cells(row: "KeyRow") -> tuple[object, ...]:
        return (
            row.key,
            "seals" if row.seals else "opens" if row.here else NONE,
            yes_no(row.here),
            _held(row),
            row.values,
        )

    def _held(row: "KeyRow") -> str:
        return f"{row.workers} of {report.workers}"

    return table(("KEY", "USE", "HERE", "WORKERS", "VALUES"), map(cells, report.keys))
