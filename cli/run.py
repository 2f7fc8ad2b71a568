"""What every command shares: the gateway, exit statuses, messages, output formats, and values people type."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from getpass import getpass
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from cli.groups import Group
from cli.output import lost, unwritten
from cli.render import clean, json_text
from domain.errors import ImError, InvalidInputError, InvalidRequestError, UnavailableError
from domain.timing import parse_duration

if TYPE_CHECKING:  # for annotations alone: the gateway takes half a second to import
    from service.gateway import Gateway

T = TypeVar("T")
Read = TypeVar("Read")
Choice = TypeVar("Choice", bound=StrEnum)

MOST_LISTED = 1000
# 0 is done. 2 is usage: an option is missing or contradicts another, or is no number, time, word or JSON as it takes;
# Click decides it, and commands by `typer.BadParameter`. An error has the status of its nearest ancestor here.
EXIT_STATUS: dict[type[ImError], int] = {ImError: 1, UnavailableError: 3}


class Format(StrEnum):
    """How data is printed."""

    TABLE = "table"
    JSON = "json"


def one_of(choices: type[Choice]) -> dict[str, Any]:
    """Arguments of an option that takes one of these words, in any case; Typer's own message for others is unclear."""

    def parse(text: str) -> Choice:
        for choice in choices:
            if choice.casefold() == text.casefold():
                return choice
        raise typer.BadParameter(f"{text!r} is not one of {', '.join(choices)}")

    return {"parser": parse, "metavar": "|".join(choices)}


FormatOption = Annotated[Format, typer.Option("--format", help="How data is printed.", **one_of(Format))]
Limit = Annotated[int, typer.Option("--limit", metavar="N", help="At most so many.", min=1, max=MOST_LISTED)]


def make_app(purpose: str) -> typer.Typer:
    """A Typer app with the settings that all nouns share; plain help, because Rich alone takes 0.1 s to import."""
    return typer.Typer(
        cls=Group,
        help=purpose,
        no_args_is_help=True,
        add_completion=False,
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
    )


def examples(*lines: str) -> str:
    r"""An epilog with example commands; ``\b`` keeps Click from rewrapping them."""
    return "\n".join(["\b", "Examples:" if len(lines) > 1 else "Example:", *(f"  {line}" for line in lines)])


def with_gateway(work: Callable[["Gateway"], Awaitable[T]], *, emits: bool = False) -> T:
    """Run an asynchronous function with a gateway made from the process's settings.

    What ``emits`` makes spans where `OTEL_*` asks for them; what is wrong with those variables is for servers to say.
    """
    from service.settings import load_settings  # noqa: PLC0415 - heavy

    settings = load_settings()
    from service.gateway import open_gateway  # noqa: PLC0415 - heavier: wrong settings are told before

    async def connected() -> T:
        if not emits:
            return await work(await open_gateway(settings))
        from service.tracing import tracing  # noqa: PLC0415 - only here

        async with tracing() as spans:
            return await work(await open_gateway(settings, spans))

    return asyncio.run(connected())


def end_after(body: Callable[[], object]) -> NoReturn:
    """Run a command that hosts a Temporal worker, and end the process with its exit status (see `finish`)."""
    from service.process import finish  # noqa: PLC0415 - only here

    try:
        result = body()
        status = result if isinstance(result, int) else 0
    except ImError as error:
        status = report(error)
    except OSError as error:
        if (fault := lost(sys.stdout, error)) is None:
            raise
        status = unwritten(fault)
    except KeyboardInterrupt:
        status = 130
    finish(status)


def exit_status(error: ImError) -> int:
    """The exit status of a command that failed with this error."""
    return next(EXIT_STATUS[kind] for kind in type(error).__mro__ if kind in EXIT_STATUS)


def report(error: ImError) -> int:
    """Say what went wrong and what to do about it; returns the exit status."""
    say(f"error: {error}")
    if error.advice:
        say(f"hint: {error.advice.replace('Idempotency-Key', '--idempotency-key')}")  # the words are the API's
    return exit_status(error)


def say(message: str) -> None:
    """A message to the person at the terminal, on standard error."""
    typer.echo(clean(message), err=True)


def warn(message: str) -> None:
    """A warning, on standard error."""
    say(f"warning: {message}")


def write(output: Format, data: Any, text: str) -> None:
    """Data, on standard output: as JSON, or as the text it was rendered to."""
    put(json_text(data) if output is Format.JSON else text)


def put(text: str) -> None:
    """A line or more on standard output; the end, with exit status 0, when whoever reads has gone (``| head -1``)."""
    try:
        typer.echo(text)
    except OSError as error:  # a full disk
        raise typer.Exit(unwritten(error)) from None


def key_value(option: str, pair: str) -> tuple[str, str]:
    """The halves of ``K=V``. The pair is not repeated in the error: header values are often secret."""
    key, equals, value = pair.partition("=")
    if not equals or not key:
        raise typer.BadParameter(f"{option} takes NAME=VALUE")
    return key, value


def check_not_empty(options: dict[str, str | None]) -> None:
    """Raise a usage error for a filter that is given and says nothing: a variable of a script may have been empty."""
    for option, value in options.items():
        if value is not None and not value.strip():
            raise typer.BadParameter(f"{option} is empty; leave it out where it is to filter nothing")


def only_given(options: dict[str, Any]) -> dict[str, Any]:
    """The options that were given; the others are left to whoever is called."""
    return {name: value for name, value in options.items() if value is not None}


def typed_secret(given: str | None, prompt: str = "secret") -> str | None:
    """A secret, from standard input for ``-`` (asked for without echo at a terminal); one line break is dropped."""
    if given != "-":
        return given
    if sys.stdin.isatty():
        return getpass(f"{prompt}: ", stream=sys.stderr)
    return sys.stdin.read().removesuffix("\n").removesuffix("\r")


def incident_id(text: str) -> str:
    """``INC-7`` for ``INC-7``, ``inc-7`` or ``7``."""
    from domain.incidents import own_form  # noqa: PLC0415 - heavy

    found = own_form(text)
    if found is None:
        raise typer.BadParameter(f"{text!r} is not an incident; write INC-7 or 7")
    return found


def meant(option: str, read: Callable[[T], Read], given: T) -> Read:
    """What ``read`` makes of the value of an option; what it refuses is refused under the option's name."""
    try:
        return read(given)
    except InvalidInputError as error:
        raise typer.BadParameter(f"{option}: {error}. {error.advice}".removesuffix(". ")) from None


def duration(option: str, text: str) -> timedelta:
    """The value of an option that takes ``90s``, ``15m``, ``24h`` or ``5d``."""
    try:
        return parse_duration(text)
    except InvalidRequestError as error:
        raise typer.BadParameter(f"{option}: {error}") from None


def moment(option: str, text: str, now: datetime) -> datetime:
    """The value of an option that takes ``1h`` (that long before now) or an RFC 3339 timestamp."""
    try:
        at = datetime.fromisoformat(text.strip().upper())
    except ValueError:
        pass
    else:
        if "T" in text.upper():
            return at if at.tzinfo else at.replace(tzinfo=UTC)
    try:
        return now - parse_duration(text)
    except (InvalidRequestError, OverflowError):
        from domain.faults import shown  # noqa: PLC0415 - only where something went wrong

        raise typer.BadParameter(
            f"{option}: {shown(text)} is neither a duration (15m, 1h, 5d) nor an RFC 3339 time"
        ) from None
