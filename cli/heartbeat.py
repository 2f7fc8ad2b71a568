"""`im heartbeat`: jobs that must go on beating; silence declares an incident, and the next beat resolves it."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cli import render_heartbeats
from cli.incident import SeverityChoice
from cli.local_api import local_api, say_beat_base
from cli.run import (
    Format,
    FormatOption,
    duration,
    examples,
    make_app,
    meant,
    one_of,
    only_given,
    say,
    warn,
    with_gateway,
    write,
)
from cli.subscriber_options import value_or_none
from domain.timing import in_short

if TYPE_CHECKING:
    from service.heartbeat_views import HeartbeatView

app = make_app("Watch jobs that must go on beating.")

NONE_YET = "no heartbeats yet; add one: im heartbeat add NAME --every 60s"

Name = Annotated[str, typer.Argument(help="The heartbeat's name.", metavar="NAME", show_default=False)]
EVERY = typer.Option("--every", metavar="DURATION", help="How far apart beats come: 1s to 366d.", show_default=False)
GRACE = typer.Option("--grace", metavar="DURATION", help="How much later one may come: 0s to 366d.")
Cluster = Annotated[str | None, typer.Option("--cluster", metavar="NAME", help="Its Zeebe cluster.")]
PingUrl = Annotated[
    str | None,
    typer.Option("--ping-url", metavar="URL", help="Another one, told of every beat (as of healthchecks.io). Sealed."),
]


@app.command(
    epilog=examples(
        "im heartbeat add nightly-backup --every 24h --grace 1h",
        "im heartbeat add canary --every 60s --zeebe-process canary --cluster prod --ping-url https://hc-ping.com/UUID",
    )
)
def add(
    name: Name,
    *,
    every: Annotated[str, EVERY],
    grace: Annotated[str, GRACE] = "30s",
    severity: Annotated[
        SeverityChoice,
        typer.Option("--severity", help="Of the incident that a missed beat declares.", **one_of(SeverityChoice)),
    ] = SeverityChoice.SEV_1,
    zeebe_process: Annotated[
        str | None,
        typer.Option("--zeebe-process", metavar="ID", help="BPMN process whose records are beats; with --cluster."),
    ] = None,
    cluster: Cluster = None,
    ping_url: PingUrl = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Add a heartbeat. Until its first beat it raises no alarm."""
    if (zeebe_process is None) != (cluster is None):
        raise typer.BadParameter("--zeebe-process and --cluster go together")
    from domain.incidents import Severity  # noqa: PLC0415 - heavy

    given: dict[str, Any] = {
        "every": _every(every),
        "grace": _grace(grace),
        "severity": Severity(severity.value),
        "zeebe_process": zeebe_process,
        "cluster": cluster,
        "ping_url": ping_url,
    }
    added = with_gateway(lambda im: im.heartbeats.add(name, **given))
    write(output, added, f"{local_api()}{added.ping_path}")
    row = added.heartbeat
    say(f"added {row.name}: a beat every {in_short(row.every_seconds)}, grace {in_short(row.grace_seconds)}")
    say("the beat URL is a key, and is not shown again")
    say_beat_base()


@app.command(
    epilog=examples(
        "im heartbeat update nightly-backup --every 12h --grace 30m",
        "im heartbeat update canary --no-ping-url",
    )
)
def update(
    name: Name,
    *,
    every: Annotated[str | None, EVERY] = None,
    grace: Annotated[str | None, GRACE] = None,
    severity: Annotated[
        SeverityChoice | None,
        typer.Option("--severity", help="Of incidents that are declared from now on.", **one_of(SeverityChoice)),
    ] = None,
    zeebe_process: Annotated[
        str | None, typer.Option("--zeebe-process", metavar="ID", help="BPMN process whose records are beats.")
    ] = None,
    cluster: Cluster = None,
    no_zeebe_process: Annotated[
        bool, typer.Option("--no-zeebe-process", help="No records are beats any more.")
    ] = False,
    ping_url: PingUrl = None,
    no_ping_url: Annotated[bool, typer.Option("--no-ping-url", help="Tell nobody of beats any more.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Change a heartbeat; what is not given stays.

    Its beat URL, which jobs call, and its status stay as they are in any case.
    """
    if no_zeebe_process and cluster is not None:
        raise typer.BadParameter("--no-zeebe-process drops the cluster too; leave out --cluster")
    from domain.incidents import Severity  # noqa: PLC0415 - heavy

    options = only_given(
        {
            "every": None if every is None else _every(every),
            "grace": None if grace is None else _grace(grace),
            "severity": Severity(severity.value) if severity else None,
            "zeebe_process": value_or_none("zeebe-process", zeebe_process, no_zeebe_process, ""),
            "cluster": "" if no_zeebe_process else cluster,
            "ping_url": value_or_none("ping-url", ping_url, no_ping_url, ""),
        }
    )
    if not options:
        raise typer.BadParameter("nothing to change; see im heartbeat update --help")
    _told("updated", with_gateway(lambda im: im.heartbeats.update(name, **options)), output)


def _every(text: str) -> timedelta:
    from domain.heartbeats import check_times  # noqa: PLC0415 - heavy

    every = duration("--every", text)
    meant("--every", lambda given: check_times(given, timedelta()), every)
    return every


def _grace(text: str) -> timedelta:
    from domain.heartbeats import MIN_EVERY, check_times  # noqa: PLC0415 - heavy

    grace = duration("--grace", text)
    meant("--grace", lambda given: check_times(MIN_EVERY, given), grace)
    return grace


@app.command("list", epilog=examples("im heartbeat list", "im heartbeat list --format json"))
def list_(*, output: FormatOption = Format.TABLE) -> None:
    """List the heartbeats."""
    found = with_gateway(lambda im: im.heartbeats.all())
    write(output, found, render_heartbeats.heartbeat_table(found, datetime.now(UTC)))
    for row in found:
        if row.fault:
            warn(row.fault)
    if not found:
        say(NONE_YET)


@app.command(epilog=examples("im heartbeat show nightly-backup"))
def show(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Show where a heartbeat stands, and its last changes."""
    found = with_gateway(lambda im: im.heartbeats.get(name))
    write(output, found, render_heartbeats.heartbeat_text(found, datetime.now(UTC)))


@app.command(epilog=examples("im heartbeat remove nightly-backup"))
def remove(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Remove a heartbeat. Its open incident, if any, is resolved."""
    _told("removed", with_gateway(lambda im: im.heartbeats.remove(name)), output)


@app.command(epilog=examples("im heartbeat pause nightly-backup"))
def pause(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Expect no beats until it is resumed. Its open incident, if any, is resolved."""
    _told("paused", with_gateway(lambda im: im.heartbeats.pause(name)), output)


@app.command(epilog=examples("im heartbeat resume nightly-backup"))
def resume(name: Name, *, output: FormatOption = Format.TABLE) -> None:
    """Expect beats again, counted from now."""
    _told("resumed", with_gateway(lambda im: im.heartbeats.resume(name)), output)


def _told(verb: str, row: "HeartbeatView", output: Format) -> None:
    if output is Format.JSON:
        write(output, row, "")
    say(f"{verb} {row.name}")
