"""`im event`: emit CloudEvents, and see what became of them."""

import shlex
import sys
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render
from cli.event_resend import Id, Source, resend
from cli.run import (
    Format,
    FormatOption,
    Limit,
    examples,
    incident_id,
    key_value,
    make_app,
    moment,
    say,
    with_gateway,
    write,
)
from cli.watch import warn_misread, watch_events

if TYPE_CHECKING:
    from domain.events import CloudEvent
    from service.event_list import EventFilter, EventPage
    from service.gateway import Gateway

app = make_app("Emit CloudEvents, and see what became of them.")

DEFAULT_SOURCE = "/cli"


@app.command(
    epilog=examples(
        """im event emit --type com.example.deploy.v1 --data '{"version": "1.2"}'""",
        "im event emit --file event.json",
    )
)
def emit(
    *,
    event_type: Annotated[str | None, typer.Option("--type", help="Required, unless --file is given.")] = None,
    source: Annotated[str | None, typer.Option("--source", help="Where it comes from.  [default: /cli]")] = None,
    event_id: Annotated[str | None, typer.Option("--id", help="With the source, its identity.  [default: new]")] = None,
    subject: Annotated[str | None, typer.Option("--subject", help="What it is about, within the source.")] = None,
    time: Annotated[str | None, typer.Option("--time", help="RFC 3339 time it happened.  [default: now]")] = None,
    data: Annotated[str | None, typer.Option("--data", metavar="JSON|@FILE", help="The data; @- is stdin.")] = None,
    datacontenttype: Annotated[
        str | None, typer.Option("--datacontenttype", help="Type of the data.  [default: application/json]")
    ] = None,
    extension: Annotated[
        list[str] | None, typer.Option("--extension", metavar="NAME=VALUE", help="Further attribute. Repeatable.")
    ] = None,
    file: Annotated[
        str | None, typer.Option("--file", metavar="PATH|-", help="A CloudEvent in JSON instead of the above.")
    ] = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Emit an event to all that want its type; prints its id."""
    from domain.event_parsing import parse_event  # noqa: PLC0415 - heavy
    from domain.operational import check_publishable  # noqa: PLC0415 - heavy

    attributes = {"id": event_id, "source": source, "type": event_type, "subject": subject, "time": time}
    if file is not None:
        if any(attributes.values()) or data is not None or datacontenttype or extension:
            raise typer.BadParameter("--file has the whole event; leave out the other options")
        event = parse_event(read_bytes(file))
    else:
        event = _from_options(attributes, data, datacontenttype, extension or [])
    receipt = with_gateway(lambda im: im.events.emit(check_publishable(event)), emits=True)
    write(output, receipt, render.clean(receipt.event_id))
    if receipt.duplicate:
        say("this event was accepted before; it is not delivered again (to do that: im event resend)")


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
    from service.event_list import EventFilter  # noqa: PLC0415 - heavy

    now = datetime.now(UTC)
    wanted = EventFilter(
        failed=failed,
        undelivered=undelivered,
        type=event_type,
        incident=incident_id(incident) if incident else None,
        subscriber=subscriber,
        since=moment("--since", since, now) if since else None,
        limit=limit,
    )
    warn_misread(event_type)
    found, remarks = with_gateway(lambda im: _find(im, wanted))
    write(output, found.rows, render.event_table(found.rows, now, subscriber))
    for remark in remarks:
        say(remark)


@app.command(epilog=examples("im event show evt_550e8400-e29b-41d4-a716-446655440000"))
def show(event: Id, *, source: Source = None, output: FormatOption = Format.TABLE) -> None:
    """Show an event, its deliveries and every attempt."""
    found = with_gateway(lambda im: im.events.get(event, source))
    data = {"event": found.event.to_dict(), "runs": found.runs, "paused": found.paused}
    write(output, data, render.event_text(found, datetime.now(UTC)))
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
    doubtful = await doubts(im, wanted)
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
        told = "where there is an 'or', events were accepted together, and a list does not tell them apart"
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
    return f"parked: send one again with im event resend ID, all with {again}"


def _from_options(
    attributes: dict[str, str | None], data: str | None, datacontenttype: str | None, extensions: list[str]
) -> "CloudEvent":
    """The event of the options. It is parsed as a binary-mode request: the same attributes, the data's own bytes."""
    from domain.event_parsing import parse_binary_event  # noqa: PLC0415 - heavy
    from domain.events import SPEC_VERSION  # noqa: PLC0415 - heavy
    from domain.header_values import encode_header_value  # noqa: PLC0415 - heavy
    from service.event_ids import new_event_id  # noqa: PLC0415 - heavy

    body = _data(data, datacontenttype)
    if not attributes["type"]:
        raise typer.BadParameter("give --type, or a whole event with --file")
    defaults = {"specversion": SPEC_VERSION, "id": new_event_id(), "source": DEFAULT_SOURCE, "time": _now()}
    members = defaults | {name: value for name, value in attributes.items() if value is not None}
    for name, value in (key_value("--extension", pair) for pair in extensions):
        if name in members:
            raise typer.BadParameter(f"--extension {name}: there is one already, or an option of its own")
        members[name] = value
    headers = {f"ce-{name}": encode_header_value(value) for name, value in members.items()}
    if data is not None or datacontenttype:
        headers["content-type"] = datacontenttype or "application/json"
    return parse_binary_event(headers, body)


def _data(given: str | None, datacontenttype: str | None) -> bytes:
    """The data of ``--data``; a usage error where they are to be JSON and are not, with the place of the fault."""
    from domain.errors import InvalidEventError  # noqa: PLC0415 - heavy
    from domain.event_parsing import is_json  # noqa: PLC0415 - heavy
    from domain.strict_json import load_json  # noqa: PLC0415 - heavy

    if given is None:
        return b""
    body = read_bytes(given[1:]) if given.startswith("@") else given.encode(errors="surrogateescape")
    if body and is_json(datacontenttype):
        try:
            load_json(body)
        except InvalidEventError as error:
            other = "what is no JSON needs --datacontenttype, such as text/plain"
            raise typer.BadParameter(f"--data: {error.data['reason']}; {other}") from None
    return body


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def read_bytes(path: str) -> bytes:
    """The content of a file, or of standard input for ``-``."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise typer.BadParameter(f"cannot read {path}: {error.strerror}") from None
