"""Secrets for commands that only check: from the environment, standard input, a file or a prompt, never an argument."""

import os
import sys
from typing import Annotated

import typer

from cli.run import typed_secret

VARIABLE = "WEBHOOK_SECRET"
STDIN = "-"

SecretFrom = Annotated[
    str | None,
    typer.Option(
        "--secret",
        metavar="-|@FILE",
        help=f"- reads the secret from standard input, @FILE from a file (default: {VARIABLE}, or a prompt).",
    ),
]
SecretEnv = Annotated[
    str | None, typer.Option("--secret-env", metavar="NAME", help="Environment variable that holds the secret.")
]


def given_secret(secret: str | None, variable: str | None) -> str | None:
    """The secret that the two options name; None where neither was given."""
    if secret is not None and variable is not None:
        raise typer.BadParameter("give --secret or --secret-env, not both")
    if variable is not None:
        if variable not in os.environ:
            raise typer.BadParameter(f"--secret-env: there is no environment variable {variable}")
        return os.environ[variable]
    if secret is None:
        return None
    if secret == STDIN:
        return typed_secret(secret)
    if not secret.startswith("@"):
        raise typer.BadParameter(
            "--secret takes - (standard input) or @FILE: everybody on this machine can read what is on a command line"
        )
    try:
        with open(secret[1:], encoding="utf-8") as file:  # noqa: PTH123 - a Path would take a while to import
            return file.read().removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text"
        raise typer.BadParameter(f"--secret: cannot read {secret[1:]}: {reason}") from None


def required_secret(secret: str | None, variable: str | None) -> str:
    """The same, or that of the environment, or what is typed at a prompt."""
    found = given_secret(secret, variable)
    if found is None:
        found = os.environ.get(VARIABLE)
    if found is None and sys.stdin.isatty():
        found = typed_secret(STDIN)
    if found is None:
        raise typer.BadParameter(
            f"which secret? Set {VARIABLE}, or give --secret-env NAME, --secret - or --secret @FILE"
        )
    return found
