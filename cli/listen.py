"""`im listen`: a receiver on this machine that is a subscriber for as long as it runs."""

import re
from typing import Annotated
from urllib.parse import urlsplit

import typer

from cli.run import Format, FormatOption, duration, with_gateway
from cli.secrets import SecretEnv, SecretFrom, given_secret
from cli.subscriber_options import Types, patterns


def listen(
    *,
    port: Annotated[
        int | None, typer.Option("--port", help="Port to listen on.", min=0, max=65535, show_default="a free one")
    ] = None,
    types: Types = None,
    forward_to: Annotated[
        str | None,
        typer.Option("--forward-to", metavar="URL", help="Send each request on, as it came; show the answer."),
    ] = None,
    forward_anywhere: Annotated[
        bool, typer.Option("--forward-anywhere", help="Let --forward-to leave this machine.")
    ] = False,
    status: Annotated[
        str | None,
        typer.Option(
            "--status", metavar="CODES", help="What each event is answered, in turn: 503,200. The last repeats."
        ),
    ] = None,
    delay: Annotated[str, typer.Option("--delay", metavar="DURATION", help="Wait before each answer.")] = "0s",
    verify: Annotated[bool, typer.Option("--verify/--no-verify", help="Check the signatures.")] = True,
    secret: SecretFrom = None,
    secret_env: SecretEnv = None,
    output: FormatOption = Format.TABLE,
) -> None:
    """Receive events on this machine, and show them.

    It is a subscriber for as long as it runs, and removes itself at the end (Ctrl-C). It misbehaves on request. The
    worker must run on this machine. Without --secret one is generated, for this run alone.
    """
    codes = statuses(status) if status else None
    waits = duration("--delay", delay).total_seconds()
    target = forward_url(forward_to, anywhere=forward_anywhere) if forward_to else None
    signing = given_secret(secret, secret_env)
    from cli.listener import Plan, listening  # noqa: PLC0415 - heavy

    plan = Plan(
        port=port or 0,
        types=patterns(types),
        forward_to=target,
        statuses=codes,
        delay=waits,
        verify=verify,
        secret=signing,
        output=output,
    )
    raise typer.Exit(with_gateway(lambda im: listening(im, plan)))


def statuses(text: str) -> list[int]:
    """The codes meant by ``503,200``."""
    codes = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch("[2-5][0-9]{2}", code) for code in codes):
        raise typer.BadParameter(f"--status: {text!r} is no list of statuses from 200 to 599; write 503,200")
    return [int(code) for code in codes]


def forward_url(url: str, *, anywhere: bool) -> str:
    """The same URL, if requests may be sent on to it: by default to this machine alone, for they may hold secrets."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname, parts.port
    except ValueError:
        host = None
    if not host or parts.scheme not in {"http", "https"} or re.search(r"\s", url):
        raise typer.BadParameter(f"--forward-to: {url!r} is no http(s) URL, such as http://localhost:3000/webhook")
    from domain.addresses import is_loopback_host  # noqa: PLC0415 - heavy

    if not anywhere and not is_loopback_host(host):
        raise typer.BadParameter(f"--forward-to: {host} is not this machine; if that is meant, add --forward-anywhere")
    return url
