"""`im verify`: checks the signatures of a captured request, and explains what is wrong. Needs no server."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render
from cli.event_emit import read_bytes
from cli.run import Format, FormatOption, duration, moment, write
from cli.secrets import STDIN, SecretEnv, SecretFrom, required_secret

if TYPE_CHECKING:
    from domain.captures import Capture
    from domain.verification import Verification


def verify(
    request: Annotated[
        str | None,
        typer.Argument(metavar="[FILE|-]", help="The request as it arrived: headers, an empty line, the body."),
    ] = None,
    *,
    header: Annotated[
        list[str] | None,
        typer.Option("--header", metavar="'NAME: VALUE'", help="A header, beside --body. Repeatable."),
    ] = None,
    body: Annotated[
        str | None, typer.Option("--body", metavar="FILE|-", help="The raw body alone, with --header for the rest.")
    ] = None,
    secret: SecretFrom = None,
    secret_env: SecretEnv = None,
    at: Annotated[
        str | None,
        typer.Option(
            "--at", metavar="WHEN", help="When it arrived: RFC 3339, or 10m for that long ago.  [default: now]"
        ),
    ] = None,
    tolerance: Annotated[
        str, typer.Option("--tolerance", metavar="DURATION", help="How old a request may be, or how far ahead.")
    ] = "5m",
    output: FormatOption = Format.TABLE,
) -> None:
    """Check a captured request's signatures.

    Explains what is wrong. Exit status 0: at least one signature is right and none is wrong.
    """
    now = datetime.now(UTC)
    allowed, arrived = duration("--tolerance", tolerance), now if at is None else moment("--at", at, now)
    _check_source(request, body, header, secret)
    capture = _capture(request, body, header or [])
    from domain.verification import verify as check  # noqa: PLC0415 - heavy

    found = check(capture, required_secret(secret, secret_env), arrived, allowed)
    write(output, found, verification_text(found))
    if not found.verified:
        raise typer.Exit(1)


def verification_text(found: "Verification") -> str:
    """One line a check, what explains it below, and the verdict last."""
    lines = [f"note: {remark}" for remark in found.remarks]
    for check in found.checks:
        lines.append(f"{check.header}: {check.state.upper()}, {check.said}")
        lines += [f"  - {hint}" for hint in check.hints]
    lines.append("verified" if found.verified else "NOT verified")
    return "\n".join(map(render.clean, lines))


def _check_source(request: str | None, body: str | None, header: list[str] | None, secret: str | None) -> None:
    if (request is None) == (body is None):
        raise typer.BadParameter("give the file of a whole request, or --body FILE with --header")
    if request is not None and header:
        raise typer.BadParameter("--header goes with --body; a whole request has its headers in it")
    if body is not None and not header:
        raise typer.BadParameter("--body needs the request's headers: --header 'webhook-signature: ...' and so on")
    if STDIN in {request, body} and secret == STDIN:
        raise typer.BadParameter("standard input cannot be both request and secret; use --secret-env or --secret @FILE")


def _capture(request: str | None, body: str | None, header: list[str]) -> "Capture":
    from domain.captures import Capture, parse_capture, parse_headers  # noqa: PLC0415 - heavy

    if request is not None:
        return parse_capture(read_bytes(request))
    return Capture(headers=parse_headers(header), body=read_bytes(body or ""))
