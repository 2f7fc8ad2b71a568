"""`im trigger`: emits an example event of a known type."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from cli import render
from cli.run import Format, FormatOption, key_value, put, say, with_gateway, write

if TYPE_CHECKING:
    from domain.events import CloudEvent
    from domain.receipts import PublishReceipt
    from service.gateway import Gateway


def trigger(
    event_type: Annotated[str, typer.Argument(metavar="TYPE", help="A type of im types.", show_default=False)],
    *,
    changes: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="NAME=VALUE", help="A value of the data; a.b=VALUE is one within another. Repeatable."
        ),
    ] = None,
    subscriber: Annotated[str | None, typer.Option("--subscriber", metavar="NAME", help="To this one only.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the event; emit nothing. Needs no server.")] = False,
    output: FormatOption = Format.TABLE,
) -> None:
    """Emit an example of a known event type.

    It is marked by the attribute imexample; its id is printed. All that want the type are told, alert targets too:
    --subscriber names one. Nothing else changes: no incident is declared, no alarm raised.
    """
    from domain.errors import InvalidRequestError  # noqa: PLC0415 - heavy
    from domain.event_templates import from_example  # noqa: PLC0415 - heavy
    from domain.event_types import SUBSCRIBER_TEST  # noqa: PLC0415 - heavy
    from service.event_ids import new_event_id  # noqa: PLC0415 - heavy
    from service.event_schemas import event_schema  # noqa: PLC0415 - heavy

    if event_type == SUBSCRIBER_TEST:
        raise InvalidRequestError(reason="a test event is for one subscriber: im subscriber test NAME")
    now = datetime.now(UTC)
    given = dict(key_value("--set", pair) for pair in changes or [])
    event = from_example(event_schema(event_type), given, now, new_event_id())
    if dry_run:
        put(render.json_text(event.to_dict()))
        return
    receipt = with_gateway(lambda im: _emit(im, event, subscriber), emits=True)
    write(output, receipt, render.clean(receipt.event_id))
    say(f"emitted an example of {event.type} from {event.source}; see: im event show {event.id}")


async def _emit(im: "Gateway", event: "CloudEvent", subscriber: str | None) -> "PublishReceipt":
    """Emit it; to one subscriber only where that would be told."""
    if subscriber is not None:
        from service.resends import check_wanted  # noqa: PLC0415 - heavy

        check_wanted(await im.subscribers.get(subscriber), event)
    return await im.events.emit(event, only=subscriber)
