"""`im token`: who may use the API, and for what."""

from datetime import UTC, datetime, timedelta
from typing import Annotated

import typer

from cli import render, render_tokens
from cli.run import Format, FormatOption, duration, examples, make_app, meant, say, warn, with_gateway, write
from domain.timing import in_short

SOON = timedelta(hours=1)  # who means to replace a token so often seldom does it by hand

app = make_app("Say who may use the API, and for what.")

Name = Annotated[str, typer.Argument(help="The token's name.", metavar="NAME", show_default=False)]
Scopes = Annotated[
    list[str] | None,
    typer.Option(
        "--scope",
        metavar="read|publish|manage|ingest:CLUSTER",
        help="What it may do, separated by commas; none includes another. Repeatable.",
    ),
]
Expires = Annotated[
    str | None,
    typer.Option("--expires", metavar="DURATION", help="When it stops counting, from now: 12h, 90d. Default: never."),
]
RateLimit = Annotated[
    str | None,
    typer.Option(
        "--rate-limit",
        metavar="N/s|N/m|N/h",
        help="Requests to each process that serves the API; as many may come at once. Default: any number.",
    ),
]


@app.command(
    epilog=examples(
        "im token create ci --scope publish --expires 90d > token.txt",
        "im token create dashboard --scope read --rate-limit 10/s",
        "im token create exporters --scope ingest:prod --scope ingest:staging",
    )
)
def create(
    name: Name,
    *,
    scope: Scopes = None,
    expires: Expires = None,
    rate_limit: RateLimit = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Make a token and print it, this once. It counts as soon as it is printed."""
    if not scope:
        raise typer.BadParameter("say what it may do: --scope read, publish, manage or ingest:CLUSTER; repeatable")
    from domain.rates import parse_rate  # noqa: PLC0415 - heavy
    from domain.tokens import parse_scopes  # noqa: PLC0415 - heavy

    scope = ",".join(scope).split(",")
    meant("--scope", parse_scopes, scope)
    if rate_limit is not None:
        meant("--rate-limit", parse_rate, rate_limit)
    lifetime = duration("--expires", expires) if expires is not None else None
    made = with_gateway(lambda im: im.tokens.create(name, scope, expires=lifetime, rate_limit=rate_limit))
    write(output, made, made.token)
    details = made.details
    until = f"until {render.when(details.expires_at)}" if details.expires_at else "until it is revoked"
    rate = f", {details.rate_limit} to each process" if details.rate_limit else ""
    say(f"created {details.name}: {', '.join(details.scopes)}{rate}, {until}")
    say("the token is not shown again; keep it now")
    if lifetime is not None and lifetime < SOON:
        warn(f"it counts for {in_short(int(lifetime.total_seconds()))} only; days are written as --expires 90d")


@app.command("list", epilog=examples("im token list", "im token list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the tokens; not the tokens themselves, of which only a hash is kept. IM_API_TOKEN is none of them."""
    found = with_gateway(lambda im: im.tokens.all())
    write(output, found, render_tokens.token_table(found, datetime.now(UTC)))
    if not found:
        say("no tokens yet; make one: im token create NAME --scope read")


@app.command(epilog=examples("im token revoke ci"))
def revoke(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Revoke a token. Every process refuses it as soon as this is done; its name is free again."""
    revoked = with_gateway(lambda im: im.tokens.revoke(name))
    if output is Format.JSON:
        write(output, revoked, "")
    say(f"revoked {revoked.name}")
