"""`im incident`: declare incidents and lead them to their end; each step is told to the subscribers."""

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render_incidents
from cli.run import Format, FormatOption, Limit, examples, incident_id, make_app, one_of, say, warn, with_gateway, write

if TYPE_CHECKING:
    from domain.incidents import Incident

app = make_app("Declare incidents and lead them to their end.")


class SeverityChoice(StrEnum):
    """`domain.incidents.Severity`, which takes pydantic to import; a test compares both."""

    SEV_1 = "SEV-1"
    SEV_2 = "SEV-2"
    SEV_3 = "SEV-3"
    SEV_4 = "SEV-4"


class StatusChoice(StrEnum):
    """`domain.incidents.Status`, likewise."""

    DECLARED = "declared"
    ACKNOWLEDGED = "acknowledged"
    MITIGATED = "mitigated"
    RESOLVED = "resolved"
    CLOSED = "closed"


Id = Annotated[str, typer.Argument(help="INC-7, or just 7.", metavar="ID", show_default=False)]
Actor = Annotated[str, typer.Option("--actor", envvar="USER", help="Who does it.")]
Note = Annotated[str | None, typer.Option("--note", help="A word for the timeline.")]

UNPUBLISHED = (
    "event publishing is off in the server, so no event was emitted; start it with ENABLE_EVENT_PUBLISHING=true"
)


@app.command(epilog=examples("im incident declare --title 'API latency spike' --severity SEV-2"))
def declare(
    *,
    title: Annotated[str, typer.Option("--title", help="What is wrong, in one line.", show_default=False)],
    severity: Annotated[
        SeverityChoice,
        typer.Option("--severity", help="SEV-1 is the worst.", show_default=False, **one_of(SeverityChoice)),
    ],
    actor: Actor = "unknown",
    idempotency_key: Annotated[
        str | None, typer.Option("--idempotency-key", help="The same key again declares no second incident.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Declare an incident."""
    from domain.incidents import Declaration, Severity  # noqa: PLC0415 - heavy

    declaration = Declaration(title=title, severity=Severity(severity.value), actor=actor)
    _told(with_gateway(lambda im: im.incidents.declare(declaration, idempotency_key)), output)


@app.command(epilog=examples("im incident acknowledge 7"))
def acknowledge(
    incident: Id, *, actor: Actor = "unknown", note: Note = None, output: FormatOption = Format.TABLE
) -> None:
    """Say that someone is on it."""
    _change(incident, "acknowledge", actor, note, output)


@app.command(epilog=examples("im incident mitigate 7 --note 'traffic moved to eu-2'"))
def mitigate(incident: Id, *, actor: Actor = "unknown", note: Note = None, output: FormatOption = Format.TABLE) -> None:
    """Say that the impact is contained."""
    _change(incident, "mitigate", actor, note, output)


@app.command(epilog=examples("im incident resolve 7"))
def resolve(incident: Id, *, actor: Actor = "unknown", note: Note = None, output: FormatOption = Format.TABLE) -> None:
    """Say that it is over."""
    _change(incident, "resolve", actor, note, output)


@app.command(epilog=examples("im incident close 7"))
def close(incident: Id, *, actor: Actor = "unknown", note: Note = None, output: FormatOption = Format.TABLE) -> None:
    """Close a resolved incident; nothing can be added afterwards."""
    _change(incident, "close", actor, note, output)


@app.command(epilog=examples("im incident note 7 'vendor confirms the outage'"))
def note(
    incident: Id,
    text: Annotated[str, typer.Argument(help="What to note.", metavar="TEXT", show_default=False)],
    *,
    actor: Actor = "unknown",
    output: FormatOption = Format.TABLE,
) -> None:
    """Add a note to the timeline."""
    _change(incident, "note", actor, text, output)


@app.command("list", epilog=examples("im incident list --status declared"))
def list_(
    *,
    status: Annotated[
        StatusChoice | None, typer.Option("--status", help="Only incidents in this status.", **one_of(StatusChoice))
    ] = None,
    limit: Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List incidents, the latest first."""
    found = with_gateway(lambda im: im.incidents.find(status=status.value if status else None, limit=limit))
    write(output, found.rows, render_incidents.incident_table(found.rows))
    if not found.rows:
        no_others = "no incidents yet; declare one: im incident declare --title TITLE --severity SEV-2"
        say(f"no incident is {status}; all of them: im incident list" if status else no_others)


@app.command(epilog=examples("im incident show 7", "im incident show INC-7 --format json"))
def show(incident: Id, *, output: FormatOption = Format.TABLE) -> None:
    """Show an incident, its timeline and the events that told it."""
    wanted = incident_id(incident)
    found = with_gateway(lambda im: im.incidents.get(wanted))
    write(output, found, render_incidents.incident_text(found))


def _change(incident: str, action: str, actor: str, note: str | None, output: Format) -> None:
    from domain.incidents import Action, Change  # noqa: PLC0415 - heavy

    wanted = incident_id(incident)
    change = Change(action=Action(action), actor=actor, note=note)
    _told(with_gateway(lambda im: im.incidents.change(wanted, change)), output)


def _told(incident: "Incident", output: Format) -> None:
    write(output, incident, render_incidents.incident_table([incident]))
    if incident.timeline[-1].published is False:
        warn(UNPUBLISHED)
    elif output is Format.TABLE:
        say(f"event {incident.timeline[-1].event_id}; see: im event show {incident.timeline[-1].event_id}")
