"""`im event`: emit CloudEvents, and see what became of them."""

import shlex
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render
from cli.event_emit import emit
from cli.event_resend import Id, Source, resend
from cli.run import (
    Format,
    FormatOption,
    Limit,
    check_not_empty,
    examples,
    make_app,
    moment,
    say,
    with_gateway,
    write,
)
from cli.watch import check_type, watch_events

if TYPE_CHECKING:
    from service.event_list import EventFilter, EventPage
    from service.gateway import Gateway

app = make_app("Emit CloudEvents, and see what became of them.")

app.command(
    epilog=examples(
        """im event emit --type com.example.deploy.v1 --data '{"version": "1.2"}'""",
        "im event emit --file event.json",
    )
)(emit)


@app.command(
    "list",
    epilog=examples(
        "im event list --failed --since 1h",
        "im event list --subscriber ops --undelivered",
        "im event list --incident 7",
    ),
)
def list_(
    *,
    failed: Annotated[
        bool, typer.Option("--failed", help="Only what failed for good for a subscriber: it is parked, not lost.")
    ] = False,
    undelivered: Annotated[
        bool, typer.Option("--undelivered", help="What failed for good, or was cancelled for a subscriber.")
    ] = False,
    event_type: Annotated[
        str | None, typer.Option("--type", metavar="PATTERN", help="Only this type, or types that match.")
    ] = None,
    incident: Annotated[str | None, typer.Option("--incident", metavar="ID", help="Only of this incident.")] = None,
    subscriber: Annotated[
        str | None, typer.Option("--subscriber", metavar="NAME", help="Only of this one, with where it stands there.")
    ] = None,
    since: Annotated[
        str | None, typer.Option("--since", metavar="WHEN", help="Only since 15m, 1h, 5d ago, or an RFC 3339 time.")
    ] = None,
    limit: Limit = 100,
    output: FormatOption = Format.TABLE,
) -> None:
    """List events, the latest first (up to a second behind)."""
    from domain.incidents import incident_named  # noqa: PLC0415 - heavy
    from service.event_list import EventFilter  # noqa: PLC0415 - heavy

    check_not_empty({"--type": event_type, "--incident": incident, "--subscriber": subscriber, "--since": since})
    now = datetime.now(UTC)
    wanted = EventFilter(
        failed=failed,
        undelivered=undelivered,
        type=event_type,
        incident=incident_named(incident),
        subscriber=subscriber,
        since=moment("--since", since, now) if since else None,
        limit=limit,
    )
    check_type(event_type)
    found, remarks = with_gateway(lambda im: _find(im, wanted))
    write(output, found.rows, render.event_table(found.rows, now, subscriber))
    for remark in remarks:
        say(remark)


@app.command(epilog=examples("im event show evt_550e8400-e29b-41d4-a716-446655440000"))
def show(event: Id, *, source: Source = None, output: FormatOption = Format.TABLE) -> None:
    """Show an event, its deliveries and every attempt."""
    from domain.replays import replay_of  # noqa: PLC0415 - heavy

    found = with_gateway(lambda im: im.events.get(event, source))
    data = {"event": found.event.to_dict(), "runs": found.runs, "paused": found.paused}
    write(output, data, render.event_text(found, datetime.now(UTC)))
    for name, run in found.arrived_since.items():
        by = render.kind_text(run.kind, replay_of(run.workflow_id))
        say(f"it failed for {name}, and has arrived there since ({by}): nothing is to be done")
    for name in found.parked:
        say(f"parked: it failed for {name}; send it again: im event resend {shlex.quote(event)} --subscriber {name}")


app.command(epilog=examples("im event resend evt_550e8400-e29b-41d4-a716-446655440000 --subscriber my-webhook"))(resend)
app.command("watch", epilog=examples("im event watch --failed", "im event watch --incident 7 --format json"))(
    watch_events
)


async def _find(im: "Gateway", wanted: "EventFilter") -> "tuple[EventPage, list[str]]":
    """Events, and what there is to say of the list; an error where there is none because what it names is not there."""
    from service.filter_checks import check_empty, doubts  # noqa: PLC0415 - heavy

    found = await im.events.find(wanted)
    found = found.model_copy(update={"rows": found.rows[: wanted.limit]})
    remarks = [] if found.complete else ["older events were not searched: there are too many; narrow it down"]
    if found.rows and (wanted.failed or wanted.undelivered):
        remarks.append(await _parked(im, wanted))
    remarks += _cut(found, wanted)
    doubtful = await doubts(im, wanted, look_up=True)
    if found.rows or remarks:
        return found, remarks + doubtful
    await check_empty(im, wanted)
    given = wanted.model_dump(exclude={"limit"}, exclude_none=True, exclude_defaults=True)
    none = "no events match" if given else "no events yet; emit one: im event emit --type TYPE --data JSON"
    return found, [none, *doubtful]


def _cut(found: "EventPage", wanted: "EventFilter") -> list[str]:
    """What the lines of a list do not say: who else is in trouble; which of several states one subscriber's is."""
    if wanted.subscriber is None:
        if any(row.more_troubled for row in found.rows):
            return ["where it ends in ..., more are in trouble than a list can name: im event show EVENT has all"]
    elif any(len(row.states_of(wanted.subscriber)) > 1 for row in found.rows):
        told = "where there is an 'or', a list cannot tell: events that came together, or very many that wait for one"
        return [f"{told}: im why EVENT {wanted.subscriber}"]
    return []


async def _parked(im: "Gateway", wanted: "EventFilter") -> str:
    """How what failed is sent again; of a subscriber that was removed, to another one."""
    from domain.errors import UnavailableError  # noqa: PLC0415 - heavy
    from domain.replay_errors import UnknownSubscriberError  # noqa: PLC0415 - heavy
    from service.filter_checks import check_subscriber  # noqa: PLC0415 - heavy

    which = "--undelivered" if wanted.undelivered else "--failed-only"
    again = f"im replay --subscriber {wanted.subscriber or 'NAME'} {which}"
    with suppress(UnavailableError):  # nobody there to ask
        try:
            await check_subscriber(im, wanted.subscriber)
        except UnknownSubscriberError:
            return f"parked: {wanted.subscriber} was removed; to another one: {again} --to NAME, or add it anew first"
    return (
        f"parked: what has not arrived since is sent again with {again}; of one, im event show ID says whether it has"
    )
