"""`im replay`: sends events again in bulk, and watches that."""

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render_replays
from cli.patience import Patience
from cli.run import Format, FormatOption, Limit, examples, make_app, meant, moment, say, warn, with_gateway, write
from domain.errors import InvalidInputError

if TYPE_CHECKING:  # for annotations alone: --help must not wait for pydantic
    from service.gateway import Gateway
    from service.replay_views import ReplayOptions, ReplayView

WATCH_SECONDS = 0.5

app = make_app("Send events again, in bulk.")

Id = Annotated[str, typer.Argument(help="The replay's id.", metavar="ID", show_default=False)]


@app.callback(
    invoke_without_command=True,
    epilog=examples(
        "im replay --subscriber billing --failed-only --since 6h",
        "im replay --subscriber billing --undelivered --dry-run",
        "im replay --subscriber billing --types 'im.incident.**' --dry-run",
        "im replay --to new-billing --rate 50/s",
    ),
)
def replay(
    context: typer.Context,
    *,
    subscriber: Annotated[
        str | None, typer.Option("--subscriber", metavar="NAME", help="Whose events: all retained ones that it wants.")
    ] = None,
    to: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="NAME",
            help="Send them to this one; alone: all that it wants. With --subscriber: all it got.",
        ),
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only since 15m, 1h, 5d ago, or an RFC 3339 time.")
    ] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Only before, likewise.  [default: now]")
    ] = None,
    types: Annotated[
        str | None, typer.Option("--types", metavar="PATTERNS", help="Only these types, separated by commas.")
    ] = None,
    failed_only: Annotated[
        bool, typer.Option("--failed-only", help="Only what failed for good and has not arrived since.")
    ] = False,
    undelivered: Annotated[
        bool,
        typer.Option(
            "--undelivered",
            help="What failed for good or was cancelled (it was disabled or removed, or what waited was dropped), and "
            "has not arrived since.",
        ),
    ] = False,
    rate: Annotated[str, typer.Option("--rate", metavar="N/s|N/m", help="How fast, 0.1/s to 1000/s.")] = "10/s",
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Count what would be sent; send nothing.")] = False,
    detach: Annotated[bool, typer.Option("--detach", help="Print the id and leave it to itself.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Send retained events again to one subscriber, under their own ids, each once.

    It runs in Temporal, whatever becomes of this terminal. Its requests carry the header Im-Replay.
    """
    if context.invoked_subcommand is not None:
        return
    from domain.patterns import parse_patterns  # noqa: PLC0415 - heavy
    from service.replay_views import ReplayOptions  # noqa: PLC0415 - heavy

    now = datetime.now(UTC)
    after, before = moment("--since", since, now) if since else None, moment("--until", until, now) if until else None
    if after and after >= min(before or now, now):
        raise typer.BadParameter("--since is not before --until: no time lies between them")
    options = ReplayOptions(
        subscriber=subscriber,
        to=to,
        since=after,
        until=before,
        types=list(meant("--types", parse_patterns, types)) if types is not None else None,
        failed_only=failed_only,
        undelivered=undelivered,
        rate=rate,
    )
    _check(options)
    if dry_run:
        _survey(options, output)
    else:
        _start(options, output, detach=detach)


@app.command("list", epilog=examples("im replay list", "im replay list --format json"))
def list_(
    *,
    limit: Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List replays, the latest first."""
    found = with_gateway(lambda im: im.replays.find(limit=limit))
    write(output, found.rows[:limit], render_replays.replay_table(found.rows[:limit], datetime.now(UTC)))
    if not found.rows:
        say("no replays yet; start one: im replay --subscriber NAME --failed-only")


@app.command(epilog=examples("im replay show rpl_3f9c2a7b10de", "im replay show rpl_3f9c2a7b10de --follow"))
def show(
    replay: Id,
    *,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Watch it to its end.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Show how far a replay has come, and what became of what it sent."""
    found = with_gateway(lambda im: _watched(im, replay) if follow else im.replays.get(replay))
    write(output, found, render_replays.replay_text(found))
    if follow:
        _tell_open(found)


@app.command(epilog=examples("im replay cancel rpl_3f9c2a7b10de"))
def cancel(replay: Id, *, output: FormatOption = Format.TABLE) -> None:
    """Stop a replay, within two seconds or twenty events. What it has sent is delivered all the same."""
    found = with_gateway(lambda im: im.replays.cancel(replay))
    if output is Format.JSON:
        write(output, found, "")
    say(render_replays.outcome(found))
    _tell_open(found)


def _tell_open(found: "ReplayView") -> None:
    if told := render_replays.look_again(found):
        say(told)


def _check(options: "ReplayOptions") -> None:
    """Raise `typer.BadParameter` for options that contradict each other or need another; warn of types mistaken."""
    from service.replay_views import check_options, doubts_of  # noqa: PLC0415 - heavy

    try:
        check_options(options)
    except InvalidInputError as error:
        raise typer.BadParameter(f"{error}. {error.advice}".removesuffix(". ")) from None
    for warning in doubts_of(options):
        warn(warning)


def _survey(options: "ReplayOptions", output: Format) -> None:
    found = with_gateway(lambda im: im.replays.survey(options))
    write(output, found, render_replays.survey_text(found, options))
    if not found.matched:
        say(render_replays.nothing(options, found.skipped))
    if found.held:
        say(f"not now: {found.held}")


def _start(options: "ReplayOptions", output: Format, *, detach: bool) -> None:
    async def started(im: "Gateway") -> "ReplayView":
        begun = await im.replays.start(options)
        if detach or begun.ended_at is not None:
            return begun
        say(f"replay {begun.id}: it goes on without this terminal (im replay show {begun.id}, im replay cancel ...)")
        return await _watched(im, begun.id)

    found = with_gateway(started)
    if found.stage == "done" and not found.matched:
        say(render_replays.nothing(options, found.skipped))
    write(output, found, found.id if detach else render_replays.replay_text(found))
    _tell_open(found)
    if found.stage == "stopped":
        raise typer.Exit(1)


async def _watched(im: "Gateway", replay_id: str) -> "ReplayView":
    """Show progress on standard error until the replay has ended."""
    patience = Patience()
    with render_replays.Progress() as progress:
        while True:
            with patience.bearing():
                found = await im.replays.get(replay_id)
                progress.show(found)
                if found.ended_at is not None:
                    return found
            await asyncio.sleep(WATCH_SECONDS)
