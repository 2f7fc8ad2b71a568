"""`im doctor`: what is wrong, and what to do about it."""

from typing import TYPE_CHECKING

import typer

from cli.render import clean
from cli.run import Format, FormatOption, exit_status, with_gateway, write
from domain.errors import ImError, SealingKeyError, SettingsError

if TYPE_CHECKING:
    from domain.checkup import Checkup

_CHECKS: dict[type[ImError], str] = {SettingsError: "settings", SealingKeyError: "keys"}  # else of Temporal


def doctor(*, output: FormatOption = Format.TABLE) -> None:
    """Find what is wrong with the deployment.

    Looks at Temporal, workers, keys, clock, registries, certificates and subscribers. Each finding comes with its
    fix. Exit status: 0 nothing to do, 1 a warning or an error, 3 Temporal is away.
    """
    from domain.checkup import Checkup, Level, from_error  # noqa: PLC0415 - heavy

    try:
        found, status = with_gateway(lambda im: im.doctor.check()), 0
    except ImError as error:
        check = next((name for kind, name in _CHECKS.items() if isinstance(error, kind)), "temporal")
        found, status = Checkup(findings=[from_error(check, error)]), exit_status(error)
    write(output, found, checkup_text(found))
    if status or found.worst in {Level.WARNING, Level.ERROR}:
        raise typer.Exit(status or 1)


def checkup_text(found: "Checkup") -> str:
    """One line a finding, the fix of what is wrong beneath it, and at last how many there are."""
    lines = []
    for each in found.findings:
        lines.append(clean(f"{each.level:<8} {each.check}: {each.message}"))
        if each.fix:
            lines.append(clean(f"{'':<8} -> {each.fix}"))
    return "\n".join([*lines, found.summary])
