"""`im export` and `im import`: the configuration as a document."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli.local_api import local_api, say_beat_base
from cli.render import clean, json_text
from cli.run import Format, FormatOption, put, say, with_gateway, write

if TYPE_CHECKING:
    from domain.configuration import ImportReport, ImportRow


def export(
    *,
    without_secrets: Annotated[
        bool, typer.Option("--without-secrets", help="Leave out every secret, and the hashes of clusters' tokens.")
    ] = False,
) -> None:
    """Write the configuration as JSON to standard output.

    That is every subscriber (with its pause; without those of im listen), HTTP client, Zeebe cluster and heartbeat.
    API tokens are not in it. Secrets are sealed: they open only with the keys of this deployment (IM_SECRET_KEYS).
    """
    found = with_gateway(lambda im: im.configuration.export(with_secrets=not without_secrets))
    put(json_text(found.model_dump(mode="json")))


def import_(
    file: Annotated[str, typer.Argument(help="What im export wrote; - for standard input.", metavar="FILE")],
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what would change, and change nothing.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make everything that FILE names as FILE has it.

    What it does not name stays. Each entry is stored whole or refused, and the others go on; importing again is
    safe. A document whose secrets were sealed with another key is refused before anything is changed. Exit status 1
    when an entry was refused.
    """
    body = _read(file)
    from domain.configuration import parse_configuration  # noqa: PLC0415 - heavy

    document = parse_configuration(body)
    report = with_gateway(lambda im: im.configuration.load(document, dry_run=dry_run))
    write(output, report, import_text(report))
    counts = ", ".join(f"{_count(report, action)} {word}" for action, word in _WORDS.items())
    say(f"{'would be: ' if dry_run else ''}{counts}")
    if _count(report, "add"):
        say("API tokens are in no document; those that lack here: im token create NAME --scope ...")
    if any(row.ping_path for row in report.rows):
        say_beat_base()
    if report.refused:
        raise typer.Exit(1)


_WORDS = {"add": "added", "change": "changed", "same": "the same", "refuse": "refused"}
_SIGNS = {"add": "+", "change": "~", "same": "=", "refuse": "!"}


def import_text(report: "ImportReport") -> str:
    """One line an entry, and beneath it what is different."""
    return "\n".join(line for row in report.rows for line in _row_lines(row))


def _row_lines(row: "ImportRow") -> list[str]:
    lines = [f"{_SIGNS[row.action]} {row.entry}" + (f": {row.note}" if row.note else "")]
    lines += [f"    {change}" for change in row.changes]
    if row.ping_path:
        lines.append(f"    new beat URL, shown this once: {local_api()}{row.ping_path}")
    return [clean(line) for line in lines]


def _count(report: "ImportReport", action: str) -> int:
    return sum(1 for row in report.rows if row.action == action)


def _read(file: str) -> bytes:
    from domain.configuration import MAX_DOCUMENT_BYTES  # noqa: PLC0415 - heavy

    try:
        if file == "-":
            return sys.stdin.buffer.read(MAX_DOCUMENT_BYTES)
        if Path(file).stat().st_size > MAX_DOCUMENT_BYTES:
            raise typer.BadParameter(f"{file} is larger than any configuration ({MAX_DOCUMENT_BYTES} bytes)")
        return Path(file).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror}") from None
