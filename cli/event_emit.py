"""`im event emit`: an event from options, or from a file."""

import shlex
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render
from cli.run import Format, FormatOption, key_value, meant, say, with_gateway, write

if TYPE_CHECKING:
    from domain.events import CloudEvent

DEFAULT_SOURCE = "/cli"


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
    else:
        say(f"see: im event show {shlex.quote(receipt.event_id)}")


def _from_options(
    attributes: dict[str, str | None], data: str | None, datacontenttype: str | None, extensions: list[str]
) -> "CloudEvent":
    """The event of the options. It is parsed as a binary-mode request: the same attributes, the data's own bytes."""
    from domain.event_parsing import parse_binary_event  # noqa: PLC0415 - heavy
    from domain.events import SPEC_VERSION  # noqa: PLC0415 - heavy
    from domain.header_values import encode_header_value  # noqa: PLC0415 - heavy
    from domain.patterns import check_can_be_named  # noqa: PLC0415 - heavy
    from service.event_ids import new_event_id  # noqa: PLC0415 - heavy

    body = _data(data, datacontenttype)
    if not attributes["type"]:
        raise typer.BadParameter("give --type, or a whole event with --file")
    meant("--type", check_can_be_named, attributes["type"])
    _check_time(attributes["time"])
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
    from domain.event_errors import InvalidEventError  # noqa: PLC0415 - heavy
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
            if given == "-":
                other = "write @- to read standard input"
            raise typer.BadParameter(f"--data: {error.data['reason']}; {other}") from None
    return body


def _check_time(given: str | None) -> None:
    """A usage error where ``--time`` is no time."""
    from domain.event_errors import InvalidEventError  # noqa: PLC0415 - heavy
    from domain.event_parsing import check_time  # noqa: PLC0415 - heavy

    try:
        if given is not None:
            check_time(given)
    except InvalidEventError as error:
        raise typer.BadParameter(f"--time: {error.data['reason']}") from None


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
