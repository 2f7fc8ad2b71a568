"""The options that commands of `im subscriber` share, and how what people type there is read."""

from functools import partial
from typing import Annotated, TypeVar

import typer

from cli.run import duration, key_value, meant
from domain.errors import InvalidRequestError
from domain.message_formats import MessageFormat
from domain.targets.kinds import one_place
from domain.timing import parse_duration

Name = Annotated[str, typer.Argument(help="The subscriber's name.", metavar="NAME", show_default=False)]
Types = Annotated[
    list[str] | None,
    typer.Option(
        "--types",
        metavar="PATTERNS",
        help="Event types, comma-separated; * is one segment, ** one or more. Repeatable. New webhooks get all types, "
        "new alert targets the begin and the end of incidents.",
    ),
]
Severities = Annotated[
    list[str] | None,
    typer.Option(
        "--severities",
        metavar="SEVERITIES",
        help="Of events that state one, as incidents' do, only these: SEV-1,SEV-2; alarms are told whatever "
        "theirs. New subscribers get all; 'all' chooses all again.",
    ),
]
Notify = Annotated[
    str | None,
    typer.Option(
        "--notify",
        metavar="URL",
        help="An alert target instead: pagerduty://KEY, pover://USER@TOKEN, twilio://SID:TOKEN@FROM/TO, or any of "
        "Apprise's (slack://, ...; with the extra 'apprise'). - reads standard input. Never shown again.",
    ),
]
Secret = Annotated[
    str | None,
    typer.Option("--secret", metavar="VALUE", help="Secret to sign with; - reads standard input. Never shown again."),
]
GenerateSecret = Annotated[bool, typer.Option("--generate-secret", help="Make a secret and show it once.")]
Header = Annotated[
    list[str] | None,
    typer.Option(
        "--header", metavar="NAME=VALUE", help="Header added to each request; the value is never shown. Repeatable."
    ),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        "--schedule",
        metavar="WAITS",
        help="Waits between attempts: default (15 s in all), pager (1 h; new alert targets have it), long (3 days), or "
        "such as 5s,1m,10m; without a unit they are seconds.",
    ),
]
MaxAttempts = Annotated[
    int | None,
    typer.Option(
        "--max-attempts",
        metavar="N",
        help="Requests in all (default schedule: 5, pager: 13). Fewer end a named schedule early; more repeat the last "
        "wait.",
        min=1,
        max=50,
    ),
]
MessageForm = Annotated[
    MessageFormat | None,
    typer.Option("--message-format", help="Of a webhook; flat and nested are alarm notifications, of alarms alone."),
]
HttpClient = Annotated[
    str | None,
    typer.Option("--http-client", metavar="NAME", help="HTTP client that a webhook is posted with."),
]
Hostname = Annotated[
    str | None,
    typer.Option("--hostname", metavar="HOST", help="The URL in parts, instead of --url: https://HOST:PORT/CONTEXT."),
]
Port = Annotated[int | None, typer.Option("--port", metavar="N", help="Port, with --hostname.  [default: 443]")]
Context = Annotated[str | None, typer.Option("--context", metavar="PATH", help="Path, with --hostname.  [default: /]")]
Ordered = Annotated[
    bool | None,
    typer.Option(
        "--ordered/--unordered",
        help="Deliver the events of one incident or alarm one after the other, as alert targets and alarm "
        "notifications always are.",
    ),
]
MaxConcurrency = Annotated[
    int | None,
    typer.Option(
        "--max-concurrency", metavar="N", help="Requests to it at once, 1 to 1000, over all workers.", min=1, max=1000
    ),
]
NoMaxConcurrency = Annotated[bool, typer.Option("--no-max-concurrency", help="Limit no more how many at once.")]
RateLimit = Annotated[
    str | None,
    typer.Option("--rate-limit", metavar="N/s", help="Requests to it in a time, over all workers: 10/s, 0.5/s, 100/m."),
]
NoRateLimit = Annotated[bool, typer.Option("--no-rate-limit", help="Limit no more how often.")]
PauseAfter = Annotated[
    str | None,
    typer.Option(
        "--pause-after",
        metavar="DURATION",
        help="Pause it when it has failed for so long without a success, such as 5d (advised).",
    ),
]
NoPauseAfter = Annotated[bool, typer.Option("--no-pause-after", help="Never pause it for failing.")]
NoHttpClient = Annotated[bool, typer.Option("--no-http-client", help="Post with the plain client again.")]
ClearHeaders = Annotated[bool, typer.Option("--clear-headers", help="Drop all added headers.")]
DropSecret = Annotated[bool, typer.Option("--drop-secret", help="Sign no more.")]
Enabled = Annotated[
    bool | None,
    typer.Option("--enabled/--no-enabled", " /--disabled", help="Deliver or not; --enabled=false works too."),
]

CancelWaiting = Annotated[
    bool, typer.Option("--cancel-waiting", help="Cancel what its pause holds, retries too; else it is refused.")
]


def check_place(
    url: str | None, parts: tuple[str | None, int | None, str | None], notify: str | None, *, needed: bool
) -> None:
    """Raise a usage error where it is said twice, or though ``needed`` not at all, where a subscriber is told.

    Args:
        url: ``--url``.
        parts: ``--hostname``, ``--port`` and ``--context``.
        notify: ``--notify``.
        needed: whether it is new.
    """
    options = zip(("--url", "--hostname", "--port", "--context"), (url, *parts), strict=True)
    given = [option for option, value in options if value is not None]
    if url is not None and len(given) > 1:
        raise typer.BadParameter(
            f"{given[1]}: give --url, or its parts with --hostname, --port and --context, not both"
        )
    if given and notify is not None:
        raise typer.BadParameter(f"{given[0]} and --notify: {one_place('--')}")
    if needed and given and {"--url", "--hostname"}.isdisjoint(given):
        raise typer.BadParameter(f"{given[0]} goes with --hostname")
    if needed and not given and notify is None:
        raise typer.BadParameter(f"where is it told? {one_place('--')}")


def check_secret_once(secret: str | None, *, generate: bool, drop: bool = False) -> None:
    """Raise a usage error where it is said in two ways what a subscriber's requests are signed with."""
    ways = {"--secret": secret is not None, "--generate-secret": generate, "--drop-secret": drop}
    given = [option for option, is_given in ways.items() if is_given]
    if len(given) > 1:
        raise typer.BadParameter(f"give {given[0]} or {given[1]}, not both")


def pause_after(text: str | None) -> int | None:
    """The seconds of ``--pause-after``."""
    if text is None:
        return None
    seconds = int(duration("--pause-after", text).total_seconds())
    if seconds < 1:
        raise typer.BadParameter("--pause-after is 1s to 365d; --no-pause-after is how it is never paused")
    return seconds


def schedule_meant(text: str | None, attempts: int | None) -> str | None:
    """The waits of ``--schedule``, of which none is left out by ``--max-attempts``."""
    from domain.retry import check_waits_used, make_schedule  # noqa: PLC0415 - heavy

    if text is None:
        return None
    text = _in_seconds(text)
    meant("--schedule", make_schedule, text)
    meant("--max-attempts", partial(check_waits_used, text), attempts)
    return text


def _in_seconds(schedule: str) -> str:
    """Waits such as ``5s,1m`` as the platform has them (``5,60``); anything else as it is."""
    try:
        return ",".join(str(int(parse_duration(wait).total_seconds())) for wait in schedule.split(","))
    except InvalidRequestError:
        return schedule


def rate_meant(text: str | None) -> str | None:
    """The rate of ``--rate-limit``; an empty one is none."""
    from domain.limits import check_rate  # noqa: PLC0415 - heavy

    return meant("--rate-limit", check_rate, text) if text else text


def patterns(types: list[str] | None) -> list[str] | None:
    """The patterns of every ``--types``."""
    from domain.patterns import parse_patterns  # noqa: PLC0415 - heavy

    return list(meant("--types", parse_patterns, ",".join(types))) if types is not None else None


def severities_meant(given: list[str] | None) -> list[str] | None:
    """The severities of every ``--severities``."""
    from domain.severities import check_severities  # noqa: PLC0415 - heavy

    return list(meant("--severities", check_severities, ",".join(given).split(","))) if given is not None else None


def headers(pairs: list[str] | None) -> dict[str, str] | None:
    """The headers of every ``--header``."""
    if not pairs:
        return None
    found = dict(key_value("--header", pair) for pair in pairs)
    if len(found) < len(pairs):
        raise typer.BadParameter("--header names one header twice")
    return found


V = TypeVar("V", str, int)


def value_or_none(option: str, given: V | None, dropped: bool, nothing: V) -> V | None:  # noqa: FBT001 - a flag's value
    """What ``--option`` gives, or ``nothing`` where ``--no-option`` takes it away; None where neither is said."""
    if given is not None and dropped:
        raise typer.BadParameter(f"give --{option} or --no-{option}, not both")
    return nothing if dropped else given
